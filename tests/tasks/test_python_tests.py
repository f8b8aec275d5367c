import gzip
import json
from pathlib import Path

import pytest

from infertune.tasks import load

DATA = Path(__file__).parents[3] / "shared" / "data" / "human_eval"
PROBLEMS = [
    {
        "task_id": "Own/0",
        "prompt": 'from typing import List\n\n\ndef largest(numbers: List[int]):\n    """ Return the largest. """\n',
        "entry_point": "largest",
        "canonical_solution": "    return max(numbers)\n",
        "test": "\n\ndef check(candidate):\n    assert candidate([1, 3, 2]) == 3\n    assert candidate([-1]) == -1\n",
    },
    {
        "task_id": "Own/1",
        "prompt": 'import math\n\n\ndef half(x):\n    """ Return the half.\n    >>> half(3)\n    1.5\n    """\n',
        "entry_point": "half",
        "canonical_solution": "    return x / 2\n",
        "test": "\n\ndef check(candidate):\n    assert math.isclose(candidate(3), 1.5)\n",
    },
]


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    folder = tmp_path_factory.mktemp("human_eval")
    lines = "".join(json.dumps(problem) + "\n" for problem in PROBLEMS)
    more = [{**PROBLEMS[0], "task_id": f"Own/{i}", "prompt": f"# {i}\n" + PROBLEMS[0]["prompt"]} for i in range(2, 9)]
    lines += "".join(json.dumps(problem) + "\n" for problem in more)
    (folder / "HumanEval.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return load("humaneval", data=folder)


def score(task, number, text):
    (example,) = [one for one in (*task.tune, *task.confirm) if one.id == f"Own/{number}"]
    return task.score(task.extract(text), example)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("    return max(numbers)\n", True),
        ("    return max(numbers)\n\ndef other():\n    broken(", True),
        ("    return max(numbers)\n```\nHope this helps!", True),
        ("    return max(numbers)\n\nprint(largest([1]))\nassert False", True),
        (
            "Sure!\n\n```python\ndef largest(numbers: List[int]) -> int:\n    return max(numbers)\n```\nIt is short.",
            True,
        ),
        (
            "```python\ndef helper(n):\n    return max(n)\n\ndef largest(numbers):\n    return helper(numbers)\n```",
            True,
        ),
        ("```\n    return max(numbers)\n```", True),
        ("\n    return max(numbers)", True),
        ("```python\ndef largest(numbers):\n    return sorted(numbers)[-1]", True),
        ("    pass\n", False),
        ("    return min(numbers)\n", False),
        ("    print('PASS')\n    exit(0)\n", False),
        ("I cannot do that.", False),
        ("```python\ndef biggest(numbers):\n    return max(numbers)\n```", False),
        ("", False),
    ],
)
def test_completions_and_chat_answers(task, text, right):
    assert score(task, 0, text) == right


def test_each_problem_has_its_own_tests(task):
    assert score(task, 1, "    return x / 2") == 1
    assert score(task, 1, "    return x // 2") == 0


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data/human_eval")
def test_every_canonical_solution_passes_and_no_empty_body_does():
    task = load("humaneval", data=DATA)
    examples = (*task.tune, *task.confirm)
    assert len(examples) == 164
    assert [one.id for one in examples if task.score(task.extract(task.ideals[one.id]), one) != 1] == []
    assert [one.id for one in examples if task.score(task.extract("    pass\n"), one) != 0] == []
