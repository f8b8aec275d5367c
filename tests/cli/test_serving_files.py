"""``infertune handover`` and ``infertune verify``, as a user types them."""

import shlex
from pathlib import Path

import pytest
import yaml
from command import Infertune
from simulated_vllm import SimulatedVLLM, Truth

FILE = """\
model: org/model
engine: vllm
engine_version: 0.32.0
settings:
  engine.max_num_seqs: 4
  engine.enable_prefix_caching: true
  engine.scheduling_policy: fcfs
decoding:
  decoding.temperature: 0.7
  decoding.max_tokens: 64
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "serving.yaml"
    path.write_text(FILE)
    return path


def test_a_command_is_handed_over(infertune: Infertune, file: Path) -> None:
    done = infertune("handover", str(file))
    words = shlex.split(done.out.replace("\\\n", " "))
    assert done.code == 0
    assert words[:3] == ["vllm", "serve", "org/model"]
    assert words[words.index("--max-num-seqs") + 1] == "4"
    assert done.err == "Note: No server sets decoding.max_tokens = 64: each request must.\n"


@pytest.mark.parametrize("form", ["systemd", "kubernetes", "helm"])
def test_files_are_handed_over(infertune: Infertune, file: Path, form: str) -> None:
    gpus = () if form == "systemd" else ("--gpus", "2")
    done = infertune("handover", str(file), "--as", form, *gpus)
    assert done.code == 0
    assert "--max-num-seqs" in done.out
    if form != "systemd":
        assert "v0.32.0" in done.out and all(yaml.safe_load_all(done.out))


def test_an_image_without_a_tag_is_told(infertune: Infertune, file: Path) -> None:
    done = infertune("handover", str(file), "--as", "helm", "--image", "untagged")
    assert done.code == 2
    assert "--image must have a tag" in done.err


@pytest.mark.parametrize(
    ("form", "option", "forms"),
    [
        ("command", ("--image", "a:b"), "kubernetes or helm"),
        ("systemd", ("--gpus", "1"), "kubernetes or helm"),
        ("systemd", ("--name", "chat"), "kubernetes or helm"),
        ("kubernetes", ("--host", "::"), "command or vllm or systemd or llama.cpp"),
        ("helm", ("--port", "80"), "command or vllm or systemd or kubernetes or llama.cpp"),
    ],
)
def test_an_option_without_use_is_refused(
    infertune: Infertune, file: Path, form: str, option: tuple[str, str], forms: str
) -> None:
    done = infertune("handover", str(file), "--as", form, *option)
    assert done.code == 2
    assert f"{option[0]} needs --as {forms}, not {form}" in done.err


def test_a_command_of_another_server_has_no_chart(infertune: Infertune, tmp_path: Path) -> None:
    path = tmp_path / "llama.yaml"
    path.write_text(
        "model: a.gguf\nengine: command\ncommand: llama -np {engine.n} --port {port}\nsettings: {engine.n: 2}"
    )
    assert infertune("handover", str(path)).out == "llama \\\n    -np 2 \\\n    --port 8000\n"
    assert "the format helm is for vllm" in infertune("handover", str(path), "--as", "helm").err
    assert "needs --image" in infertune("handover", str(path), "--as", "kubernetes").err


def test_a_server_as_the_file_says_is_verified(infertune: Infertune, file: Path) -> None:
    with SimulatedVLLM(Truth()) as server:
        done = infertune("verify", str(file), "--base-url", server.url)
    assert done.code == 0, done.err
    assert "proved" in done.out and "CONTRADICTED" not in done.out
    assert done.out.splitlines()[-1] == "2 proved, 0 contradicted, 3 cannot be seen"


def test_a_server_that_is_set_otherwise_ends_with_a_code_for_scripts(infertune: Infertune, file: Path) -> None:
    with SimulatedVLLM(Truth(max_num_seqs=8, dev_mode=True)) as server:
        done = infertune("verify", str(file), "--base-url", f"{server.url}/v1", "--json")
        assert "CONTRADICTED" in infertune("verify", str(file), "--base-url", server.url).out
    assert done.code == 7
    assert "the server is not set as" in done.err and "engine.max_num_seqs" in done.err
    verdicts = {each["name"]: each["verdict"] for each in done.json["settings"]}
    assert verdicts["engine.max_num_seqs"] == "contradicted"
    assert verdicts["engine.scheduling_policy"] == "proved"
    assert done.json["model"] == "m"


def test_a_model_that_is_not_served_is_told(infertune: Infertune, file: Path) -> None:
    with SimulatedVLLM(Truth()) as server:
        done = infertune("verify", str(file), "--base-url", server.url, "--model", "mm")
    assert done.code == 2
    assert "the server has no model 'mm'; did you mean 'm'?" in done.err


def test_no_server_is_told(infertune: Infertune, file: Path) -> None:
    done = infertune("verify", str(file), "--base-url", "http://127.0.0.1:9")
    assert done.code == 4
    assert "must say what is served" in done.err and "Traceback" not in done.err
