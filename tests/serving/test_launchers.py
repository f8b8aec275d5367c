"""Both launchers keep the contract, with a stand-in that fails in each of the ways that real servers do."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import FAKE, FAKE_SERVER, Few, hang_seconds, start_timeout_seconds
from installed_vllm import on_cpu

from infertune.engines.launch.command_server import CommandLauncher
from infertune.engines.launch.command_template import CommandTemplate
from infertune.engines.launch.vllm_server import VLLMServerLauncher
from infertune.engines.launch.vllm_settings import VLLMSettings
from infertune.engines.vllm.interpreter import VLLMPython
from infertune.errors import InvalidInputError
from infertune.serving.launch.under_load import UnderLoad
from infertune.space import Parameter
from infertune.testing.launcher_contract import Launch, LauncherContract
from infertune.types import Configuration

pytestmark = pytest.mark.long

COMMAND = f"{sys.executable} {FAKE_SERVER} --model {{model}} --host {{host}} --port {{port}} --served-model-name fake"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def under_load(servers: Any, behaviour: str) -> UnderLoad:
    return UnderLoad(servers, Few(), hang_seconds=hang_seconds(behaviour))


def vllm_servers(behaviour: str, folder: Path) -> VLLMServerLauncher:
    (folder / "config.json").write_text("{}")
    return VLLMServerLauncher(
        "fake",
        python=VLLMPython(path=Path(sys.executable), version="0.32.0", on_cpu=True),
        folder=folder,
        settings=VLLMSettings.of(on_cpu(), fixed={"dtype": "bfloat16"}),
        given={"dtype": "bfloat16"},
        environment={"PYTHONPATH": str(FAKE), "FAKE_VLLM": behaviour},
        start_timeout_seconds=start_timeout_seconds(behaviour),
    )


def vllm(behaviour: str, folder: Path) -> UnderLoad:
    return under_load(vllm_servers(behaviour, folder), behaviour)


def command(behaviour: str, text: str = COMMAND, *parameters: Parameter) -> UnderLoad:
    servers = CommandLauncher(
        CommandTemplate(text),
        "m",
        parameters=parameters,
        environment={"FAKE_VLLM": behaviour},
        start_timeout_seconds=start_timeout_seconds(behaviour),
    )
    return under_load(servers, behaviour)


class TestVLLMLauncher(LauncherContract):
    has_template = False

    @pytest.fixture
    def launch(self, tmp_path: Path) -> Launch:
        return lambda behaviour: vllm(behaviour, tmp_path)


class TestCommandLauncher(LauncherContract):
    @pytest.fixture
    def launch(self) -> Launch:
        seqs = Parameter(name="engine.n", tier="engine", kind="choice", choices=(4, 8), default=4)
        return lambda behaviour: command(behaviour, f"{COMMAND} --max-num-seqs {{engine.n}}", seqs)


def test_the_settings_become_flags(tmp_path: Path) -> None:
    configuration = Configuration(
        {
            "engine.max_num_seqs": 16,
            "engine.enable_prefix_caching": False,
            "engine.speculative_method": "ngram",
            "engine.speculative_tokens": 3,
            "engine.prompt_lookup_max": 4,
            "decoding.temperature": 0.5,
        }
    )
    assert vllm_servers("", tmp_path).command(configuration) == [
        *("--generation-config", "vllm", "--dtype", "bfloat16", "--no-enable-prefix-caching"),
        *("--max-num-seqs", "16", "--speculative-config"),
        '{"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 4, "prompt_lookup_min": 2}',
    ]


@pytest.mark.parametrize("start", [vllm, lambda behaviour, _: command(behaviour)])
def test_the_log_stays_only_where_something_failed(start: Callable, tmp_path: Path, cache: Path) -> None:
    start("", tmp_path).start(Configuration({})).close()
    assert not list(cache.rglob("*.log"))
    running = start("is killed under load", tmp_path).start(Configuration({}))
    with pytest.raises(Exception, match="killed"):
        for seed in range(9):
            running.press(load=Few.load, n_requests=9, seed=seed)
    running.close()
    assert len(list(cache.rglob("*.log"))) == 1


def test_another_server_on_the_port_is_not_taken_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from infertune.engines.process import server_process

    other = command("").start(Configuration({}))
    monkeypatch.setattr(server_process, "_free_port", lambda: int(other.base_url.split(":")[2].removesuffix("/v1")))
    with pytest.raises(server_process.ServerFailed, match="port taken"):
        command("").start(Configuration({}))
    with pytest.raises(server_process.ServerFailed, match="hang: not ready within 1 s"):
        command("hang").start(Configuration({}))
    other.close()


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        (f"{COMMAND} {{engine.n}}", [], r"a hole {engine\.n}: give its values with settings engine\.n=A,B,C"),
        (COMMAND, ["engine.n"], r"no hole {engine\.n}, so that engine\.n would change nothing"),
    ],
)
def test_holes_and_settings_must_fit(text: str, names: list[str], message: str) -> None:
    given = [Parameter(name=name, tier="engine", kind="choice", choices=(1,), default=1) for name in names]
    with pytest.raises(InvalidInputError, match=message):
        command("", text, *given)


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(Exception, match=r"the server did not start: .*No such file or directory: 'no-such-program'"):
        command("", "no-such-program {port}").start(Configuration({}))
