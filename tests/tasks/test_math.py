import json
import threading

import pytest

from infertune.tasks import load
from infertune.types import Example

pytest.importorskip("math_verify", reason="math-verify is of the extra math")

from infertune.tasks.scorers.math import MathEquivalence


def score(reference, text, **options):
    scorer = MathEquivalence(**options)
    answer = scorer.normal_form(text)
    return 0.0 if answer is None else scorer.score(answer, Example(id="1", fields={}, reference=reference))


@pytest.mark.parametrize(
    ("reference", "answer", "right"),
    [
        (r"\frac{1}{2}", "0.5", True),
        ("x^2+2x+1", "(x+1)^2", True),
        (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\dfrac{\pi}{2})", True),
        (r"11,\! 111", "11111", True),
        (r"\text{Evelyn}", "Evelyn", True),
        ("5", "6", False),
        ("5", "", False),
        ("5", "five apples", False),
        (r"\frac{1}{2}", r"\frac{1", False),
    ],
)
def test_equality_is_mathematical(reference, answer, right):
    assert score(reference, answer) == right


def test_what_only_looks_different_is_one_vote():
    forms = {
        MathEquivalence().normal_form(text)
        for text in (r"$\left(1, \dfrac12\right)$", r"(1,  \frac12).", r" (1, \frac{1}{2})")
    }
    assert forms == {r"(1, \frac{1}{2})"}


def test_it_works_in_threads():
    found = []
    threads = [threading.Thread(target=lambda i=i: found.append(score(f"{i}/4", str(i * 0.25)))) for i in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1.0] * 4


def test_an_answer_that_hangs_is_wrong_and_the_next_is_judged():
    assert score("1", "9^{9^{9^{9}}}", wall_seconds=0.5) == 0
    assert score(r"\frac{1}{4}", "0.25") == 1


def test_math500_finds_boxed_answers(tmp_path):
    rows = [
        {"unique_id": f"own/{i}", "problem": f"What is {i}/2?", "solution": "", "answer": rf"\frac{{{i}}}{{2}}"}
        for i in range(1, 12, 2)
    ]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = load("math500", data=tmp_path)
    (example,) = [one for one in (*task.tune, *task.confirm) if one.id == "own/3"]
    for text, right in [
        (r"So it is $\boxed{\frac{3}{2}}$.", 1),
        (r"First \boxed{7}, no: \boxed{1.5}", 1),
        ("The final answer is $1.5$. I hope it is correct.", 1),
        (r"\boxed{2}", 0),
        ("1.5", 0),
    ]:
        assert task.score(task.extract(text), example) == right, text
