"""A function of the user's own finds or scores answers, named in a task file or given as an object."""

from pathlib import Path

import pytest
from planted import write_task

import infertune
from infertune.errors import InfertuneError, InvalidInputError
from infertune.tasks import Task
from infertune.testing import FakeEngine
from infertune.types import Request

TASK = """\
name: mine
version: 1
source: made for tests
licence: Apache-2.0
data: mine.jsonl
fields: {word: word}
reference: word
splits: {tune: 4, confirm: 4}
prompts:
  - {name: plain, kind: plain, text: "{word}"}
max_tokens: [8]
extraction: EXTRACTION
scorer: SCORER
"""
MODULE = """\
def backwards(text):
    return text[::-1] if text else None

def overlap(answer, reference):
    return len(set(answer) & set(reference)) / len(set(reference))

def broken(answer):
    return 2

def wants(text, more):
    return 1
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.jsonl").write_text("".join(f'{{"word": "abc{n}"}}\n' for n in range(8)))


def load(module: str, *, extraction: str = "[{kind: text}]", scorer: str, source: str = MODULE) -> Task:
    Path(f"{module}.py").write_text(source)
    text = TASK.replace("EXTRACTION", extraction.replace("MODULE", module)).replace(
        "SCORER", scorer.replace("MODULE", module)
    )
    Path("mine.yaml").write_text(text)
    return infertune.load_task("mine.yaml")


def test_a_task_file_names_them() -> None:
    extraction = "[{kind: function, name: 'MODULE:backwards'}]"
    task = load("own_a", extraction=extraction, scorer="'MODULE:overlap'")
    assert task.extract("cba") == "abc"
    example = task.tune[0]
    assert task.score(example.reference, example) == 1
    assert 0 < task.score("ab", example) < 1
    assert task.score(None, example) == 0


@pytest.mark.parametrize(
    ("scorer", "said"),
    [
        ("'MODULE:nothing'", "has no function 'nothing'"),
        ("'no_such_module:f'", "the module cannot be imported: ModuleNotFoundError"),
        ("'MODULE:wants'", "not 'text'"),
    ],
)
def test_what_is_not_there_is_one_message(scorer: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        load("own_b", scorer=scorer)


def test_a_score_outside_of_0_to_1_is_refused() -> None:
    task = load("own_c", scorer="'MODULE:broken'")
    with pytest.raises(InfertuneError, match=r"a number in \[0, 1\], not 2"):
        task.score("a", task.tune[0])


def test_another_source_is_another_task() -> None:
    one = load("own_d", scorer="'MODULE:overlap'")
    other = load("own_e", scorer="'MODULE:overlap'", source=MODULE.replace("set(answer)", "set(answer.lower())"))
    same = load("own_f", scorer="'MODULE:overlap'")
    assert one.digest != other.digest
    assert one.scorer.digest == same.scorer.digest  # type: ignore[attr-defined]


def test_an_object_scores_a_whole_study(tmp_path: Path) -> None:
    def last_digit(answer: str, reference: str) -> float:
        return float(answer[-1:] == reference[-1:])

    def write(request: Request, sample: int, source: object) -> str:
        return "a7"

    task = write_task(tmp_path).with_scorer(last_digit)
    result = infertune.optimize(task, "m", engine=FakeEngine(write), budget_tokens=4000, progress=False)
    assert 0.02 < result.recommendation.verdict.recommended.utility.mean < 0.3  # one in ten
