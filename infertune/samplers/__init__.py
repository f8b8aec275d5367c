"""Samplers propose the next configuration of the request tier from what was seen before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

from infertune.space import SearchSpace
from infertune.types import Configuration

__all__ = ["Sampler", "SpaceExhausted", "Trial", "first_unseen"]

N_DRAWS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a sampler knows of one proposal.

    Attributes:
        number: Position in the study, from 0.
        configuration: Values of the request tier.
        utility: In [0, 1]; None while pending, and for good when the trial failed.
        constraint: Tokens per request above the cost cap; 0 or less keeps it.
        state: ``pending`` was proposed and is not finished; ``failed`` is infeasible, and never a utility of 0.
    """

    number: int
    configuration: Configuration
    utility: float | None
    constraint: float
    state: Literal["complete", "pending", "failed"]


class SpaceExhausted(Exception):
    """Every configuration of the space is in the history: the study has nothing left to try, and ends normally."""


class Sampler(Protocol):
    """Proposes configurations; ``random``, ``grid``, ``qmc`` and ``tpe`` are ours."""

    def propose(self, space: SearchSpace, history: Sequence[Trial], seed: int) -> Configuration:
        """Return the next configuration: one of ``space`` that is not in the history.

        A pure function of its arguments, in any process: a resumed study then repeats its own proposals. A
        generator that moves on from one proposal to the next is seeded by ``(seed, len(history))``; an order
        fixed for the whole study by ``seed`` alone.

        Args:
            space: The request tier, ``SearchSpace.tier("request")`` of the study's space.
            history: All earlier proposals by number, pending and failed ones included.
            seed: Of the study, at least 0.

        Raises:
            SpaceExhausted: The history holds every configuration of the space.
        """


def first_unseen(draws: Iterable[Configuration], space: SearchSpace, history: Sequence[Trial]) -> Configuration:
    """Return the first draw that the history lacks, or after 64 seen ones any configuration that it lacks."""
    seen = {trial.configuration for trial in history}
    last = None
    for last in islice(draws, N_DRAWS):
        if last not in seen:
            return last
    if last is not None and any(space[name].continuous for name in last):
        return last  # a space that cannot be enumerated has no end
    for configuration in space.configurations():
        if configuration not in seen:
            return configuration
    raise SpaceExhausted
