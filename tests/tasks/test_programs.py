"""Programs as models print them: found, put after their prompt, and run by their tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.tasks.extraction import Code, Python, extractor
from infertune.tasks.fences import blocks
from infertune.tasks.scorers.python_tests import PythonTests
from infertune.types import Example

PROMPT = 'from typing import List\n\n\ndef near(xs: List[float], t: float) -> bool:\n    """ Any two nearer? """\n'
TESTS = "assert near([1.0, 1.2], 0.3)\nassert not near([1.0, 2.0], 0.3)\nassert not near([], 0.3)\n"
BODY = """\
    for i, a in enumerate(xs):
        for b in xs[i + 1:]:
            if abs(a - b) < t:
                return True
    return False
"""
FILE = f"def near(xs: List[float], t: float) -> bool:\n{BODY}"
WRONG = "def near(xs, t):\n    return False\n"
INNER = "def gap(a, b):\n    return abs(a - b)\n"
FLAT = "".join(line.removeprefix("    ") for line in BODY.splitlines(keepends=True))


def fenced(code, fence="```", info="python"):
    return f"{fence}{info}\n{code}{fence}\n"


def shifted(code, margin):
    return "".join(margin + line if line.strip() else line for line in code.splitlines(keepends=True))


ANSWERS = {
    # continuations
    "body": BODY,
    "body, blank line first": f"\n{BODY}",
    "body, then another function": f"{BODY}\n\ndef other(x):\n    return (",
    "body, then usage": f"{BODY}\nprint(near([1], 2))\nassert False",
    "body, then prose": f"{BODY}\nThis checks every pair, doesn't it?",
    "body, then a closing fence": f"{BODY}```\nHope this helps!",
    "body, then a fenced usage": f"{BODY}\nFor instance:\n{fenced('assert near([1], 2)')}",
    "comment at column 0": f"    found = False\n# every pair\n{BODY}",
    "text at column 0 in a string": f'    words = """\nnear and\nfar\n"""\n{BODY}',
    "bracket closed at column 0": f"    pair = (\n        1,\n)\n{BODY}",
    "indented by two": shifted(FLAT, "  "),
    "indented by a tab": shifted(FLAT, "\t"),
    "first line not indented": BODY.lstrip(),
    "first line, of a function inside, not indented": shifted(f"{INNER}{FLAT}", "    ").lstrip(),
    "a body with a docstring": f'    """ Says it. """\n{BODY}',
    "CRLF body": BODY.replace("\n", "\r\n"),
    # files without a fence
    "file": FILE,
    "file with imports": f"from typing import List\nimport math\n\n{FILE}",
    "file with a future import": f"from __future__ import annotations\n\n{FILE}",
    "file after prose": f"Sure! Here is the function.\n\n{FILE}\nIt compares all pairs.",
    "file, opening fence lost": f"{FILE}```\nThis function works",
    "file between tags": f"[PYTHON]\n{FILE}[/PYTHON]",
    "file, draft first": f"First try:\n\n{WRONG}\nThat misses pairs. Better:\n\n{FILE}",
    "file with a main guard": f"{FILE}\nif __name__ == '__main__':\n    raise SystemExit(1)\n",
    "whole function indented": shifted(FILE, "    "),
    "file with a decorator": f"Here:\n\n@(lambda f: f)\n{FILE}",
    "indented code after prose": f"Here it is:\n\n{shifted(FILE, '    ')}\nIt compares pairs.",
    "spaces that do not break": fenced(FILE.replace("    ", "\u00a0\u00a0\u00a0\u00a0")),
    "byte order mark": f"\ufeff{FILE}",
    # fences
    "fence": fenced(FILE),
    "fence without info": fenced(FILE, info=""),
    "info string": fenced(FILE, info='python title="near.py" {1-3}'),
    "capital info": fenced(FILE, info="Python3"),
    "space before info": fenced(FILE, info=" py"),
    "four backticks": fenced(FILE, fence="````"),
    "tildes": fenced(FILE, fence="~~~"),
    "backticks inside tildes": fenced(f'{FILE}\nnote = """\n```\n"""\n', fence="~~~~"),
    "indented fence": f"1. Code:\n   ```python\n{shifted(FILE, '   ')}   ```",
    "fence in a list entry": f"- ```python\n{shifted(FILE, '  ')}  ```",
    "fence indented, code not": f"   ```python\n{FILE}   ```",
    "tabbed fence": f"\t```python\n{shifted(FILE, chr(9))}\t```",
    "quoted fence": shifted(fenced(FILE), "> "),
    "CRLF fence": fenced(FILE).replace("\n", "\r\n"),
    "fence after text on its line": f"Here it is: {fenced(FILE)}",
    "fences in a fence": fenced(fenced(FILE), fence="````", info="markdown"),
    "empty fence first": f"```\n{fenced(FILE)}",
    "fence closed on the last line": f"```python\n{FILE.rstrip()}```",
    "text after the closing fence": f"```python\n{FILE}``` That is all.",
    "cut off in the fence": f"```python\n{FILE}",
    "cut off in a later fence": f"{fenced(FILE)}Alternatively:\n```python\ndef near(xs, t):\n    for",
    "body in a fence": fenced(BODY),
    "flat body in a fence": fenced(FLAT),
    "spaced body in a fence": fenced(f"\n{BODY}\n"),
    # several blocks
    "shell first": f"{fenced('pip install numpy', info='bash')}{fenced(FILE)}",
    "shell last": f"{fenced(FILE)}Run it:\n{fenced('python near.py', info='bash')}",
    "shell fenced, file not": f"{fenced('pip install numpy', info='bash')}\n{FILE}",
    "usage first": f"{fenced('print(near([1.0], 0.5))')}Code:\n{fenced(FILE)}",
    "usage last": f"{fenced(FILE)}Example:\n{fenced('print(near([1.0], 0.5))')}",
    "output last": f"{fenced(FILE)}Output:\n{fenced('True', info='')}",
    "doctest last": f"{fenced(FILE)}{fenced('>>> near([1.0], 0.5)' + chr(10) + 'False')}",
    "signature first": f"{fenced('def near(xs, t):')}{fenced(FILE)}",
    "draft, then final": f"First:\n{fenced(WRONG)}That is wrong. Final:\n{fenced(FILE)}",
    "helper, then function": fenced(INNER)
    + fenced(FILE.replace("abs(a - b)", "gap(a, b)")),
    "tests last": f"{fenced(FILE)}{fenced('def test_near():' + chr(10) + '    assert near([1, 1], 1)')}",
    "usage in the block": fenced(f"{FILE}\n# Usage\nprint(near([1, 2], 3))\nassert near([], 1), 'no pair'\n"),
    "import block first": fenced("from itertools import combinations\n")
    + fenced("def near(xs, t):\n    return any(abs(a - b) < t for a, b in combinations(xs, 2))\n"),
    "another language after": f"{fenced(FILE)}In JavaScript:\n{fenced('function near(xs) { return 1 }', info='js')}",
    "a lambda": fenced("near = lambda xs, t: any(abs(a - b) < t for i, a in enumerate(xs) for b in xs[i + 1:])\n"),
    "as typed": fenced(">>> def near(xs, t):\n" + "".join(f"... {line}\n" for line in BODY.splitlines()) + "False\n"),
    "HTML": f"<pre><code>{FILE}</code></pre>",
    "a tag": f"<code>\n{FILE}</code>",
    "words in the block": fenced(f"Here is the function:\n{FILE}"),
    # thoughts
    "thought that ends with a fence": f"<think>{fenced(WRONG).strip()}</think>{fenced(FILE)}",
    "thought with a draft": f"<think>\n{fenced(WRONG)}no\n</think>\n\n{fenced(FILE)}",
    "thought that the template opened": f"{fenced(WRONG)}no\n</think>\n\n{fenced(FILE)}",
    "thought before a body": f"<think>pairs</think>\n{BODY}",
    "code about thoughts": fenced(FILE.replace("    for i", '    tag = "</think>"\n    for i', 1)),
}  # fmt: skip
WRONG_ANSWERS = {
    "wrong": fenced(WRONG),
    "wrong at last": f"{fenced(FILE)}No:\n{fenced(WRONG)}",
    "unfinished thought": f"<think>\n{fenced(FILE)}Or",
    "another name": fenced(FILE.replace("near", "close")),
    "prose": "I cannot do that.",
    "a word": " Certainly",
    "nothing in the fence": "```python\n```",
}


