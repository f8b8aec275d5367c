"""What is handed over says the settings that were chosen, whoever reads it back."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.engines.launch.command_template import CommandTemplate
from infertune.exports import cluster, unit
from infertune.exports import service as services
from infertune.exports.service import Service

SETTINGS = {
    "engine.max_num_seqs": 64,
    "engine.enable_prefix_caching": False,
    "engine.block_size": 32,
    "engine.speculative_method": "ngram",
    "engine.speculative_tokens": 4,
    "engine.prompt_lookup_max": 6,
    "engine.attention_backend": "auto",
}
DECODING = {"decoding.temperature": 0.7, "decoding.top_p": 0.9, "decoding.max_tokens": 64, "strategy.n": 5}
SPECULATION = {"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_max": 6, "prompt_lookup_min": 2}
NASTY = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cc"]), min_size=1) | (
    st.sampled_from(["$HOME", "$(HOME)", "100%", "%n", "say \"a\" 'b'", "a\\nb", "-1", "; rm", "\\", "$$(x)"])
)


def service(**changes: object) -> Service:
    return Service(**{"model": "org/model", "settings": SETTINGS, "decoding": {}, **changes})


def flags(words: list[str]) -> dict[str, str]:
    """Return the flags of a vLLM command as a reader of it would: by name, a flag without a value being empty."""
    found: dict[str, str] = {}
    for word in words:
        if word.startswith("--"):
            found[word] = ""
        else:
            found[list(found)[-1]] = word
    return found


def check(words: list[str]) -> None:
    told = flags(words)
    assert told["--max-num-seqs"] == "64"
    assert told["--block-size"] == "32"
    assert "--no-enable-prefix-caching" in told
    assert json.loads(told["--speculative-config"]) == SPECULATION
    assert not {"--attention-backend", "--speculative-method"} & told.keys()


def systemd_words(unit: str) -> list[str]:
    """Split ``ExecStart`` as systemd.service(5) says: quotes, C escapes, then %% and $$ for one of each."""
    line = re.search(r"^ExecStart=((?:.*\\\n)*.*)$", unit, re.M)[1].replace("\\\n", " ")
    words = []
    for quoted, plain in re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line):
        word = re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), quoted) or plain
        assert not re.search(r"(?<!%)%(?:%%)*(?!%)", word) and not re.search(r"(?<!\$)\$(?:\$\$)*(?!\$)", word)
        words.append(word.replace("%%", "%").replace("$$", "$"))
    return words


def kubernetes_words(text: str) -> list[str]:
    deployment, _ = yaml.safe_load_all(text)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    words = container["command"] + container["args"]
    assert not any(re.search(r"(?<!\$)\$\(", word) for word in words)  # Kubernetes would replace it
    return [word.replace("$$(", "$(") for word in words]


def test_the_command_says_the_settings() -> None:
    words = shlex.split(unit.command_line(service()).replace("\\\n", " "))
    assert words[:3] == ["vllm", "serve", "org/model"]
    check(words[3:])
    assert flags(words[3:])["--port"] == "8000"


def test_the_unit_says_the_settings() -> None:
    program, *words = systemd_words(unit.systemd_unit(service()))
    assert program == "/usr/bin/env" and words[:2] == ["vllm", "serve"]
    check(words[3:])


def test_the_kubernetes_files_say_the_settings_and_fit_together() -> None:
    text = cluster.kubernetes(service(name="My Server!", n_gpus=2))
    words = kubernetes_words(text)
    check(words[3:])
    assert flags(words[3:])["--host"] == "0.0.0.0"
    deployment, entry = yaml.safe_load_all(text)
    assert deployment["metadata"]["name"] == entry["metadata"]["name"] == "my-server"
    pod = deployment["spec"]["template"]
    assert entry["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert deployment["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    container = pod["spec"]["containers"][0]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": 2}
    assert entry["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {v["name"] for v in pod["spec"]["volumes"]}


def test_the_helm_values_say_the_settings() -> None:
    (model,) = yaml.safe_load(cluster.helm_values(service(n_gpus=0, image="a.b/c:v1")))["servingEngineSpec"][
        "modelSpec"
    ]
    check(model["vllmConfig"]["extraArgs"])
    assert model["vllmConfig"]["enablePrefixCaching"] is False  # which the chart would say again otherwise
    assert (model["repository"], model["tag"], model["requestGPU"]) == ("a.b/c", "v1", 0)


def test_the_decoding_side_becomes_the_servers_default_where_it_can() -> None:
    told = flags(service(decoding=DECODING).flags())
    assert json.loads(told["--override-generation-config"]) == {"temperature": 0.7, "top_p": 0.9}
    assert told["--generation-config"] == "vllm"
    assert services.left_to_clients(DECODING) == ("decoding.max_tokens", "strategy.n")
    assert "--generation-config" not in flags(service().flags())


@pytest.mark.parametrize(
    ("settings", "device", "gpus"),
    [
        ({"engine.tensor_parallel_size": 2, "engine.pipeline_parallel_size": 4}, "gpu", 8),
        ({}, "gpu", 1),
        ({"engine.tensor_parallel_size": 2}, "cpu", 0),
    ],
)
def test_the_gpus_are_those_of_the_parallel_sizes(settings: dict[str, int], device: str, gpus: int) -> None:
    assert services.n_gpus(settings, device=device) == gpus


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "nasty.service"
    nasty = {**SETTINGS, "engine.a": "100% %n $HOME ${x}", "engine.b": 'say "a"\\n', "engine.c": "'; -"}
    path.write_text(unit.systemd_unit(service(model="a model/100%", settings=nasty, decoding=DECODING)))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    path.write_text(path.read_text().replace('\\"', '"', 1))  # it does see what is not escaped
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0


@settings(deadline=None)
@given(st.lists(NASTY, min_size=1, max_size=4))
def test_no_value_is_changed_by_what_reads_it(values: list[str]) -> None:
    template = CommandTemplate("run {model} {port} " + " ".join(f"--x={{engine.x{n}}}" for n in range(len(values))))
    one = service(
        model=values[0], settings={f"engine.x{n}": value for n, value in enumerate(values)}, command=template
    )
    words = ["run", values[0], "8000", *(f"--x={value}" for value in values)]
    assert one.words() == words
    assert shlex.split(unit.command_line(one).replace("\\\n", " ")) == words
    assert systemd_words(unit.systemd_unit(one))[1:] == words
    assert kubernetes_words(cluster.kubernetes(one)) == words
