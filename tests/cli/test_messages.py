"""Wrong input of any kind is one message that says what must hold, and the exit code that docs/exit-codes.md lists."""

import re
import sqlite3
from pathlib import Path

import pytest
from command import Infertune
from letters import Letters

import infertune.errors as errors
from infertune import stopping

OPTIMIZE = ("optimize", "--task", "capitals")
BUDGET = (*OPTIMIZE, "--budget-tokens", "10k")

WRONG = {
    "unknown command": (["optimise"], 2, "Did you mean 'optimize'"),
    "unknown option": ([*OPTIMIZE, "--budget-tokns", "1k"], 2, "--budget-tokens"),
    "no task": (["optimize", "--budget-tokens", "1k"], 2, "--task"),
    "unknown task": (["optimize", "--task", "capitols", "--budget-tokens", "1k"], 2, "did you mean 'capitals'?"),
    "missing task file": (["optimize", "--task", "nope.yaml", "--budget-tokens", "1k"], 2, "nope.yaml cannot be read"),
    "no budget": ([*OPTIMIZE], 2, "for example --budget-tokens 200k"),
    "budget in words": ([*OPTIMIZE, "--budget-tokens", "ten"], 2, "--budget-tokens must be a number of tokens"),
    "budget of nothing": ([*OPTIMIZE, "--budget-tokens", "0"], 2, "above 0"),
    "time in words": ([*OPTIMIZE, "--budget-seconds", "soon"], 2, "--budget-seconds must be a duration such as 90s"),
    "money without prices": ([*OPTIMIZE, "--budget-money", "1"], 2, "--price-prompt and --price-completion"),
    "one price": ([*OPTIMIZE, "--budget-money", "1", "--price-prompt", "2"], 2, "given together"),
    "unknown sampler": ([*BUDGET, "--sampler", "tpee"], 2, "did you mean 'tpe'?"),
    "unknown engine": ([*BUDGET, "--engine", "hff"], 2, "did you mean 'hf'?"),
    "unknown parameter": ([*BUDGET, "--set", "temprature=1"], 2, "did you mean 'temperature'?"),
    "no values": ([*BUDGET, "--set", "temperature"], 2, "NAME=VALUES"),
    "empty range": ([*BUDGET, "--set", "temperature=2..1"], 2, "must not be above the high end"),
    "meaningless value": ([*BUDGET, "--set", "top_p=1.5"], 2, "top_p must be"),
    "unknown prompt": ([*BUDGET, "--set", "prompt=capitals-quizz"], 2, "did you mean 'capitals-quiz'?"),
    "missing space file": ([*BUDGET, "--space", "nope.yaml"], 2, "nope.yaml cannot be read"),
    "negative seed": ([*BUDGET, "--seed", "-1"], 2, "--seed"),
    "cap of nothing": ([*BUDGET, "--max-cost-tokens", "0"], 2, "--max-cost-tokens"),
    "no folder for the answer": ([*BUDGET, "--out", "/nope/best.yaml"], 2, "the folder of --out must exist"),
    "no folder for the database": ([*BUDGET, "--db", "/nope/x.db"], 2, "must exist"),
    "a picture that is none": ([*BUDGET, "--picture", "front.gif"], 2, "valid: .pdf, .png, .svg"),
    "missing data": ([*BUDGET, "--data", "nope"], 2, "there is no nope"),
    "evaluate what": (["evaluate"], 2, "--task"),
    "missing configuration": (["evaluate", "--config", "nope.yaml"], 2, "nope.yaml cannot be read"),
    "unknown split": (["evaluate", "--task", "capitals", "--split", "test"], 2, "confirm"),
    "a range to evaluate": (["evaluate", "--task", "capitals", "--set", "temperature=0..1"], 2, "one value"),
    "unknown bundled model": (["models", "fetch", "bundled:smollm2"], 2, "did you mean 'bundled:smollm2-135m'?"),
    "a task that is none": (["tasks", "check", "nope"], 2, "no task is called 'nope'"),
    "a bad name": (["tasks", "new", "a b"], 2, "but is 'a b'"),
    "no folder for the task": (["tasks", "new", "mine", "--folder", "nope"], 2, "there is no nope"),
}


@pytest.mark.parametrize("case", WRONG)
def test_one_message(infertune: Infertune, case: str, tmp_path: Path) -> None:
    arguments, code, fragment = WRONG[case]
    result = infertune(*arguments)
    assert result.code == code
    assert fragment in " ".join(result.err.split())
    assert "Traceback" not in result.err
    assert result.out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.model
@pytest.mark.parametrize(
    ("arguments", "code", "fragment"),
    [
        (["--model", "no/such/folder"], 2, "no model folder"),
        (["--model", "bundled:smollm"], 2, "did you mean 'bundled:smollm2-135m'?"),
        (["--dtype", "int8"], 2, "dtype must be one of"),
        (["--device", "gpu"], 2, "device must be one of"),
        (["--batch-size", "0"], 2, "must be at least 1"),
    ],
)
def test_one_message_of_the_engine(infertune: Infertune, arguments: list[str], code: int, fragment: str) -> None:
    pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    result = infertune(*BUDGET, *arguments)
    assert (result.code, result.out) == (code, "")
    assert fragment in " ".join(result.err.split())


def test_a_file_that_is_somebody_elses_is_not_replaced(infertune: Infertune, tmp_path: Path) -> None:
    (tmp_path / "capitals.yaml").write_text("shopping: [milk]\n")
    result = infertune(*BUDGET, "--out", "capitals.yaml")
    assert result.code == 2
    assert "--out must be a new file or an earlier answer" in result.err
    assert (tmp_path / "capitals.yaml").read_text() == "shopping: [milk]\n"


def test_an_answer_stands_beside_a_file_that_has_its_name(
    infertune: Infertune, built: list[Letters], tmp_path: Path
) -> None:
    (tmp_path / "capitals.yaml").write_text("shopping: [milk]\n")
    result = infertune(*BUDGET, "--engine", "letters", "--model", "m", "--sampler", "random")
    assert result.code == 0, result.err
    assert (tmp_path / "capitals.yaml").read_text() == "shopping: [milk]\n"
    assert "capitals-answer.yaml" in result.out + result.err
    assert (tmp_path / "capitals-answer.yaml").exists()


def test_a_database_that_is_somebody_elses_is_not_touched(infertune: Infertune, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    before = (tmp_path / "other.db").read_bytes()
    result = infertune(*BUDGET, "--db", "other.db")
    assert result.code == 2
    assert "recipes" in result.err
    assert (tmp_path / "other.db").read_bytes() == before


def test_a_parameter_that_changes_nothing_is_refused(infertune: Infertune, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("decoding.temperatur: {low: 0, high: 1, step: 0.5, tier: request}\n")
    result = infertune("space", "--task", "capitals", "--space", "space.yaml")
    assert result.code == 2
    assert "did you mean 'decoding.temperature'?" in result.err


def test_a_new_task_does_not_replace_an_old_one(infertune: Infertune, tmp_path: Path) -> None:
    assert infertune("tasks", "new", "mine").code == 0
    (tmp_path / "mine.yaml").write_text("mine\n")
    assert infertune("tasks", "new", "mine").code == 2
    assert (tmp_path / "mine.yaml").read_text() == "mine\n"


def test_the_page_lists_every_exit_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exit-codes.md").read_text()
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", page, flags=re.MULTILINE)}
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert listed == {0, stopping.READER_GONE, *stopping.CODES} | {kind.exit_code for kind in classes}  # type: ignore[attr-defined]
