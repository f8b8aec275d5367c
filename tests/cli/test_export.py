"""``infertune export``, as a user types it; `handover` is the same command."""

import json
from pathlib import Path

import pytest
import yaml
from command import Infertune, run
from letters import loading, save

import infertune as package
from infertune import plugins
from infertune.api.export import export, write
from infertune.cli.export import HELP
from infertune.exports.formats import FORMATS

OPTIMIZE = ("optimize", "--task", "letters.yaml", "--engine", "letters", "--model", "m", "--budget-tokens", "2k")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the file of an answer of a real study, as text."""
    folder = tmp_path_factory.mktemp("study")
    save(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(plugins, "load", loading)
        done = run(*OPTIMIZE, "--set", "n=3", "--set", "voter=majority", "--sampler", "random")
        assert done.code == 0, done.err
        found = package.open_study().export("curl").files
        assert found == package.export("letters-answer.yaml", "curl").files
    return (folder / "letters-answer.yaml").read_text()


@pytest.fixture
def answer(written: str, tmp_path: Path) -> Path:
    """Return the file in a folder where nothing else of the study is, as on another machine."""
    folder = tmp_path / "away"
    folder.mkdir()
    (folder / "my answer.yaml").write_text(written)
    return folder / "my answer.yaml"


def test_the_help_lists_every_format_with_an_example(infertune: Infertune) -> None:
    told = infertune("export", "--help").out
    listed = [line.split() for line in HELP.splitlines() if line.startswith("  ")]
    assert {words[0]: " ".join(words[1:]) for words in listed} == {name: each.says for name, each in FORMATS.items()}
    assert all(f"\n    {name} " in told for name in FORMATS)
    assert "--as openai-python" in told


def test_an_answer_is_exported_in_every_format_without_its_task_and_database(
    infertune: Infertune, answer: Path
) -> None:
    for name in FORMATS:
        done = infertune("export", str(answer), "--as", name)
        assert done.code == 0 and done.out, (name, done.err)
        assert "Traceback" not in done.err
        told = infertune("export", str(answer), "--as", name, "--json").json
        assert told["format"] == name and told["files"]
        assert done.err == "".join(f"Note: {note}\n" for note in told["notes"])
        one = next(iter(told["files"].values()))
        assert (
            done.out == one if len(told["files"]) == 1 else f"==> {next(iter(told['files']))} <==\n{one}" in done.out
        )


def test_files_are_written_and_nothing_else_is_replaced(infertune: Infertune, answer: Path, tmp_path: Path) -> None:
    for _ in range(2):  # the same again is no harm
        done = infertune("export", str(answer), "--as", "hf", "--out", "made/here")
        assert (done.code, done.out) == (0, "")
    assert "Written to made/here/generate.py." in done.err
    names = {path.name for path in (tmp_path / "made/here").iterdir()}
    assert names == {"generate.py", "generation_config.json"}
    assert infertune("export", str(answer), "--as", "curl", "--out", "ask.sh").code == 0
    assert (tmp_path / "ask.sh").read_text().startswith("#!/bin/sh\n")
    assert infertune("export", str(answer), "--as", "curl", "--out", "made").code == 0
    assert (tmp_path / "made/request.sh").read_text() == (tmp_path / "ask.sh").read_text()
    (tmp_path / "made/here/generation_config.json").write_text('{"eos_token_id": 2}')
    done = infertune("export", str(answer), "--as", "hf", "--out", "made/here")
    assert done.code == 2 and "--out must replace nothing, but made/here/generation_config.json is there" in done.err
    assert json.loads((tmp_path / "made/here/generation_config.json").read_text()) == {"eos_token_id": 2}


def test_what_is_another_elsewhere_is_given(infertune: Infertune, answer: Path) -> None:
    options = ("--model", "chat", "--base-url", "https://example.org/openai/v1/chat/completions")
    told = infertune("export", str(answer), "--as", "curl", *options).out
    assert "curl --silent --show-error --fail-with-body https://example.org/openai/v1/completions" in told
    assert '"model": "chat"' in told
    told = infertune("export", str(answer), "--as", "llama.cpp", "--model", "m.gguf", "--port", "8080")
    assert "-m m.gguf" in told.out and "--port 8080" in told.out and "GGUF" not in told.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--as", "openai_python"),
            "--as must be a format, and 'openai_python' is none; did you mean 'openai-python'?",
        ),
        (("--as", "curl", "--port", "80"), "--port needs --as command or vllm"),
        (("--as", "vllm", "--base-url", "http://a"), "--base-url needs --as python or openai-python or curl"),
        (("--as", "curl", "--base-url", "ftp://a"), "--base-url must be a URL such as http://127.0.0.1:8000/v1"),
        (("--as", "helm", "--image", "a"), "--image must have a tag"),
    ],
)
def test_one_message(infertune: Infertune, answer: Path, words: tuple[str, ...], message: str) -> None:
    done = infertune("export", str(answer), *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err and "Traceback" not in done.err


def test_settings_of_a_server_have_no_requests(infertune: Infertune, tmp_path: Path) -> None:
    (tmp_path / "serving.yaml").write_text("model: m\nengine: vllm\nsettings: {engine.max_num_seqs: 4}\n")
    done = infertune("export", "serving.yaml", "--as", "curl")
    assert (done.code, "curl needs an answer of infertune optimize" in done.err) == (2, True)
    assert "--max-num-seqs 4" in infertune("export", "serving.yaml", "--as", "vllm").out
    assert infertune("handover", "serving.yaml").out == infertune("export", "serving.yaml", "--as", "command").out


def test_from_python(answer: Path, tmp_path: Path) -> None:
    found = package.export(answer, "openai-python", model="m2")
    assert found == export(answer, "openai-python", model="m2")
    (path,) = write(found, tmp_path / "ask.py")
    assert "model='m2'" in path.read_text()


def test_an_answer_of_an_earlier_version_is_told(infertune: Infertune, answer: Path) -> None:
    known = yaml.safe_load(answer.read_text())
    answer.write_text(yaml.safe_dump({name: value for name, value in known.items() if name != "definition"}))
    done = infertune("export", str(answer), "--as", "vllm")
    assert (done.code, "does not hold the prompt's text" in done.err) == (2, True)
