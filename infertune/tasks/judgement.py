"""Whether an example can be got right at all: what a perfect model writes must be found and score 1."""

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
        found = "no answer is found in it" if self.answer is None else f"'{_short(self.answer)}' is found in it"
        return f"{self.where}: '{_short(self.ideal)}' scores {self.score:g}: {found}"


def misses(
    examples: Iterable[Example],
    ideals: Mapping[str, str],
    places: Mapping[str, str],
    extract: Callable[[str], str | None],
    score: Callable[[str | None, Example], float],
) -> tuple[Miss, ...]:
    """Return the examples that no answer gets right, in the order of ``places``.

    One whose perfect answer is not known is taken to be good.
    """

    def judged(example: Example) -> Miss | None:
        ideal = ideals[example.id]
        answer = extract(ideal)
        reached = score(answer, example)
        if reached == 1:
            return None
        return Miss(example_id=example.id, where=places[example.id], ideal=ideal, answer=answer, score=reached)

    with ThreadPoolExecutor() as pool:  # programs are run by processes of their own
        found = list(pool.map(judged, [example for example in examples if example.id in ideals]))
    by_id = {miss.example_id: miss for miss in found if miss is not None}
    return tuple(by_id[name] for name in places if name in by_id)


def in_words(missed: Sequence[Miss], n_examples: int) -> tuple[str, ...]:
    """Return the problem that misses are, if there are any."""
    if not missed:
        return ()
    named = [str(miss) for miss in missed[:_N_NAMED]]
    more = [f"and {len(missed) - _N_NAMED} more"] if len(missed) > _N_NAMED else []
    head = (
        f"{len(missed)} of {n_examples} examples cannot be got right: what a perfect model writes does not score 1."
        " Correct the references, 'extraction' or 'scorer', or say in 'ideal' what a perfect model writes"
    )
    return ("\n    ".join([head, *named, *more]),)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."