def judged(text):
    scorer = PythonTests(prefix_field="prompt")
    answer = extractor([Python()], scorer.normal_form)(text)
    example = Example(id="1", fields={"prompt": PROMPT}, reference=TESTS)
    return 0.0 if answer is None else scorer.score(answer, example)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_right_program_passes_however_it_is_printed(name):
    assert judged(ANSWERS[name]) == 1, extractor([Python()], str)(ANSWERS[name])


@pytest.mark.parametrize("name", WRONG_ANSWERS)
def test_a_wrong_one_does_not(name):
    assert judged(WRONG_ANSWERS[name]) == 0


def test_a_prompt_without_a_body_of_its_own_takes_a_whole_function():
    scorer = PythonTests(prefix_field="prompt")
    example = Example(id="1", fields={"prompt": "def one():\n    # the number one\n"}, reference="assert one() == 1")
    for answer in ("def one():\n    return 1", "    return 1", "  return 1"):
        assert scorer.score(answer, example) == 1, answer


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```sql\nselect 1\n```\n~~~\nselect 2\n~~~", ["select 1\n", "select 2\n"]),
        ("````\n```\nx\n```\n````", ["```\nx\n```\n"]),
        ("~~~\n```\n~~~", ["```\n"]),
        ("use ```x``` here", []),
        ("```x = 1```", ["x = 1"]),
        ("```\nx\n```python\ny\n```", ["x\n", "y\n"]),
        ("1. a\n   ```\n   x\n     y\n   ```", ["x\n  y\n"]),
        ("> ```\n> x\n> ```", ["x\n"]),
        ("```\r\nx\r\n```\r\n", ["x\r\n"]),
        ("```\nx", ["x"]),
    ],
)  # fmt: skip
def test_fences(text, found):
    assert [block.text for block in blocks(text)] == found


@pytest.mark.parametrize(
    ("which", "text", "found"),
    [
        ("last", "```\nx\n```\n```\ny", "x\n"),
        ("first", "```\n```\n```\ny", "y"),
        ("last", "~~~~\nx\n~~~~", "x\n"),
    ],
)
def test_a_complete_block_comes_before_one_that_is_cut_off(which, text, found):
    assert Code(which=which).find(text) == found


CODE = ("def f(x):", "return x", "x = 1", "# no", "class", "(", '"""', "    ")
pieces = st.sampled_from([*CODE, "```", "~~~", "python", "\n", "- ", "> ", "\r"])


@given(st.lists(pieces, max_size=30).map("".join))
def test_any_text_has_a_program_or_none(text):
    found = Python().find(text)
    assert found is None or isinstance(found, str)
    assert found is not None or not text.replace("\r", "\n").strip() or "```" in text or "~~~" in text


LONG = [
    "(" * 50_000,
    "from\n" * 20_000,
    "@a\n" * 5_000,
    "-" * 50_000 + "1",
    "x\n" * 20_000,
    "def f(:\n" * 3_000,
    "\0def f():\n  1",
]


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_hostile_text_ends_soon(text):
    assert isinstance(Python().find(text), str)
