"""``evaluate --config``: the answer file alone says what is run, from any folder, and what of the task has changed."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import Infertune, Result
from letters import TASK, Letters, loading, rows, save

from infertune import plugins
from infertune.__main__ import main
from infertune.types import REFUSED, Request, Response

ANSWER = "letters-answer.yaml"
pytestmark = pytest.mark.usefixtures("built")


OPTIMIZE = (
    *("optimize", "--task", "letters.yaml", "--engine", "letters", "--model", "model", "--budget-tokens", "4k"),
    *("--set", "n=1,3", "--sampler", "random", "--api-key-file", "key.txt", "--json"),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished study."""
    folder = tmp_path_factory.mktemp("home")
    save(folder)
    (folder / "model").mkdir()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr(plugins, "load", loading)
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["infertune", *OPTIMIZE])
        main()
    assert stop.value.code == 0
    return folder


@pytest.fixture
def moved(home: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a copy of the study's folder on a machine where nothing is where it was."""
    folder = tmp_path / "moved"
    shutil.copytree(home, folder)
    text = (folder / ANSWER).read_text()
    assert str(home) in text
    (folder / ANSWER).write_text(text.replace(str(home), "/nowhere"))
    yield folder


def evaluate(infertune: Infertune, answer: Path, *more: str) -> Any:
    result = infertune("evaluate", "--config", str(answer), "--json", *more)
    assert result.code == 0, result.err
    return result.json


def refused(result: Result) -> str:
    assert (result.code, result.out) == (2, "")
    assert "Traceback" not in result.err
    return " ".join(result.err.split())


def kept(answer: Path) -> Any:
    return yaml.safe_load(answer.read_text())


def test_the_file_holds_all_that_is_run(home: Path) -> None:
    found = kept(home / ANSWER)
    prompts = {each["name"]: each for each in found["definition"]["prompts"]}
    assert prompts["asking"]["text"] == "Say {letter}:\nNow"
    assert prompts["asking"]["examples"][1] == {"letter": "1e3", "answer": "1e3"}
    assert set(prompts) == {found["configuration"]["prompt.template"], found["default"]["prompt.template"]}
    assert found["definition"]["stop"] == ["\n"]
    assert found["definition"]["extraction"] == [{"kind": "line", "which": "first"}]
    assert found["definition"]["scorer"] == "exact"
    assert (found["task"], found["study"], found["seed"]) == ("letters", "letters", 0)
    assert found["facts"] == {"engine": "fake", "model": "write"}
    assert {"infertune", "task_digest", "evidence", "versions"} <= set(found)


def test_from_any_folder_it_repeats_the_confirmation_for_nothing(
    infertune: Infertune, home: Path, built: list[Letters]
) -> None:
    n = str(kept(home / ANSWER)["evidence"]["n_examples"])
    found = evaluate(infertune, home / ANSWER, "--examples", n)
    assert found["spent_tokens"] == 0
    assert found["verdict"] == f"Reproduced: the figures are those in {home / ANSWER}."
    assert found["utility"] == found["in_file"]["utility"]
    assert found["notes"] == []
    assert built[0].model == str(home / "model")
    assert built[0].options["api_key_file"] == str(home / "key.txt")


def test_the_file_alone_still_finds_the_task(infertune: Infertune, home: Path, tmp_path: Path) -> None:
    shutil.copy(home / ANSWER, tmp_path / "mine.yaml")
    assert evaluate(infertune, tmp_path / "mine.yaml", "--examples", "3")["spent_tokens"] == 0


def test_what_moved_with_the_file_comes_before_what_stayed(infertune: Infertune, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(home, folder)
    save(folder, TASK.replace("scorer: exact", "scorer: {name: exact, options: {ignore_case: true}}"))
    assert any("the scorer" in note for note in evaluate(infertune, folder / ANSWER)["notes"])


def test_a_moved_folder_is_enough(infertune: Infertune, moved: Path, built: list[Letters]) -> None:
    found = evaluate(infertune, moved / ANSWER, "--examples", "3")
    assert (found["spent_tokens"], found["notes"]) == (0, [])
    assert built[0].model == str(moved / "model")


def test_without_the_task_file_the_data_will_do(infertune: Infertune, moved: Path) -> None:
    (moved / "letters.yaml").unlink()
    words = refused(infertune("evaluate", "--config", str(moved / ANSWER)))
    assert "/nowhere/letters.yaml" in words and str(moved / "letters.yaml") in words
    assert "give --task FILE, or --data with letters.jsonl" in words
    found = evaluate(infertune, moved / ANSWER, "--data", str(moved / "letters.jsonl"), "--examples", "3")
    assert found["spent_tokens"] == 0
    assert "is taken from" in found["notes"][0]
    (moved / "elsewhere").mkdir()
    save(moved / "elsewhere")
    there = str(moved / "elsewhere" / "letters.yaml")
    assert evaluate(infertune, moved / ANSWER, "--task", there, "--examples", "3")["notes"] == []


def test_another_task_in_its_place_is_not_taken_for_it(infertune: Infertune, moved: Path) -> None:
    save(moved, TASK.replace("name: letters", "name: numbers"))
    words = refused(infertune("evaluate", "--config", str(moved / ANSWER)))
    assert f"{moved / 'letters.yaml'} is the task 'numbers'" in words


def test_a_task_of_ones_own_choice_is_said(infertune: Infertune, moved: Path) -> None:
    save(moved, TASK.replace("name: letters", "name: numbers"))
    found = evaluate(infertune, moved / ANSWER, "--task", str(moved / "letters.yaml"))
    assert found["task"] == "numbers" and found["in_file"] is None
    assert "is the answer of the task 'letters'" in found["notes"][0]


def test_a_model_that_is_gone_is_one_message(infertune: Infertune, moved: Path) -> None:
    (moved / "model").rmdir()
    words = refused(infertune("evaluate", "--config", str(moved / ANSWER)))
    assert "/nowhere/model" in words and "give --model" in words
    assert evaluate(infertune, moved / ANSWER, "--model", "another", "--examples", "3")["model"] == "another"


def test_the_text_of_the_file_is_run_when_the_prompt_changed(
    infertune: Infertune, moved: Path, built: list[Letters]
) -> None:
    save(moved, TASK.replace("Now", "Please"))
    result = infertune("evaluate", "--config", str(moved / ANSWER), "--json")
    found = result.json
    assert found["notes"] == [
        f"the prompt 'asking' of the task changed since: the text in {moved / ANSWER} is run (the task's with --set "
        "prompt=asking)"
    ]
    assert f"Note: {found['notes'][0]}." in " ".join(result.err.split())  # before anything is spent, too
    assert found["spent_tokens"] == 0 and found["in_file"]
    found = evaluate(infertune, moved / ANSWER, "--set", "prompt=asking")
    assert found["notes"] == [] and found["spent_tokens"] > 0
    assert all(str(request.prompt).endswith("Please") for request in built[-1].requests)


def test_a_prompt_that_the_task_lost_is_run(infertune: Infertune, moved: Path) -> None:
    save(moved, TASK.replace("asking", "other"))
    found = evaluate(infertune, moved / ANSWER)
    assert "the task has no prompt 'asking' any more" in found["notes"][0]
    assert found["spent_tokens"] == 0
    assert found["configuration"]["prompt.template"] == "asking"


def test_a_prompt_that_no_longer_fits_is_one_message(infertune: Infertune, moved: Path) -> None:
    save(
        moved,
        TASK.replace("{letter: letter}", "{sign: letter}").replace("{letter}", "{sign}").replace("letter:", "sign:"),
    )
    words = refused(infertune("evaluate", "--config", str(moved / ANSWER)))
    assert "does not use the field 'sign'" in words and "--set prompt=NAME" in words


def test_the_stop_texts_of_the_file_are_used(infertune: Infertune, moved: Path) -> None:
    save(moved, TASK.replace(r'stop: ["\n"]', 'stop: ["e"]'))
    found = evaluate(infertune, moved / ANSWER)
    assert "the stop texts of the task changed since" in found["notes"][0]
    assert found["spent_tokens"] == 0


@pytest.mark.parametrize(
    ("task", "data", "what"),
    [
        (TASK.replace("which: first", "which: last"), rows(), "the extraction"),
        (TASK.replace("scorer: exact", "scorer: {name: exact, options: {ignore_case: true}}"), rows(), "the scorer"),
        (TASK, [*rows()[:-1], {"letter": "y", "answer": "y"}], "the confirm examples"),
        (TASK, [{**row, "answer": row["answer"].upper()} for row in rows()], "the confirm examples"),
    ],
)
def test_other_figures_are_not_compared(
    infertune: Infertune, moved: Path, task: str, data: list[dict[str, str]], what: str
) -> None:
    save(moved, task, data)
    found = evaluate(infertune, moved / ANSWER)
    assert found["notes"] == [f"{what} of the task changed since: these figures are of the task as it is now"]
    assert found["in_file"] is None
    assert found["verdict"].endswith(f"not comparable with {moved / ANSWER}: {what} of the task changed since.")


def test_what_does_not_shape_the_figures_is_no_change(infertune: Infertune, moved: Path) -> None:
    save(
        moved,
        TASK.replace("source: made for tests", "source: made again").replace('text: "{letter}"', 'text: "{letter}?"'),
    )
    found = evaluate(infertune, moved / ANSWER)
    assert found["notes"] == [] and found["in_file"]


def test_a_way_to_find_answers_more_does_not_stop_it(infertune: Infertune, moved: Path) -> None:
    save(
        moved,
        TASK.replace(
            "extraction:\n  - {kind: line, which: first}", "extraction: {line: [{kind: line}], all: [{kind: text}]}"
        ),
    )
    assert evaluate(infertune, moved / ANSWER)["configuration"]["strategy.extractor"] == "line"


def old(answer: Path, task: str) -> None:
    """Make the file one of an earlier version."""
    found = kept(answer)
    for name in ("study", "default", "definition", "examples", "files", "facts", "versions"):
        del found[name]
    answer.write_text(yaml.safe_dump({**found, "task": task, "model": "m"}, sort_keys=False))


def test_a_file_of_an_earlier_version_is_run_with_a_note(
    infertune: Infertune, moved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old(moved / ANSWER, "letters.yaml")
    found = evaluate(infertune, moved / ANSWER)  # started elsewhere, so it looks beside the file
    assert "does not hold the prompt's text: the task's is run, which has not changed" in found["notes"][0]
    assert found["in_file"]
    save(moved, TASK.replace("Now", "Please"))
    monkeypatch.chdir(moved)
    found = evaluate(infertune, Path(ANSWER))
    assert "the task's is run, as it is now" in found["notes"][0]
    assert found["in_file"] is None


def test_a_folder_here_is_not_taken_for_the_shipped_task(infertune: Infertune, tmp_path: Path) -> None:
    found = infertune(
        *("optimize", "--task", "capitals", "--engine", "letters", "--model", "m", "--budget-tokens", "12k"),
        *("--set", "n=1", "--sampler", "random", "--out", "answer.yaml"),
    )
    assert found.code == 0, found.err
    (tmp_path / "capitals").mkdir()
    save(tmp_path / "capitals")
    (tmp_path / "capitals" / "letters.yaml").rename(tmp_path / "capitals" / "task.yaml")
    assert evaluate(infertune, tmp_path / "answer.yaml", "--examples", "3")["task"] == "capitals"
    words = refused(infertune("evaluate", "--config", "answer.yaml", "--task", "capitals"))
    assert "does not use the field 'letter'" in words  # --task says what it says for every command


def test_another_engine_to_the_same_name_is_said(
    infertune: Infertune, moved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Letters, "facts", {"engine": "fake", "model": "write", "dtype": "int8"})
    found = evaluate(infertune, moved / ANSWER, "--examples", "3")
    assert found["notes"] == ["the engine is not as it was, so these are other samples: dtype was not there, now int8"]
    assert found["spent_tokens"] > 0


def test_one_key_takes_the_place_of_another(infertune: Infertune, moved: Path, built: list[Letters]) -> None:
    evaluate(infertune, moved / ANSWER, "--api-key-env", "MINE", "--examples", "3")
    assert built[0].options == {"api_key_env": "MINE", "api_key_file": None}


def test_the_table(infertune: Infertune, moved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(moved)
    result = infertune("evaluate", "--config", ANSWER)
    assert result.code == 0, result.err
    lines = result.out.strip().splitlines()
    assert lines[0] == f"Reproduced: the figures are those in {ANSWER}."
    was = kept(Path(ANSWER))["evidence"]
    low, high = was["utility_interval"]
    figures = {line[:30].strip(): line[30:].split("  ") for line in lines[2:]}
    shown = [word.strip() for word in figures["utility, 95% interval"] if word.strip()]
    assert shown == [f"{was['utility']:.3f} [{low:.3f}, {high:.3f}]"] * 2
    assert [word.strip() for word in figures["tokens spent now"] if word.strip()] == ["0"]
    other = infertune("evaluate", "--config", ANSWER, "--set", "prompt=bare")
    assert f"Worse than in {ANSWER}: the intervals do not overlap." in other.out
    tune = infertune("evaluate", "--config", ANSWER, "--split", "tune")
    assert f"Measured on 12 tune examples of letters; not comparable with {ANSWER}: its figures are of" in tune.out
    plain = infertune("evaluate", "--task", "letters.yaml", "--engine", "letters")
    assert "Measured on 12 confirm examples of letters." in plain.out
    assert "in letters" not in plain.out


def losing(monkeypatch: pytest.MonkeyPatch, errors: dict[int, str]) -> None:
    """Let requests of these numbers end in these errors."""
    respond = Letters._respond

    def answer(self: Letters, request: Request) -> Response:
        error = errors.get(len(self.requests))
        if error is None:
            return respond(self, request)
        return Response(request=request, generations=(), prompt_tokens=1, seconds=0.0, error=error)

    monkeypatch.setattr(Letters, "_respond", answer)


def test_a_row_for_each_example(infertune: Infertune, moved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losing(monkeypatch, {2: "gone", 5: f"{REFUSED}not that letter"})
    found = evaluate(
        *(infertune, moved / ANSWER, "--db", str(moved / "new.db"), "--samples", "3"),
        *("--set", "n=3", "--set", "voter=majority", "--set", "temperature=1", "--set", "max_tokens=4"),
    )
    rows = found["examples"]
    assert len({row["id"] for row in rows}) == len(rows) == 12
    assert (found["n_failed"], found["n_refused"]) == (1, 1)
    lost, refused = rows[1], rows[4]
    assert lost["failed"] and lost["error"] == "gone" and not lost["refused"] and lost["samples"] == []
    assert {lost[name] for name in ("score", "right", "answer", "tokens", "truncated")} == {None}
    assert refused["refused"] and not refused["failed"] and "not that letter" in refused["error"]
    assert (refused["score"], refused["right"], refused["answer"]) == (0, False, None)
    assert any("1 examples failed" in note and "gone" in note for note in found["notes"])
    counted = [row for row in rows if not row["failed"]]
    assert sum(row["score"] for row in counted) / 11 == pytest.approx(found["utility"]["mean"])
    assert sum(row["tokens"] for row in counted) / 11 == pytest.approx(found["cost_tokens"])
    for row in (row for row in counted if not row["refused"]):
        assert row["error"] == "" and len(row["samples"]) == 3
        votes = [sample["answer"] for sample in row["samples"]]
        assert votes.count(row["answer"]) == max(votes.count(vote) for vote in votes if vote is not None)
        assert row["right"] == (row["samples"][votes.index(row["answer"])]["score"] == 1)
        assert row["truncated"] == any(sample["finish"] == "length" for sample in row["samples"])
        assert all(0 < sample["tokens"] <= 4 for sample in row["samples"])
    assert {row["right"] for row in counted} == {True, False}


def test_an_example_gets_as_many_samples_as_in_the_confirmation_or_as_are_asked_for(
    infertune: Infertune, moved: Path
) -> None:
    n = kept(moved / ANSWER)["configuration"]["strategy.n"]
    further = kept(moved / ANSWER)["evidence"]["further_samples"]
    assert sum(n_examples for n_examples, _ in further) == 12 and further[0][1] > 0
    anew = ("--db", str(moved / "new.db"))
    found = evaluate(infertune, moved / ANSWER, *anew)
    depths = [n + n_more for n_examples, n_more in further for _ in range(n_examples)]
    assert [len(row["samples"]) for row in found["examples"]] == depths
    assert found["verdict"].startswith("Reproduced") and found["spent_tokens"] > 0
    found = evaluate(infertune, moved / ANSWER, *anew, "--samples", str(n))
    assert {len(row["samples"]) for row in found["examples"]} == {n} and found["spent_tokens"] == 0
    vote = ("--set", "n=3", "--set", "voter=majority", "--samples", "2")
    words = refused(infertune("evaluate", "--config", str(moved / ANSWER), *vote))
    assert "--samples must be at least n, which is 3 here, not 2" in words
    tune = evaluate(infertune, moved / ANSWER, "--split", "tune")
    assert {len(row["samples"]) for row in tune["examples"]} == {n}


def test_where_nothing_is_answered_the_reason_is_told(
    infertune: Infertune, moved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losing(monkeypatch, dict.fromkeys(range(1, 13), "no room"))
    result = infertune("evaluate", "--config", str(moved / ANSWER), "--db", str(moved / "new.db"))
    assert (result.code, result.out) == (4, "")
    assert "no example was answered" in result.err and "no room" in " ".join(result.err.split())
