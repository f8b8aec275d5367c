"""What the tests of both launchers start, and a workload that asks for little."""

from collections.abc import Sequence
from pathlib import Path

from infertune.load.arrival_load import Load
from infertune.load.workload import LoadRequest

FAKE = Path(__file__).parent.parent / "engines" / "fake_vllm"
FAKE_SERVER = FAKE / "vllm" / "entrypoints" / "openai" / "api_server.py"


class Few:
    """Short prompts, a few tokens each."""

    name = "few"
    n_different = None
    load = Load(concurrency=2)

    def requests(self, n: int, *, seed: int) -> Sequence[LoadRequest]:
        return [LoadRequest(prompt=f"{seed}: {index}", max_tokens=4) for index in range(n)]


# Short where a server is to hang, and for all others such as a busy machine keeps too.
def start_timeout_seconds(behaviour: str) -> float:
    return 1.0 if behaviour == "hang" else 60.0


def hang_seconds(behaviour: str) -> float:
    return 1.0 if behaviour == "hangs under load" else 60.0
