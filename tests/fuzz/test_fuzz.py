"""Whatever a user gives, a command ends with one of its exit codes and one short message, and soon."""

import contextlib
import io
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz_inputs import INPUTS, VALID, WHOLE_ANSWER, Given
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infertune.__main__ import main
from infertune.engines.openai import served_models

pytestmark = pytest.mark.long

CODES = {0, 2, 3, 4, 5, 6, 7}  # docs/exit-codes.md; 1 is an error of infertune's own
MOST_LINES, MOST_LETTERS = 40, 1000
MOST_SECONDS = 20.0  # of processor time, for what takes a fraction of one
N_EACH, N_EACH_SLOW = 30, 200


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a valid file of every kind; the handlers of signals are put back afterwards."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(served_models, "_WAIT_SECONDS", 0.0)  # nobody listens at the endpoint, however long one waits
    yield tmp_path
    for number, handler in handlers.items():
        signal.signal(number, handler)


def tried(given: Given, folder: Path) -> tuple[int | str | None, str]:
    """Run a command, and return its exit code, or the traceback that it ended in, and what it said."""
    for left in folder.iterdir():
        if left.is_file() and left.name not in VALID:
            left.unlink()
    for name, content in {**VALID, **given.files}.items():
        (folder / name).write_bytes(content)
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["infertune", *given.words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stop:
        return stop.code, err.getvalue()
    except BaseException:
        return traceback.format_exc(), err.getvalue()
    finally:
        sys.argv = before
    return 0, err.getvalue()


def check(given: Given, folder: Path) -> None:
    words = tuple(os.fsdecode(os.fsencode(word.encode("utf-8", "surrogatepass"))) for word in given.words)
    given = Given(tuple(word.replace("\x00", "") for word in words), given.files)  # as a system passes them
    began = time.process_time()
    code, said = tried(given, folder)
    assert code in CODES, code
    assert time.process_time() - began < MOST_SECONDS
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if not line.startswith("Note: ")]
    assert len(lines) <= MOST_LINES
    assert all(len(line) <= MOST_LETTERS for line in lines)
    assert code == 0 or said.strip()


def fuzzed(kind: str, folder: Path, n: int) -> None:
    @settings(
        max_examples=n,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(INPUTS[kind])
    def run(each: Given) -> None:
        check(each, folder)

    run()


@pytest.mark.parametrize("kind", INPUTS)
def test_valid_input_made_wrong(kind: str, folder: Path) -> None:
    fuzzed(kind, folder, N_EACH)


@pytest.mark.slow
@pytest.mark.parametrize("kind", INPUTS)
def test_much_valid_input_made_wrong(kind: str, folder: Path) -> None:
    assert N_EACH_SLOW * len(INPUTS) >= 5000
    fuzzed(kind, folder, N_EACH_SLOW)


def test_what_is_valid_is_taken(folder: Path) -> None:
    """Else the fuzz would fail at its first step, and see nothing of the rest."""
    data = (("tasks", "check", "task.yaml"), ("space", "--task", "task.yaml"), ("handover", "serving.yaml"))
    for words in data:
        assert tried(Given(words, {}), folder)[0] == 0, words
    whole = {"answer.yaml": WHOLE_ANSWER.encode()}
    assert tried(Given(("export", "answer.yaml", "--as", "python"), whole), folder)[0] == 0
    code, said = tried(Given(("evaluate", "--config", "answer.yaml"), {}), folder)
    assert (code, "there must be a server" in said) == (4, True), said


@given(st.sampled_from(list(INPUTS)).flatmap(lambda kind: INPUTS[kind]))
@settings(max_examples=50, derandomize=True, database=None)
def test_inputs_can_be_given(each: Given) -> None:
    assert all(isinstance(word, str) for word in each.words)
    assert all(isinstance(content, bytes) for content in each.files.values())
