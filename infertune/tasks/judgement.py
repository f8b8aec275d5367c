"""Whether an example can be answered correctly at all: what a perfect model writes must be found and score 1."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from infertune.types import Example

_N_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A perfect answer that does not score 1, what was found in it, and where its row stands."""

    example_id: str
    where: str
    ideal: str
    answer: str | None
    score: float

    def __str__(self) -> str:
        found = "nothing is extracted" if self.answer is None else f"'{_short(self.answer)}' is extracted"
        return f"{self.where}: '{_short(self.ideal)}' scores {self.score:g}; {found}"


def misses(
    examples: Iterable[Example],
    ideals: Mapping[str, str],
    places: Mapping[str, str],
    extract: Callable[[str], str | None],
    score: Callable[[str | None, Example], float],
) -> tuple[Miss, ...]:
    """Return the examples that cannot be answered correctly, in the order of ``places``.

    One whose perfect answer is not known is taken to be good.
    """

    def judged(some: Sequence[Example]) -> dict[str, Miss]:
        found = {}
        for example in some:
            ideal, name = ideals[example.id], example.id
            answer = extract(ideal)
            reached = score(answer, example)
            if reached < 1:
                found[name] = Miss(example_id=name, where=places[name], ideal=ideal, answer=answer, score=reached)
        return found

    known = [example for example in examples if example.id in ideals]
    n_threads = os.cpu_count() or 1  # written programs run in processes of their own
    with ThreadPoolExecutor(n_threads) as pool:
        parts = pool.map(judged, [known[start::n_threads] for start in range(n_threads)])
        by_id = {name: miss for part in parts for name, miss in part.items()}
    return tuple(by_id[name] for name in places if name in by_id)


def in_words(missed: Sequence[Miss], n_examples: int) -> tuple[str, ...]:
    """Return the problem that misses are, if there are any."""
    if not missed:
        return ()
    named = [str(miss) for miss in missed[:_N_NAMED]]
    more = [f"and {len(missed) - _N_NAMED} more"] if len(missed) > _N_NAMED else []
    head = (
        f"{len(missed)} of {n_examples} examples cannot be answered correctly: the perfect answer does not score 1."
        " Correct the references, 'extraction' or 'scorer', or set 'ideal' to what a perfect model would write"
    )
    return ("\n    ".join([head, *named, *more]),)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."
