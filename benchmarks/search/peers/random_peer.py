"""Random search over the full space: the control. No library."""

import random

from protocol import Best, Outcome, Peer, Task, Wish, serve


class Random(Peer):
    """Draws every value uniformly and recommends the best observed."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._draw = random.Random(task.seed)
        self._best = Best()
        self._trial = 0

    def ask(self) -> Wish:
        """Return the next draw."""
        self._trial += 1
        point = [self._draw.randrange(len(axis.values)) for axis in self.task.axes]
        return Wish(self._trial, point, self.task.flat_examples)

    def tell(self, wish: Wish, outcome: Outcome) -> None:
        """Remember the best."""
        self._best.add(wish, outcome)

    def recommend(self) -> list[int] | None:
        """Return the best observed."""
        return self._best.point()


if __name__ == "__main__":
    serve(Random)
