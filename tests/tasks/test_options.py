"""An answer that names a choice by its words is that choice; one that names two, or none, is no answer."""

import pytest

from infertune.tasks.extraction import Choice, extractor
from infertune.tasks.options import offered
from infertune.types import Example

CITIES = {"A": "Paris", "B": "London", "C": "New York", "D": "York"}
FIELDS = [
    {"question": "Which?\nA) Paris\nB) London\nC) New York\nD) York"},
    {"question": "Which? (A) Paris (B) London (C) New York (D) York"},
    {"question": "Which?\nA. Paris\nB. London\nC. New York\nD. York\n"},
    {"question": "Which? A: Paris, B: London, C: New York, D: York."},
    {"question": "Which?", "a": "Paris", "b": "London", "c": "New York", "d": "York"},
    {"question": "Which?", "choices": '["Paris", "London", "New York", "York"]'},
]
ANSWERS = [
    ("The answer is Paris.", "A"),
    ("the answer is **new york**", "C"),
    ("The correct answer is York", "D"),
    ("London", "B"),
    ("It is London, of course.", "B"),
    ("London is larger than Paris, but the answer is Paris.", "A"),
    ("It is not Paris but London.", "B"),
    ("The answer is B", "B"),
    ("The answer is (B) Paris", "B"),
    ("Paris or London", None),
    ("The answer is Paris or London", None),
    ("The answer is Rome", None),
    ("Parisian", None),
    ("The answer is not Paris", None),
    ("", None),
]


@pytest.mark.parametrize("fields", FIELDS, ids=range(len(FIELDS)))
@pytest.mark.parametrize(("text", "letter"), ANSWERS)
def test_options_by_their_words(fields, text, letter):
    extract = extractor([Choice(labels=tuple("ABCD"))], str)
    assert extract(text, Example(id="1", fields=fields, reference="A")) == letter


@pytest.mark.parametrize("fields", FIELDS, ids=range(len(FIELDS)))
def test_what_is_offered(fields):
    assert {label: words.rstrip(".,") for label, words in offered("ABCD", fields).items()} == CITIES


@pytest.mark.parametrize(
    "question", ["", "Which is it?", "A. Smith asked.", "B) x\nA) y", "[1, 2, 3, 4]", "A) x", "(A) " * 10_000]
)
def test_a_question_without_a_list_of_choices_offers_none(question):
    assert offered("ABCD", {"question": question}) == {}


def test_numbers_are_told_apart():
    example = Example(id="1", fields={"question": "6 * 9?\nA) 5\nB) 54\nC) 5.4\nD) -54"}, reference="B")
    extract = extractor([Choice(labels=tuple("ABCD"))], str)
    assert [extract(f"The answer is {said}", example) for said in ("54", "5", "5.4", "-54", "4")] == [
        "B", "A", "C", "D", None,
    ]  # fmt: skip


def test_options_that_are_the_same_name_none():
    example = Example(id="1", fields={"question": "Which?\nA) x\nB) X\nC) y\nD) z"}, reference="A")
    assert extractor([Choice(labels=tuple("ABCD"))], str)("It is x", example) is None
