"""What ``optimize`` says at its end: a verdict that is shown, what would decide, and the same again for nothing."""

import json
import random
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from command import Infertune
from letters import TASK, Letters, save

from infertune import plugins
from infertune.types import REFUSED, Request, Response

OPTIMIZE = ("optimize", "--task", "letters.yaml", "--engine", "letters", "--model", "m", "--set", "n=1")
SMALL = (*OPTIMIZE, "--budget-tokens", "2k", "--sampler", "random")


@pytest.fixture(autouse=True)
def task(tmp_path: Path, built: list[Letters]) -> None:
    save(tmp_path)


def test_a_finished_study_shows_its_answer_again_without_an_engine(
    infertune: Infertune, built: list[Letters], tmp_path: Path
) -> None:
    first = infertune(*SMALL, "--json")
    assert first.code == 0, first.err
    assert len(built) == 1
    (tmp_path / "letters-answer.yaml").unlink()
    again = infertune(*SMALL, "--json")
    assert len(built) == 1, "no engine was started"
    assert again.json == first.json
    assert "finished" in again.err
    assert (tmp_path / "letters-answer.yaml").is_file()
    table = infertune(*SMALL)
    assert len(built) == 1
    assert f"{first.json['recommended']['utility']['mean']:.3f}" in table.out


def test_a_larger_budget_or_another_wish_is_another_question(infertune: Infertune, built: list[Letters]) -> None:
    assert infertune(*SMALL).code == 0
    assert infertune(*OPTIMIZE, "--budget-tokens", "3k", "--sampler", "random").code == 0
    assert len(built) == 2
    other = infertune(*SMALL, "--prefer", "cost")
    assert other.code == 2, "a study's wish is its own"
    assert "prefer was 'utility', now 'cost'" in other.err


def test_a_tolerance_needs_a_search_that_can_tell(infertune: Infertune, built: list[Letters]) -> None:
    refused = infertune(*SMALL, "--tolerance", "0.05")
    assert refused.code == 2 and not built, "nothing was started"
    assert "--tolerance needs a search that says how far its answer may fall short" in " ".join(refused.err.split())
    assert infertune(*OPTIMIZE, "--budget-tokens", "2k", "--tolerance", "0").code == 2
    assert infertune(*OPTIMIZE, "--budget-tokens", "2k", "--tolerance", "0.05").code == 0


def test_an_undecided_study_says_what_to_use_and_prints_what_would_decide(infertune: Infertune) -> None:
    """Both prompts are the same, so that 12 examples decide nothing."""
    text = Path("letters.yaml").read_text().replace('  - {name: bare, kind: plain, text: "{letter}"}\n', "")
    Path("letters.yaml").write_text(text)
    result = infertune(*SMALL)
    assert result.code == 0, result.err
    said = " ".join(result.out.split())
    assert said.startswith(("Undecided: best seen 0.", "Undecided: best seen 1."))
    assert ", default " in said and "12 unseen examples" in said
    assert "Recommended for now: the " in said
    assert "would decide" in said
    assert "nothing that was tried" not in said


class Warm(Letters):
    """Is right a little more often the cooler it is."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self._write = self.say

    def say(self, request: Request, sample: int, source: random.Random) -> str:
        said = str(request.prompt).rpartition("Say ")[2][:1]
        return said if said and source.random() < 0.8 - 0.2 * request.decoding.temperature else "no"


def test_the_command_that_is_printed_resumes_the_study(
    infertune: Infertune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few tokens many of the examples are left, and about so many more decide, if not at once."""
    data = [{"letter": f"{letter}{number}", "answer": letter} for letter in "abcdefghij" for number in range(20)]
    save(tmp_path, TASK.replace("{tune: 12, confirm: 12}", "{tune: 20, confirm: 180}"), data)
    load = plugins.load
    monkeypatch.setattr(
        plugins, "load", lambda kind, name: Warm if (kind, name) == ("engines", "letters") else load(kind, name)
    )
    words = (*OPTIMIZE, "--set", "prompt=asking", "--set", "max_tokens=4", "--budget-tokens", "2500")
    shown = infertune(*words)
    assert " ".join(shown.out.split()).startswith("Undecided: ")
    for _ in range(3):
        assert shown.code == 0, shown.err
        said = " ".join(shown.out.split())
        if not said.startswith("Undecided: "):
            break
        assert "more tokens would decide. To resume with" in said
        line = next(each for each in shown.out.splitlines() if each.strip().startswith("infertune optimize"))
        spent = infertune(*words, "--json").json["spent"]["tokens"]
        words = tuple(shlex.split(line)[1:])
        shown = infertune(*words)
        assert infertune(*words, "--json").json["spent"]["tokens"] > spent
    assert infertune(*words, "--json").json["verdict"] == "clear winner"


class Refusing(Letters):
    """Refuses one prompt for the harder half of the examples, and answers the rest of them best."""

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        for request in requests:
            text = str(request.prompt)
            if "Say" in text and text.rpartition("Say ")[2][:1] > "l":
                error = f"{REFUSED}HTTP 400: too long"
                yield Response(request=request, generations=(), prompt_tokens=0, seconds=0.0, error=error)
            else:
                yield from super().generate([request])


def test_what_is_refused_on_the_harder_half_does_not_win_by_the_easier(
    infertune: Infertune, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = plugins.load
    monkeypatch.setattr(
        plugins, "load", lambda kind, name: Refusing if (kind, name) == ("engines", "letters") else load(kind, name)
    )
    result = infertune(*SMALL, "--set", "prompt=bare,asking", "--json")
    assert result.code == 0, result.err
    assert result.json["recommended"]["answered_share"] >= 0.98
    assert result.json["recommended"]["configuration"]["prompt.template"] == "bare"
    lenient = infertune(*SMALL, "--set", "prompt=bare,asking", "--min-answered", "0.3", "--study", "lenient", "--json")
    assert lenient.code == 0, lenient.err
    seen = lenient.json["seen"]
    assert seen["configuration"]["prompt.template"] == "asking"
    assert 0.3 < seen["answered_share"] < 0.7
    assert seen["utility"]["mean"] <= seen["answered_share"], "what was refused scores nothing"
    table = infertune(*SMALL, "--set", "prompt=bare,asking", "--min-answered", "0.3", "--study", "lenient").out
    assert any(line.startswith("answered") and "%" in line for line in table.splitlines())


def test_json_says_the_verdict_and_its_grounds(infertune: Infertune) -> None:
    found = infertune(*SMALL, "--json").json
    assert found["verdict"] in ("clear winner", "keep the default", "undecided")
    assert found["clear"] == (found["verdict"] == "clear winner")
    assert found["margin"] == 0.02 and 0 <= found["chance_worse"] <= 1
    assert found["recommended"]["configuration"] in (found["seen"]["configuration"], found["default"]["configuration"])
    assert json.dumps(found["tune"]["front"])
