"""Real servers of the embedded model, each a process of its own on a free port of 127.0.0.1."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import httpx

START_SECONDS = 300.0


@contextmanager
def running(command: Sequence[str], *, port: int, ready: str = "/v1/models", **environment: str) -> Iterator[str]:
    """Yield the base URL of a server, once it answers.

    Args:
        command: Starts it in the foreground.
        port: Where it listens.
        ready: A path that it answers with 200 when it can be asked.
        environment: Variables beyond those of this process.
    """
    url = f"http://127.0.0.1:{port}"
    with TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **environment}, start_new_session=True
        )
        try:
            _await(f"{url}{ready}", process)
            yield f"{url}/v1"
        except RuntimeError as error:
            log.seek(0)
            raise RuntimeError(f"{error}: {log.read().decode(errors='replace')[-2000:]}") from None
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def beside(python: Path, program: str) -> Path:
    """Return a program of the environment that a Python is of."""
    return python.absolute().with_name(program)


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"the server did not answer within {START_SECONDS:.0f} s")
