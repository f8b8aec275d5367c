"""A toy endpoint, right in every setting but for one oddity, and a record of what was really generated."""

from collections.abc import Callable
from typing import Any

from toy_endpoint import ToyEndpoint

Body = dict[str, Any]


class OddEndpoint(ToyEndpoint):
    """Refuses some requests, or tells its answers in another form; ``n_tokens`` is what they really took.

    Args:
        refuse: Returns status and answer for what it refuses, else None.
        alter: Returns the answer in its own form.
        thoughts: Tokens of an answer that are none of its text, and that max_tokens does not limit.
    """

    def __init__(
        self,
        *defects: str,
        refuse: Callable[[Body], tuple[int, Body] | None] = lambda body: None,
        alter: Callable[[Body, Body], Body] = lambda body, answer: answer,
        thoughts: int = 0,
    ) -> None:
        super().__init__(*defects)
        self._refuse = refuse
        self._alter = alter
        self._thoughts = thoughts

    def _answer(self, path: str, body: Body) -> tuple[int, Body]:
        refused = self._refuse(body)
        if refused is not None:
            return refused
        status, answer = super()._answer(path, body)
        if status == 200:
            more = self._thoughts * len(answer["choices"])
            if "usage" in answer:
                answer["usage"]["completion_tokens"] += more
                answer["usage"]["total_tokens"] = sum(answer["usage"].values())
            self.n_tokens += more
            answer = self._alter(body, answer)
        return status, answer
