"""Where ``optimize`` writes its answer: under the study's name, over nobody else's file, and after it is shown."""

import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import Infertune, Result
from letters import Letters, save

from infertune.cli.answer import hand_over
from infertune.recipes import recipe

OPTIMIZE = ("optimize", "--task", "letters.yaml", "--engine", "letters", "--model", "m", "--budget-tokens", "2k")
SMALL = (*OPTIMIZE, "--set", "n=1", "--sampler", "random")
pytestmark = pytest.mark.usefixtures("built")


@pytest.fixture(autouse=True)
def task(tmp_path: Path) -> None:
    save(tmp_path)


def study_of(path: Path) -> str:
    return str(yaml.safe_load(path.read_text())["study"])


def refused(result: Result) -> str:
    assert (result.code, result.out) == (2, "")
    assert "Traceback" not in result.err
    return " ".join(result.err.split())


def test_two_studies_in_one_folder_have_two_files(infertune: Infertune, tmp_path: Path) -> None:
    for name in ("one", "a/b: two"):
        assert infertune(*SMALL, "--study", name).code == 0
    assert study_of(tmp_path / "one.yaml") == "one"
    assert study_of(tmp_path / "a-b-two.yaml") == "a/b: two"


def test_the_task_file_is_not_in_the_way_of_a_study_of_its_name(infertune: Infertune, tmp_path: Path) -> None:
    before = (tmp_path / "letters.yaml").read_text()
    result = infertune(*SMALL)
    assert result.code == 0, result.err
    assert "Written to letters-answer.yaml" in result.out
    assert (tmp_path / "letters.yaml").read_text() == before


@pytest.mark.parametrize(
    ("study", "name"),
    [
        ("demo", "demo.yaml"),
        ("a b", "a-b.yaml"),
        ("../x", "x.yaml"),
        ("..", "answer.yaml"),
        ("naïve.v2", "naïve.v2.yaml"),
    ],
)
def test_names_of_files(study: str, name: str) -> None:
    assert recipe.default_path(study) == Path(name)


def test_the_answer_of_another_study_is_not_replaced(
    infertune: Infertune, tmp_path: Path, built: list[Letters]
) -> None:
    assert infertune(*SMALL, "--study", "one", "--out", "x.yaml").code == 0
    before, n_built = (tmp_path / "x.yaml").read_bytes(), len(built)
    words = refused(infertune(*SMALL, "--study", "two", "--out", "x.yaml"))
    assert "x.yaml is of the study 'one', and this is 'two': give another --out" in words
    assert len(built) == n_built
    assert (tmp_path / "x.yaml").read_bytes() == before
    assert infertune(*SMALL, "--study", "one", "--out", "x.yaml").code == 0  # its own is


def test_a_file_of_an_earlier_version_is_not_replaced(infertune: Infertune, tmp_path: Path) -> None:
    assert infertune(*SMALL, "--study", "one").code == 0
    (tmp_path / "one.yaml").write_text((tmp_path / "one.yaml").read_text().replace("study: one\n", ""))
    assert "which does not say of which study" in refused(infertune(*SMALL, "--study", "one"))


def test_the_answer_is_shown_even_if_it_cannot_be_written(
    infertune: Infertune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "answers").mkdir()
    close = Letters.close

    def closing(self: Letters) -> None:
        shutil.rmtree(tmp_path / "answers", ignore_errors=True)
        close(self)

    monkeypatch.setattr(Letters, "close", closing)
    result = infertune(*SMALL, "--out", "answers/x.yaml")
    assert result.code == 2
    assert "utility, 95% interval" in result.out and "Written to" not in result.out
    words = " ".join(result.err.split())
    assert "the answer was not written: the folder of --out must exist, but answers does not" in words
    assert "the same command with another --out writes it and pays for nothing again" in words
    assert "Traceback" not in words
    again = infertune(*SMALL, "--out", "x.yaml")
    assert again.code == 0 and study_of(tmp_path / "x.yaml") == "letters"
    assert "Spent" in again.out and _spent(again) == _spent(result)


def _spent(result: Result) -> str:
    return result.out.partition("Spent ")[2].partition(" tokens")[0]


def test_a_reader_that_has_gone_does_not_cost_the_file() -> None:
    written: list[str] = []

    def show() -> None:
        raise BrokenPipeError

    class Anything:
        def save(self) -> Path:
            written.append("the file")
            return Path("x.yaml")

    anything: Any = Anything()
    with pytest.raises(BrokenPipeError):
        hand_over(anything, picture=None, as_json=False, show=show)
    assert written == ["the file"]


def test_the_printed_command_can_be_pasted(infertune: Infertune, tmp_path: Path) -> None:
    (tmp_path / "my answers").mkdir()
    result = infertune(*SMALL, "--out", "my answers/it's.yaml")
    assert result.code == 0, result.err
    words = shlex.split(result.out.partition("measure it again with: ")[2])
    assert words == ["infertune", "evaluate", "--config", "my answers/it's.yaml"]
    head = (tmp_path / "my answers" / "it's.yaml").read_text().splitlines()[0]
    assert shlex.split(head.partition("again: ")[2]) == words
    assert infertune(*words[1:], "--examples", "2").code == 0


def test_json_stays_alone_on_standard_output(infertune: Infertune) -> None:
    result = infertune(*SMALL, "--json")
    assert result.json["study"] == "letters"
    assert "Written to letters-answer.yaml" in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--margin", "0.1"], "--margin needs --joint"),
        (["--starts", "2"], "--starts needs --joint"),
        (["--burst", "2", "--turns", "3"], "--burst and --turns need --joint"),
        (["--price-hour", "1"], "--price-hour needs --joint"),
        (["--price-prompt", "1"], "--price-prompt and --price-completion must be given together"),
        (["--price-completion", "1"], "--price-prompt and --price-completion must be given together"),
    ],
)
def test_an_option_of_optimize_that_would_do_nothing_is_refused(
    infertune: Infertune, tmp_path: Path, options: list[str], message: str, built: list[Letters]
) -> None:
    before = sorted(tmp_path.iterdir())
    assert message in refused(infertune(*OPTIMIZE, *options))
    assert not built and sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--base-url", "http://127.0.0.1:1/v1"], "--base-url needs --engine openai: the engine 'letters' has no"),
        (["--extra-body", "{}"], "--extra-body needs --engine openai"),
        (["--concurrency", "3"], "--concurrency needs --engine openai or vllm"),
        (["--engine-arg", "max_num_seqs=1"], "--engine-arg needs --engine vllm"),
        (["--vllm-python", "python"], "--vllm-python needs --engine vllm"),
        (["--seeds-safe"], "--seeds-safe needs --engine openai"),
    ],
)
def test_an_option_of_another_engine_is_refused_before_anything_is_made(
    infertune: Infertune, tmp_path: Path, options: list[str], message: str, built: list[Letters]
) -> None:
    before = sorted(tmp_path.iterdir())
    assert message in refused(infertune(*OPTIMIZE, *options))
    assert message in refused(infertune("evaluate", "--task", "letters.yaml", "--engine", "letters", *options))
    assert not built and sorted(tmp_path.iterdir()) == before


def test_an_engine_without_options_says_so(infertune: Infertune) -> None:
    words = refused(infertune("evaluate", "--task", "capitals", "--engine", "replay", "--concurrency", "2"))
    assert "the engine 'replay' has no --concurrency; it takes no options" in words
