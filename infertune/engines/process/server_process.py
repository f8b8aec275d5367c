"""Starts, watches and stops one server on this machine, whatever kind it is."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infertune.engines.process import failures, sockets, supervisor
from infertune.engines.process.failures import ServerFailure
from infertune.errors import EngineError

HOST = "127.0.0.1"
_NOT_THE_SERVERS = ("OPENAI_API_KEY", "VLLM_API_KEY")  # the second would make it ask for a key
_MAX_LOG_BYTES = 32 * 2**20
_QUOTED_LOG_BYTES = 256 * 1024
_MOST_PORTS = 5
_POLL_SECONDS = 0.1
_ANSWER_SECONDS = 30.0
_SECONDS_TO_END = 20.0  # from the death of its engine, a vLLM server takes about five on two busy cores


class ServerFailed(EngineError):
    """A server could not start, or ended.

    Attributes:
        failure: Why.
    """

    def __init__(self, message: str, failure: ServerFailure) -> None:
        super().__init__(message)
        self.failure = failure


def kind_of(error: EngineError) -> str:
    """Return what a failure has in common with others of its class, such as ``out of memory``."""
    return error.failure.kind if isinstance(error, ServerFailed) else str(error).partition(":")[0]


def delete_log(log: Path) -> None:
    """Delete what a server wrote, where nobody will want to read it."""
    for path in (log, log.with_name(f"{log.name}.1")):
        path.unlink(missing_ok=True)


class ServerProcess:
    """One run of a server on 127.0.0.1, ready when this returns.

    Nothing of it outlives this process, however that ends: see `infertune.engines.process.supervisor`.

    Args:
        title: What it is in messages, such as ``the vLLM server``.
        command: Given the port that it is to listen on, the words that start it; asked again for another port when
            that one was taken meanwhile.
        is_ready: Whether the server behind this process answers and is the one that was started; asked until it holds.
        environment: Variables that are set for the server beside this process's own.
        log: The file that gets the server's output, appended; about 32 MiB are kept, the older half in ``LOG.1``.
        start_timeout_seconds: Most time until it is ready, above 0.
        grace_seconds: Most time that it gets to end by itself when stopped, at least 0.

    Attributes:
        port: Where it listens.
        start_seconds: From its start until it answered.

    Raises:
        ServerFailed: It ended, or did not answer in time.
    """

    def __init__(
        self,
        *,
        title: str,
        command: Callable[[int], Sequence[str]],
        is_ready: Callable[["ServerProcess"], bool],
        environment: Mapping[str, str],
        log: Path,
        start_timeout_seconds: float = 600.0,
        grace_seconds: float = 10.0,
    ) -> None:
        self._title = title
        self._is_ready = is_ready
        self._log = log
        self._grace_seconds = grace_seconds
        self._timeout_seconds = start_timeout_seconds
        inherited = {name: value for name, value in os.environ.items() if name not in _NOT_THE_SERVERS}
        self._environment = {**inherited, "PYTHONFAULTHANDLER": "1", **environment}
        log.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        for attempt in range(1, _MOST_PORTS + 1):
            self.port = _free_port()
            began = time.monotonic()
            self._launch(command(self.port))
            failure = self._wait_until_ready(began + start_timeout_seconds)
            if failure is None:
                self.start_seconds = time.monotonic() - began
                return
            if failure.kind != "port taken" or attempt == _MOST_PORTS:
                hint = failures.nearest_flag(failure, self._written())
                raise ServerFailed(f"{title} did not start: {failure}{hint} (log: {log})", failure)

    @property
    def base_url(self) -> str:
        """Where an OpenAI client finds it, ``/v1`` included."""
        return f"http://{HOST}:{self.port}/v1"

    @property
    def pid(self) -> int:
        """Of the server itself; its other processes descend from it."""
        return self._pid

    @property
    def log(self) -> Path:
        """The file that gets its output."""
        return self._log

    def alive(self) -> bool:
        """Whether it runs; false from the moment that it ended, for whatever reason."""
        return self._supervisor.poll() is None

    def is_well(self) -> bool:
        """Whether it answers, and its engine lives."""
        try:
            return self.alive() and self.get("/health")[0] == 200
        except OSError:
            return False

    def get(self, path: str, *, timeout_seconds: float = _ANSWER_SECONDS) -> tuple[int, bytes]:
        """Return the status and the body of an answer of the server.

        Raises:
            OSError: It does not answer.
        """
        return self._call("GET", path, timeout_seconds)

    def post(self, path: str, *, timeout_seconds: float = _ANSWER_SECONDS) -> tuple[int, bytes]:
        """Return the status and the body of the answer to a call without a body, likewise."""
        return self._call("POST", path, timeout_seconds)

    def owns_port(self) -> bool:
        """Whether it is the server itself that listens on its port, or one of its descendants.

        Where there is no ``/proc`` that says so, it is believed to be.
        """
        listening = sockets.listening(self.port)
        if listening is None:
            return True
        return any(listening & sockets.held_by(pid) for pid in supervisor.descendants(self._supervisor.pid))

    def _call(self, method: str, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout_seconds)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise OSError(f"{path}: {error!r}") from error
        finally:
            connection.close()

    def failure(self, *, unless_alive: str = "it does not answer", wait_seconds: float = 0.0) -> ServerFailure:
        """Return why it ended without being stopped; stop it first where it has not ended.

        Args:
            unless_alive: What was seen of a server that still runs.
            wait_seconds: How long it may take to end by itself.
        """
        try:
            self._supervisor.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            return failures.of_stuck_server(self._written(), seen=unless_alive)
        return self._ended(was_ready=True)

    def why_gone(self, *, seen: str, hangs: bool) -> ServerFailure:
        """Return why it answers no more, by what was seen from outside; it has ended then.

        Args:
            seen: What is wrong with it; empty where it just does not answer.
            hangs: Whether it will not end by itself.
        """
        return self.failure(unless_alive=seen or "it does not answer", wait_seconds=0.0 if hangs else _SECONDS_TO_END)

    def stop(self) -> None:
        """End it and all its descendants; it may be called twice."""
        with self._lock:
            process = self._supervisor
            if process.stdin is not None and not process.stdin.closed:
                process.stdin.close()
            try:
                process.wait(self._grace_seconds + supervisor.MOST_SECONDS_TO_KILL + 5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._collect()

    def _launch(self, command: Sequence[str]) -> None:
        self._n_oom_kills = failures.n_oom_kills()
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        settings = [str(self._log), str(_MAX_LOG_BYTES), str(self._grace_seconds)]
        self._supervisor = subprocess.Popen(
            [sys.executable, "-I", str(Path(supervisor.__file__)), *settings, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            start_new_session=True,  # so that Ctrl-C in a terminal reaches this process alone, which then stops it
            text=True,
        )
        self._exit_code: int | None = None
        assert self._supervisor.stdout is not None
        word, _, number = self._supervisor.stdout.readline().partition(" ")
        self._pid = int(number) if word == "pid" else 0
        if word == "exit":
            self._exit_code = int(number)

    def _wait_until_ready(self, deadline: float) -> ServerFailure | None:
        try:
            while self.alive():
                if self._is_ready(self):
                    return None
                if time.monotonic() > deadline:
                    self.stop()
                    seen = f"not ready within {self._timeout_seconds:g} s of its start"
                    return failures.of_stuck_server(self._written(), seen=seen)
                time.sleep(_POLL_SECONDS)
        except BaseException:
            self.stop()
            raise
        return self._ended(was_ready=False)

    def _ended(self, *, was_ready: bool) -> ServerFailure:
        with self._lock:
            self._collect()
        code = self._exit_code
        if code is None:
            return ServerFailure(kind="killed", line="the supervisor of the server was killed", exit_code=None)
        n_oom_kills = failures.n_oom_kills() - self._n_oom_kills
        return failures.of_ended_server(self._written(), exit_code=code, was_ready=was_ready, n_oom_kills=n_oom_kills)

    def _collect(self) -> None:
        """Read the server's exit code from the supervisor that has ended; finish its work where it could not."""
        process = self._supervisor
        if process.stdout is None or process.stdout.closed:
            return
        for line in process.stdout:
            word, _, number = line.partition(" ")
            if word == "exit":
                self._exit_code = int(number)
        process.stdout.close()
        if process.stdin is not None:
            process.stdin.close()
        if self._exit_code is None and self._pid:
            # The server died with its supervisor; its children have lost both, but still are of its session.
            try:
                os.killpg(self._pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass

    def _written(self) -> str:
        """Return the end of what this run wrote into the log."""
        try:
            with self._log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                start = self._log_start if self._log_start <= size else 0  # moved aside since
                file.seek(max(start, size - _QUOTED_LOG_BYTES))
                return file.read().decode(errors="replace")
        except OSError:
            return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
