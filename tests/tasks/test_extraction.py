import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.tasks.extraction import Boxed, Choice, Code, Json, Line, Regex, Text, extractor

STEPS = [
    Regex(pattern=r"(\d)|([a-z])", which="last"),
    Line(),
    Choice(labels=("yes", "no")),
    Boxed(),
    Code(),
    Json(),
    Text(),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
@given(
    text=st.text() | st.lists(st.sampled_from(["```", "\n", "{", "}", "\\boxed{", '"a": 1', "yes", "x"])).map("".join)
)
def test_every_step_finds_text_or_nothing_in_any_text(step, text):
    assert step.find(text) is None or isinstance(step.find(text), str)


@pytest.mark.parametrize(
    ("step", "text", "found"),
    [
        (Regex(pattern=r"\d+"), "a 12 b 3", "12"),
        (Regex(pattern=r"\d+", which="last"), "a 12 b 3", "3"),
        (Regex(pattern=r"(\d+) of (\d+)", group=2), "3 of 4", "4"),
        (Regex(pattern=r"(\d+) of (\d+)", group=0), "3 of 4", "3 of 4"),
        (Regex(pattern=r"(x)|(y)", which="last"), "xy", "y"),
        (Regex(pattern="z"), "xy", None),
        (Line(), "\n \n one \ntwo", " one "),
        (Line(which="last"), "one\ntwo\n\n", "two"),
        (Line(), " \n", None),
        (Choice(labels=("yes", "no")), "Not sure. NO! yes", "no"),
        (Choice(labels=("yes", "no"), which="last"), "No. Yes", "yes"),
        (Choice(labels=("yes", "no")), "nobody knows", None),
        (Choice(labels=("good", "very good")), "Very good", "very good"),
        (Choice(labels=("c++", "c")), "C++ it is", "c++"),
        (Boxed(), r"\boxed{1} and \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (Boxed(), r"\fbox{a} \boxed{b", "a"),
        (Boxed(), r"\boxed{\{1\}}", r"\{1\}"),
        (Boxed(), "42", None),
        (Code(), "Sure:\n```python\nx = 1\n```\nand\n```\ny\n```", "x = 1\n"),
        (Code(which="last"), "```\nx\n```\n```py\ny\n```", "y\n"),
        (Code(), "```python\nx = 1", "x = 1"),
        (Code(), "x = 1", None),
        (Json(key="name"), 'Here: {"name": "Ada", "age": 36}', "Ada"),
        (Json(key="age"), '{"name": "Ada", "age": 36}', "36"),
        (Json(), '{not this} {"b": 1, "a": [1, 2]} rest', '{"a":[1,2],"b":1}'),
        (Json(key="x"), '{"a": 1}', None),
    ],
)  # fmt: skip
def test_what_each_step_finds(step, text, found):
    assert step.find(text) == found


@given(st.text(alphabet="ab1 \n"))
def test_regex_is_first_and_last_of_all_matches(text):
    matches = re.findall(r"[ab]+", text)
    assert Regex(pattern="[ab]+").find(text) == (matches[0] if matches else None)
    assert Regex(pattern="[ab]+", which="last").find(text) == (matches[-1] if matches else None)


def test_the_first_step_that_finds_something_decides_and_its_form_is_final():
    extract = extractor([Regex(pattern=r"answer: (.*)"), Line()], lambda text: text.strip() or None)
    assert extract("one\nanswer: two") == "two"
    assert extract("one\nanswer:  ") == "one"
    assert extract(" ") is None


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (Regex(pattern="("), "'pattern' is not a regular expression"),
        (Regex(pattern="a", group=1), "'group' must be in 0..0"),
        (Choice(labels=()), "'labels' must be"),
        (Choice(labels=("a", " ")), "'labels' must be"),
    ],
)
def test_a_step_that_cannot_work_says_why(step, problem):
    (found,) = step.problems()
    assert problem in found


def test_a_step_that_can_work_has_no_problem():
    assert [step.problems() for step in STEPS if isinstance(step, Regex | Choice)] == [[], []]
