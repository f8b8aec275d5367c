"""Choices of labels: letters in every usual notation, but no words of a sentence; and longer labels."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.tasks.choices import find

LETTERS = [
    ("A", "A"),
    ("(A)", "A"),
    ("A.", "A"),
    ("A)", "A"),
    ("**A**", "A"),
    ("\\boxed{A}", "A"),
    ("\\boxed{\\text{A}}", "A"),
    ("\\boxed{\\text{(B)}}", "B"),
    ("Answer: A", "A"),
    ("option A", "A"),
    ("The answer is (A)", "A"),
    ("The answer is A.", "A"),
    ("The correct answer is **(C) Paris**", "C"),
    ("a", "A"),
    ("(a)", "A"),
    ("a)", "A"),
    ("answer: a", "A"),
    ("A dog is an animal. The answer is B", "B"),
    ("A dog", None),
    ("It is a dog", None),
    ("I think B", "B"),
    ("I would choose B.", "B"),
    ("The answer is a dog", None),
    ("a dog", None),
    ("[C]", "C"),
    ("C: Paris", "C"),
    ("C. Paris", "C"),
    ("Paris", None),
    ("The answer is not A, but B", "B"),
    ("Option A is incorrect. Option B is correct.", "B"),
    ("A is wrong; it must be D", "D"),
    ("Let's see. (A) is wrong. (B) is not right. So (C).", "C"),
    ("B because it's a fact", "B"),
    ("**Answer:** B", "B"),
    ("**Answer: B**", "B"),
    ("Final answer: $\\boxed{D}$", "D"),
    ("### Answer\nB", "B"),
    ("Answer:\n\n**B**", "B"),
    ("<answer>B</answer>", "B"),
    ("The answer is: B) London", "B"),
    ("Ans: C", "C"),
    ("Answer - C", "C"),
    ("answer=C", "C"),
    ("I choose option (b)", "B"),
    ("The answer is option B", "B"),
    ("B is the correct answer", "B"),
    ("(B) is the correct choice.", "B"),
    ("A and B are wrong, C fits", "C"),
    ("Ｂ", "B"),
    ("“B”", "B"),
    ("'B'", "B"),
    ("B\n", "B"),
    ("  B  ", "B"),
    ("A) x\nB) y\nC) z\nD) w\nAnswer: C", "C"),
    ("A. x\nB. y\nThe right one is B", "B"),
    ("\\text{B}", "B"),
    ("$B$", "B"),
    ("B/", "B"),
    ("E", None),
    ("ABCD", None),
    ("A's", None),
    ("As a doctor, I think the patient has a cold.", None),
    ("The correct option is B", "B"),
    ("Choice C", "C"),
    ("Letter D", "D"),
    ("the answer would be C", "C"),
    ("Vitamin C is the key, so answer B", "B"),
    ("So, A is correct.", "A"),
    ("I", None),
    ("The best answer is A because it rains", "A"),
    ("A is the answer", "A"),
    ("Given a triangle... D", "D"),
    ("(A", "A"),
    ("{A}", "A"),
    ("__A__", "A"),
    ("Answer: A dog", None),
    ("Answer A", "A"),
    ("Correct answer: option **C**", "C"),
    ("The answer is: **A. Paris**", "A"),
    ("**C. Rome** is right", "C"),
    ("It's C!", "C"),
    ("The answer is B, not A", "B"),
    ("My answer: B", "B"),
    ("I'd go with D.", "D"),
    ("A: Paris", "A"),
    ("a.", "A"),
    ("a: Paris", "A"),
    ("The answer: A", "A"),
    ("Therefore, the answer is A", "A"),
    ("The answer is A, a mammal", "A"),
    ("Answer: (I)", None),
    ("A and B are wrong, C fits", "C"),
    ("__B__", "B"),
    ("The answer is A or B", "B"),
]
LETTERS += [
    ("A. London\nB. Paris\nC. Rome\nD. Oslo", None),
    ("A. London\nB. Paris\nC. Rome\nD. Oslo\n\nB", "B"),
    ("The choices:\nA) x\nB) y\nC) z\nD) w\nI take C.", "C"),
    ("A) x\nB) y is correct\nC) z\nD) w", "B"),
    ("The answer isn't A; it's B.", "B"),
    ("A: no. B: yes. So B.", "B"),
    ("A? No. B? No. C? Yes.", "C"),
    ("Between A and B, A is better", "A"),
    ("Looking at A, B, C and D, only C works.", "C"),
    ("Let's think. Option A: 3. Option B: 4. The sum is 4, so option B.", "B"),
    ("B\n\nQuestion: What?\nA. x\nB. y\nAnswer: C", "B"),
    ("Answer: B\n\nQuestion 2: What?\nAnswer: C", "B"),
    ("Question: What?\nAnswer: C", "C"),
    ("D'oh", None),
    ("C++ is a language", None),
    ("A+", None),
    ("B-52", None),
]
OTHERS = [
    ("I think it is II", ("I", "II", "III"), "II"),
    ("I", ("I", "II"), "I"),
    ("body-part", ("body part", "body"), "body part"),
    ("Option 2", ("1", "2", "3"), "2"),
    ("1.5 apples, so 2", ("1", "2"), "2"),
    ("The answer is 3", ("1", "2", "3"), "3"),
    ("-1", ("-1", "0", "1"), "-1"),
    ("NOT entailment", ("entailment", "not entailment"), "not entailment"),
    ("not_entailment", ("entailment", "not_entailment"), "not_entailment"),
    ("don’t know", ("don't know", "know"), "don't know"),
    ("Positive.", ("positive", "negative"), "positive"),
    ("C++ it is", ("c++", "c"), "c++"),
    ("(I)", ("H", "I", "J"), "I"),
    ("I think H", ("H", "I", "J"), "H"),
    ("I am sure it is J", ("H", "I", "J"), "J"),
    ("Answer: I", ("H", "I", "J"), "I"),
    ("I.", ("H", "I", "J"), "I"),
    ("I", ("H", "I", "J"), "I"),
    ("The answer is I because", ("H", "I", "J"), "I"),
    ("Step 1: look. The answer is 2.", ("1", "2"), "2"),
]


@pytest.mark.parametrize(("text", "letter"), LETTERS)
def test_letters(text, letter):
    assert find("ABCD", text, "first") == letter


@pytest.mark.parametrize(("text", "labels", "label"), OTHERS)
def test_other_labels(text, labels, label):
    assert find(labels, text, "first") == label


def test_first_and_last_are_of_the_plainest_statements():
    text = "Option C? The answer is A. No, the answer is B. Not (D)."
    assert (find("ABCD", text, "first"), find("ABCD", text, "last")) == ("A", "B")
    assert find(("good", "very good"), "good, no, very good", "last") == "very good"


@settings(deadline=None)
@given(st.text(alphabet="ABab ().:*\n'is") | st.text(), st.sampled_from(["first", "last"]))
def test_any_text_gives_a_label_or_none(text, which):
    assert find("AB", text, which) in ("A", "B", None)


@settings(deadline=None)
@given(
    st.sampled_from("ABCDEFGHIJ"),
    st.sampled_from(["{}", "({})", "{}.", "**{}**", "Answer: {}", "The answer is ({})", "option {}"]),
)
def test_every_letter_in_every_notation(letter, notation):
    assert find("ABCDEFGHIJ", notation.format(letter), "first") == letter
    assert find("ABCDEFGHIJ", notation.format(letter.lower()), "first") == letter


LONG = ["A\n" * 20_000, "answer " * 20_000, "answer" + " " * 50_000, "(" * 50_000, "A is " * 10_000]


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_long_texts_end_soon(text):
    assert find("ABCD", text, "first") in ("A", None)
