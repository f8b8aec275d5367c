"""What more samples bring and cost: the recommended configuration at every n that its samples answer for."""

from dataclasses import dataclass

import numpy as np

from infertune.archive.stored_study import StoredStudy
from infertune.evaluation.evaluator import Evaluator
from infertune.space.names import VOTER, N
from infertune.statistics.intervals import Interval, mean_interval
from infertune.types import Configuration
from infertune.types.evidence import Evidence, Order

_FEWEST = 5  # examples, below which a curve says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class AtN:
    """One voter at one n.

    Attributes:
        utility: Mean over the examples, with a 95% interval.
        cost_tokens: Mean tokens per request in use.
    """

    voter: str
    n: int
    utility: Interval
    cost_tokens: float


def curve(study: StoredStudy, configuration: Configuration) -> tuple[AtN, ...]:
    """Return a configuration at every n and with every voter, all else as it is, on the same examples of ``tune``.

    Each n is the exact expectation over all draws of n of the samples that are there. Nothing is returned where only
    one n was bought.
    """
    evaluator = study.evaluator("tune")
    space = study.opening.space
    wanted = sorted({int(each[N]) for each in space.replay_choices(configuration)}, reverse=True)
    for n in wanted:
        evidence = _bought(evaluator, configuration, n)
        if evidence is not None and len(evidence.order.examples) >= _FEWEST:
            found = _along(evidence, configuration)
            return found if len({each.n for each in found}) > 1 else ()
    return ()


def _bought(evaluator: Evaluator, configuration: Configuration, n: int) -> Evidence | None:
    return evaluator.evidence(
        Order(
            configuration=evaluator.request_part(configuration),
            examples=tuple(range(len(evaluator.examples))),
            n_samples=n,
            max_tokens=int(evaluator.order(configuration, [0]).max_tokens or evaluator.max_tokens),
        )
    )


def _along(evidence: Evidence, configuration: Configuration) -> tuple[AtN, ...]:
    others = {name: value for name, value in configuration.items() if name not in (N, VOTER)}
    found = []
    for choice, scores, tokens in zip(evidence.choices, evidence.scores, evidence.tokens, strict=True):
        if any(others.get(name) != value for name, value in choice.items() if name not in (N, VOTER)):
            continue
        found.append(
            AtN(
                voter=str(choice.get(VOTER, "")),
                n=int(choice[N]),
                utility=mean_interval(np.clip(scores, 0.0, 1.0)),
                cost_tokens=float(tokens.mean()),
            )
        )
    return tuple(sorted(found, key=lambda each: (each.voter, each.n)))
