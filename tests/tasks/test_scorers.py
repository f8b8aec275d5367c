import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.tasks.scorers.text import Exact, Number
from infertune.types import Example

SCORERS = [
    Exact(),
    Exact(ignore_case=True, ignore_punctuation=True, ignore_articles=True, ignore_numbers=True),
    Exact(separator="|"),
    Exact(ignore_patterns=(",", r"\.$")),
    Number(),
    Number(relative_tolerance=0.1, absolute_tolerance=1.0),
]


def case(reference):
    return Example(id="1", fields={}, reference=reference)


@pytest.mark.parametrize("scorer", SCORERS)
@given(answer=st.text(), reference=st.text())
def test_scores_are_in_the_unit_interval_and_equal_answers_score_equally(scorer, answer, reference):
    form = scorer.normal_form(answer)
    if form is not None:
        assert scorer.score(form, case(reference)) in (0.0, 1.0)
        assert scorer.score(form, case(answer)) <= 1
    ideal = scorer.normal_form(scorer.ideal(reference))
    if ideal is not None:
        assert scorer.score(ideal, case(reference)) == 1


@pytest.mark.parametrize(
    ("options", "answer", "reference", "score"),
    [
        ({}, " Paris ", "Paris", 1),
        ({}, "paris", "Paris", 0),
        ({"ignore_case": True}, "paris", "Paris", 1),
        ({"ignore_punctuation": True}, "Washington, D.C.", "Washington DC", 1),
        ({"ignore_articles": True}, "The  Hague", "Hague", 1),
        ({"ignore_articles": True}, "Theatre", "atre", 0),
        ({"ignore_spaces": False}, "a  b", "a b", 0),
        ({"ignore_numbers": True}, "route 66", "route", 1),
        ({"separator": "|"}, "Kiev", "Kyiv|Kiev", 1),
        ({"separator": "|"}, "Kyiv|Kiev", "Kyiv|Kiev", 0),
        ({}, "Kiev", '["Kyiv", "Kiev"]', 1),
        ({}, "[1, 2]", "[1, 2]", 1),
    ],
)
def test_exact(options, answer, reference, score):
    scorer = Exact(**options)
    assert scorer.score(scorer.normal_form(answer), case(reference)) == score


def test_exact_has_no_answer_where_nothing_is_left():
    assert Exact(ignore_punctuation=True).normal_form(" ... ") is None


def test_exact_refuses_a_broken_pattern():
    with pytest.raises(InvalidInputError, match="not a regular expression"):
        Exact(ignore_patterns=("(",))


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        ("18", "18"), ("$18.00", "18"), ("1,234.50", "1234.5"), ("50%", "50"), ("-0", "0"), ("1e3", "1000"),
        ("100", "100"), ("0.0", "0"), ("18.", "18"), (".5", "0.5"), (".", None), ("$,", None), ("", None),
        ("nan", None), ("inf", None), ("12 apples", "12"), ("1e999999999", None), ("1-2", None), ("٣", "3"),
    ],
)  # fmt: skip
def test_number_normal_form(answer, form):
    assert Number().normal_form(answer) == form


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_forms_keep_the_value(value):
    form = Number().normal_form(repr(value))
    assert form is None or math.isclose(float(form), value, rel_tol=1e-15)
    assert form is not None or abs(value) < 1e-290 or abs(value) > 1e290


@pytest.mark.parametrize(
    ("options", "answer", "score"),
    [({}, "3.1", 0), ({"absolute_tolerance": 0.1}, "3.1", 1), ({"relative_tolerance": 0.05}, "3.14", 1), ({}, "3", 1)],
)
def test_number_tolerance(options, answer, score):
    assert Number(**options).score(answer, case("3.0")) == score


@given(st.lists(st.text(min_size=1), min_size=1))
def test_exact_accepts_every_text_of_a_json_list(texts):
    scorer = Exact()
    for text in texts:
        form = scorer.normal_form(text)
        assert form is None or scorer.score(form, case(json.dumps(texts))) == 1


@pytest.fixture(scope="module")
def exact_match():
    return pytest.importorskip("lm_eval.api.metrics", reason="lm-eval is a test dependency").exact_match_fn


@given(
    st.sampled_from(["", "The ", "a "]),
    st.sampled_from(["Paris", "route 66!", "L'Île", "Straße", "İstanbul", "x_1;y", "Zu\u0308rich"]),
    st.fixed_dictionaries({name: st.booleans() for name in ("ignore_case", "ignore_punctuation", "ignore_numbers")}),
    st.sampled_from([(), ("The ",), (r"\d+", "!")]),
    st.sampled_from([str, str.upper, str.lower, lambda text: text + "!", lambda text: text.replace("6", "")]),
)
def test_exact_means_what_it_means_to_the_harness(exact_match, article, reference, options, patterns, change):
    answer = article + change(reference)
    # The harness cuts off what a text gains in lower case, as the Turkish İ does: it then differs from itself.
    assume(not options["ignore_case"] or all(len(text.lower()) == len(text) for text in (answer, reference)))
    theirs = exact_match(
        predictions=[answer], references=[reference], regexes_to_ignore=list(patterns) or None, **options
    )["exact_match"]
    scorer = Exact(ignore_typography=False, ignore_patterns=patterns, ignore_spaces=False, **options)
    form = scorer.normal_form(answer)
    assert (0.0 if form is None else scorer.score(form, case(reference))) == theirs


@pytest.mark.parametrize(
    ("answer", "reference", "score"),
    [
        ("29.00", "29", 1),
        ("**29**", "$29", 1),
        ("29 dollars", "29.0", 1),
        ("1/3", "0.3333333333", 1),
        ("290", "29", 0),
    ],
)
def test_number_scores_what_is_meant(answer, reference, score):
    assert Number().score(Number().normal_form(answer), case(reference)) == score


def test_number_reads_references_as_it_reads_answers():
    comma = Number(decimal_mark=",")
    assert comma.score(comma.normal_form("1.234,5"), case("1234,5")) == 1
    assert comma.score(comma.normal_form("1,234"), case("1234")) == 0
