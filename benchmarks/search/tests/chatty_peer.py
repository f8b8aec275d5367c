"""A peer that prints, asks for one trial at two fidelities, and then waits."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))

from protocol import Outcome, Peer, Task, Wish, serve


class Chatty(Peer):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        print("welcome")
        self._asked = False

    def ask(self) -> Wish | None:
        print("thinking")
        if self._asked:
            return None
        self._asked = True
        return Wish(1, [2], 6)

    def tell(self, wish: Wish, outcome: Outcome) -> None:
        print("noted")
        self.continuing.append(Wish(wish.trial, wish.point, 18))

    def recommend(self) -> list[int] | None:
        return [2]


if __name__ == "__main__":
    serve(Chatty)
