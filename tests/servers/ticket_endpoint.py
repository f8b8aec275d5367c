"""An endpoint that sorts the tutorial's support tickets, right as often as is planted, and babbles otherwise.

``python tests/servers/ticket_endpoint.py`` prints its address and serves until Ctrl-C.
"""

import csv
import random
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from toy_endpoint import ToyEndpoint

from infertune.testing import FakeEngine, OpenAIServer
from infertune.types import Request

TICKETS = Path(__file__).parents[2] / "docs/tutorial/tickets.csv"
TEAM = {row["text"]: row["team"] for row in csv.DictReader(TICKETS.read_text().splitlines())}
TEAMS = sorted(set(TEAM.values()))
COLD = {"shots": 0.95, "chat-shots": 0.6, "system": 0.4, "question": 0.38}  # how often right, by prompt, greedy
GUESS = 1 / len(TEAMS)  # how often right without a thought
HEAT = 0.4  # so much of what is better than a guess does a temperature of 1 take away


def chance(prompt: str, temperature: float) -> float:
    """Return how often one answer is right; ``prompt`` is the template's name without the task's."""
    return GUESS + (COLD[prompt] - GUESS) * (1 - HEAT * temperature)


class TicketServer(OpenAIServer):
    """Answers tickets by chance, one draw a seed whatever the settings; other prompts are left to a toy model.

    The toy honours every setting, so that this can be seen by its effect.
    """

    def __init__(self, *, model: str = "my-model") -> None:
        super().__init__(FakeEngine(_write), model=model)
        self._toy = ToyEndpoint()

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON that answer a call."""
        asked = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
        if body.get("model") == self.model and _ticket(asked) is None:
            return self._toy.answer(path, {**body, "model": "toy"})
        return super().answer(path, body)


def _ticket(asked: str) -> str | None:
    """Return the ticket that is asked about: of those that a prompt shows, the last."""
    return max((text for text in TEAM if text in asked), key=asked.rfind, default=None)


def _write(request: Request, sample: int, source: random.Random) -> str:
    prompt = request.prompt
    if isinstance(prompt, str):
        kind, asked = "shots", prompt
    else:
        asked = prompt[-1].content
        kind = {1: "question", 2: "system"}.get(len(prompt), "chat-shots")
    ticket = _ticket(asked)
    assert ticket is not None
    right = TEAM[ticket]
    luck, other = source.random(), source.choice([team for team in TEAMS if team != right])
    return right if luck < chance(kind, request.decoding.temperature) else other


if __name__ == "__main__":
    with TicketServer() as server, suppress(KeyboardInterrupt):
        print(server.base_url, flush=True)
        threading.Event().wait()
