"""An endpoint in a process of its own, which lives through what is done to its clients and notes all that it answers.

    python -m benchmarks.reliability.endpoint LEDGER SECONDS SHARE PAUSE SEED KNOWN

Each answer takes SECONDS, a SHARE of the calls is spoilt, some by a PAUSE in seconds, and where KNOWN is 1 it tells
when it began, so that a look at it is remembered. The ledger gets a line for each answer: what was asked, its tokens.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.reliability import sums
from infertune.testing import ChaosProxy, FakeEngine, OpenAIServer


class WitnessedServer(OpenAIServer):
    """Takes a little time for every call, and writes each answer down before it is sent."""

    def __init__(self, ledger: Path, seconds: float, metrics: str) -> None:
        super().__init__(FakeEngine(sums.write), metrics=metrics)
        self._ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._seconds = seconds

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        time.sleep(self._seconds)
        status, plain = super().answer(path, body)
        if status == 200:
            prompt = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
            usage = plain["usage"]
            line = {
                "asked": json.dumps(body, sort_keys=True),
                "of_the_task": sums.is_of_the_task(prompt),
                "tokens": usage["total_tokens"],
            }
            os.write(self._ledger, f"{json.dumps(line)}\n".encode())
        return status, plain


class Ledger:
    """What an endpoint has noted so far.

    Attributes:
        tokens: Of all answers.
        look_tokens: Of those that are not about the task.
        n_answers: About the task.
        repeated_tokens: Of answers about the task that had been given before.
    """

    def __init__(self, file: Path) -> None:
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        own = [line for line in lines if line["of_the_task"]]
        self.tokens = sum(line["tokens"] for line in lines)
        self.look_tokens = self.tokens - sum(line["tokens"] for line in own)
        self.n_answers = len(own)
        tokens = {line["asked"]: line["tokens"] for line in own}
        times = Counter(line["asked"] for line in own)
        self.repeated_tokens = sum((n - 1) * tokens[asked] for asked, n in times.items())


@contextmanager
def served(
    ledger: Path,
    *,
    seconds: float = 0.0,
    share: float = 0.0,
    pause: float = 0.0,
    seed: int = 0,
    is_known: bool = False,
) -> Iterator[str]:
    """Serve in another process from entering to leaving; the value is the base URL."""
    arguments = [str(ledger), *map(str, (seconds, share, pause, seed, int(is_known)))]
    command = [sys.executable, "-m", "benchmarks.reliability.endpoint", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()  # which ends it


def main(ledger: str, seconds: str, share: str, pause: str, seed: str, known: str) -> None:
    metrics = f"process_start_time_seconds {time.time()}\n" if int(known) else ""
    with ExitStack() as opened:
        server = opened.enter_context(WitnessedServer(Path(ledger), float(seconds), metrics))
        url = server.base_url
        if float(share):
            proxy = ChaosProxy(url, share=float(share), seed=int(seed), pause_seconds=float(pause), retry_after="0")
            url = opened.enter_context(proxy).base_url
        print(url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
