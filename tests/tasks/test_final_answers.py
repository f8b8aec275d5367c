"""Final answers to mathematical problems: in boxes of every kind, or announced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.tasks.finals import announced, boxed

BOXES = [
    (r"\boxed{4}", "4"),
    (r"\boxed {4}", "4"),
    (r"\boxed 4", "4"),
    (r"\boxed4.", "4"),
    (r"\fbox{4}", "4"),
    (r"\framebox{4}", "4"),
    ("\x08oxed{4}", "4"),
    ("<|begin_of_box|>4<|end_of_box|>", "4"),
    (r"\boxed{\boxed{4}}", "4"),
    (r"\boxed{\fbox{\frac{1}{2}}}", r"\frac{1}{2}"),
    (r"\boxed{1} or \boxed{2}", "2"),
    (r"\boxed{4} \boxed{}", "4"),
    (r"\boxed{4} \boxed{5", "4"),
    (r"\boxed{5 \boxed{4}", "4"),
    (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
    (r"\boxed{\frac{1}{\sqrt{2}}} }", r"\frac{1}{\sqrt{2}}"),
    (r"{ \boxed{4}", "4"),
    ("boxed{4}", "4"),
    (r"\Boxed{4}", "4"),
    (r"$$\boxed{4}$$", "4"),
    ("unboxed{4}", None),
    ("4", None),
]
ANNOUNCED = [
    ("The answer is 4.", "4"),
    ("The answer is 4.5.", "4.5"),
    ("So the final answer is: 4", "4"),
    ("the answer is:\n$$4$$", "4"),
    ("the answer is\n\\[ \\frac{1}{2} \\]", r"\frac{1}{2}"),
    (r"the answer is \(4\), as we saw", "4"),
    ("Final Answer: The final answer is $4$. I hope it is correct.", "4"),
    ("**Answer:** 4", "4"),
    ("**Answer**: 4", "4"),
    ("**Final Answer**\n\n4", "4"),
    ("### Final Answer\n4\n", "4"),
    ("Answer = 4", "4"),
    ("answer: 4\nThat is it", "4"),
    ("the answer is **4**.", "4"),
    ("the answer is $x = 5$, $y = 2$.", "x = 5, y = 2"),
    ("the answer is $1$ and $2$", "1 and 2"),
    ("the answer is $5$ cm", "5"),
    ("the answer is $5$ because it is odd", "5"),
    ("the answer is 5, since it is odd", "5"),
    ("The answer is (3, 4).", "(3, 4)"),
    (r"The answer is \$18.90.", r"\$18.90"),
    ("the answer to this problem is 12", "12"),
    ("The answer is 1. No, the answer is 2", "2"),
    ("The answer would be 4.", "4"),
    ("The answer must be $4$.", "4"),
    ("the answer equals 4", "4"),
    ("Ans: 4", "4"),
    ("Ans. 4", "4"),
    ("<answer>4</answer>", "4"),
    ("<answer>\n4\n</answer>", "4"),
    ("The answer is <b>4</b>", "4"),
    ("the answer is *4*", "4"),
    ('the answer is "4"', "4"),
    ("the answer is $x$ = $4$", "x = 4"),
    ("Answer: 4 (since it is even)", "4"),
    ("the answers 4", None),
    ("4", None),
    ("the answer is", None),
]


@pytest.mark.parametrize(("text", "found"), BOXES)
def test_boxes(text, found):
    assert boxed(text) == found


@pytest.mark.parametrize(("text", "found"), ANNOUNCED)
def test_announced(text, found):
    assert announced(text) == found


@given(st.text() | st.lists(st.sampled_from(["\\boxed{", "{", "}", "answer is ", "$", "4", "\n", "."])).map("".join))
def test_any_text_has_an_answer_or_none(text):
    for found in (boxed(text), announced(text)):
        assert found is None or isinstance(found, str)


@pytest.mark.parametrize(
    "text", ["\\boxed{" * 10_000, "answer is " * 20_000, "answer is " + "$" * 50_000, "answer" + " " * 50_000]
)
def test_long_texts_end_soon(text):
    assert boxed(text) is None
    announced(text)
