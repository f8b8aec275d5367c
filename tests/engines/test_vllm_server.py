"""The process of a managed server, against a stand-in that fails in each of the ways that real ones do."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from infertune.engines.process import server_process as process
from infertune.engines.vllm.server import ServerFailed, VLLMServer

FAKE = Path(__file__).parent / "fake_vllm"
Start = Callable[..., VLLMServer]


def server(behaviour: str, folder: Path, *arguments: str, **options: Any) -> VLLMServer:
    environment = {"PYTHONPATH": str(FAKE), "FAKE_VLLM": behaviour, "FAKE_VLLM_NOTES": str(folder / "notes")}
    return VLLMServer(
        python=Path(sys.executable),
        model=folder,
        name="fake",
        arguments=arguments,
        environment=environment,
        log=folder / "server.log",
        **{"grace_seconds": 1.0, **options},
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[VLLMServer] = []

    def start(behaviour: str, *arguments: str, **options: Any) -> VLLMServer:
        running.append(server(behaviour, tmp_path, *arguments, **options))
        return running[-1]

    before = set(psutil.Process().children(recursive=True))
    yield start
    for one in running:
        one.stop()
    left = set(psutil.Process().children(recursive=True)) - before
    assert not left


def gone(processes: list[psutil.Process]) -> bool:
    """Wait until none of them is there any more, not even as a zombie."""
    return not psutil.wait_procs(processes, timeout=30)[1]


def post(one: VLLMServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=10)
    connection.request("POST", "/v1/completions")
    connection.getresponse()


def test_it_is_ready_and_ends_when_told(start: Start) -> None:
    one = start("")
    assert one.alive()
    status, body = one.get("/v1/models")
    assert status == 200 and b"fake" in body
    assert one.base_url == f"http://127.0.0.1:{one.port}/v1"
    assert one.start_seconds > 0
    process = psutil.Process(one.pid)
    one.stop()
    one.stop()
    assert not one.alive()
    assert gone([process])
    with pytest.raises(OSError):
        one.get("/health")


def test_keys_stay_here(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "planted")
    monkeypatch.setenv("VLLM_API_KEY", "planted")
    one = start("")
    assert "planted" not in psutil.Process(one.pid).environ().values()
    assert psutil.Process(one.pid).environ()["PYTHONFAULTHANDLER"] == "1"


def test_a_slow_start_is_no_failure(start: Start) -> None:
    assert start("slow").start_seconds >= 2


def test_a_port_that_was_taken_meanwhile_is_changed(start: Start, tmp_path: Path) -> None:
    assert start("port taken once").alive()
    assert (tmp_path / "notes").exists()
    assert "Address already in use" in (tmp_path / "server.log").read_text()


def test_a_port_that_stays_taken_is_named(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(process, "_free_port", lambda: taken.getsockname()[1])
        with pytest.raises(ServerFailed, match=r"port taken: OSError: .*Address already in use"):
            start("")


@pytest.mark.parametrize(
    ("behaviour", "kind", "line", "exit_code"),
    [
        (
            "out of memory",
            "out of memory",
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
            1,
        ),
        ("crash", "crash", "KeyError: 'model.layers.0.weight'", 1),
    ],
)
def test_a_start_that_fails_is_named(start: Start, behaviour: str, kind: str, line: str, exit_code: int) -> None:
    with pytest.raises(ServerFailed) as caught:
        start(behaviour)
    failure = caught.value.failure
    assert (failure.kind, failure.exit_code) == (kind, exit_code)
    assert failure.line.startswith(line)
    assert line in str(caught.value) and "server.log" in str(caught.value)
    assert caught.value.exit_code == 4


def test_an_unknown_argument_is_named_with_the_nearest(start: Start) -> None:
    with pytest.raises(ServerFailed, match="unrecognized arguments: --max-num-seq-s 4; did you mean 'max-num-seqs'"):
        start("", "--max-num-seq-s", "4")


@pytest.mark.parametrize("behaviour", ["hang", "stranger"])
def test_no_answer_in_time_is_a_hang(start: Start, behaviour: str) -> None:
    with pytest.raises(ServerFailed, match="hang: not ready within 1 s") as caught:
        start(behaviour, start_timeout_seconds=1)
    assert caught.value.failure.kind == "hang"
    assert ("Initializing a V1 LLM engine" in caught.value.failure.line) == (behaviour == "hang")


def test_a_death_under_load_is_told_with_its_cause(start: Start) -> None:
    one = start("")
    with pytest.raises((http.client.HTTPException, OSError)):
        post(one)
    failure = one.failure(wait_seconds=30)
    assert (failure.kind, failure.line) == ("crash", "RuntimeError: CPU Generator does not use offset")


def test_a_kill_from_outside_is_told_apart(start: Start) -> None:
    one = start("family")
    os.kill(one.pid, signal.SIGKILL)
    failure = one.failure(wait_seconds=30)
    assert (failure.kind, failure.exit_code) == ("killed", -signal.SIGKILL)


def test_the_log_is_bounded(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_MAX_LOG_BYTES", 8 * 2**20)
    start("talkative")
    sizes = {path.name: path.stat().st_size for path in tmp_path.glob("server.log*")}
    assert set(sizes) == {"server.log", "server.log.1"}
    assert sum(sizes.values()) < 9 * 2**20


def test_one_that_does_not_answer_is_stopped_and_named(start: Start) -> None:
    one = start("")
    failure = one.failure(unless_alive="no token for 300 s")
    assert (failure.kind, failure.exit_code) == ("hang", None)
    assert failure.line == "no token for 300 s; its last words: nothing"
    assert not one.alive()


# Nothing is left behind


def family(one: VLLMServer) -> list[psutil.Process]:
    """Return supervisor, server and all that descend from it, after a look at whether the worst are among them."""
    supervisor = psutil.Process(one._supervisor.pid)
    everyone = [supervisor, *supervisor.children(recursive=True)]
    assert len({os.getsid(process.pid) for process in everyone}) == 4  # supervisor, server, child, daemon
    assert any(process.status() == psutil.STATUS_ZOMBIE for process in everyone)
    return everyone


def test_a_stop_ends_even_those_that_ignore_it_in_sessions_of_their_own(start: Start) -> None:
    one = start("family")
    everyone = family(one)
    assert len(everyone) == 6
    one.stop()
    assert gone(everyone)


def test_the_death_of_the_server_ends_its_descendants(start: Start) -> None:
    one = start("family")
    everyone = family(one)
    os.kill(one.pid, signal.SIGKILL)
    assert gone(everyone[1:])


def test_the_death_of_the_supervisor_ends_the_server(start: Start) -> None:
    one = start("")
    process = psutil.Process(one.pid)
    one._supervisor.kill()
    assert gone([process])
    assert one.failure().kind == "killed"


PARENT = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[1])
from test_vllm_server import server
one = server("family", pathlib.Path(sys.argv[2]))
print(one._supervisor.pid, flush=True)
{then}
"""


@pytest.mark.parametrize(
    "then", ["time.sleep(600)", "import os\nif os.fork() == 0: time.sleep(3)\nelse: time.sleep(600)"]
)
def test_a_kill_of_the_parent_leaves_nothing(tmp_path: Path, then: str) -> None:
    """With a fork of the parent too, which holds the pipe open a while longer."""
    command = [sys.executable, "-c", PARENT.format(then=then), str(Path(__file__).parent), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        supervisor = psutil.Process(int(parent.stdout.readline()))
        everyone = [supervisor, *supervisor.children(recursive=True)]
        assert len(everyone) == 6
        parent.kill()
        parent.wait()
        assert gone(everyone)
