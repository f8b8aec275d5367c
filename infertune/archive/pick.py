"""The best of what a study has tried, within limits: what is chosen, and what it gives up.

Everything that was tried is considered with every replay choice, such as each n. What is expected of it is what the
search's own model makes of all the evidence, so that a lucky trial is not taken at its word. What the study recommends
was held against others with more examples than the model has: where it keeps the limits, it is chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infertune.archive.stored_study import StoredStudy
from infertune.archive.surface import UtilitySurface
from infertune.errors import InvalidInputError, NothingFitsError
from infertune.types import Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is asked of a configuration; None is no limit.

    Attributes:
        max_cost_tokens: Most tokens per request, above 0.
        min_utility: Least utility that is expected, in the units of the scores.
        max_latency_seconds: Longest median time of a request, as it was while the study ran; above 0.
    """

    max_cost_tokens: float | None = None
    min_utility: float | None = None
    max_latency_seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_cost_tokens", "max_latency_seconds"):
            value = getattr(self, name)
            if value is not None and not 0 < value < np.inf:
                raise InvalidInputError(f"`{name}` must be above 0, but is {value:g}")
        if self.min_utility is not None and not 0 <= self.min_utility <= 1:
            raise InvalidInputError(f"`min_utility` must lie between 0 and 1, but is {self.min_utility:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A configuration with what is expected of it.

    Attributes:
        utility: As measured on ``confirm`` where it was confirmed, otherwise on examples like those of ``tune``.
        cost_tokens: Mean tokens per request, as observed.
        n_examples: That it was tried on.
        confirmed: Whether it is one of the two that the study confirmed.
        latency_seconds: Median time of a request while the study ran; None where that is not known.
    """

    configuration: Configuration
    utility: float
    cost_tokens: float
    n_examples: int
    confirmed: bool = False
    latency_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """What is chosen.

    Attributes:
        chosen: The best within the limits; the cheapest of equals.
        best: The best without them.
        limits: As asked.
    """

    chosen: Pick
    best: Pick
    limits: Limits


def pick(study: StoredStudy, limits: Limits) -> Picked:
    """Return the best configuration within limits.

    Args:
        study: That has tried two configurations or more; it need not be finished.
        limits: What is asked.

    Raises:
        NothingFitsError: None keeps them; the message has the nearest that was tried.
        DataUnavailableError: Too little was tried.
    """
    found = candidates(study, latency=limits.max_latency_seconds is not None)
    fitting = [each for each in found if _excess(each, limits) == 0]
    if not fitting:
        raise NothingFitsError(_nearest(found, limits))
    recommended = study.recommendation.recommended if study.is_finished else None
    return Picked(chosen=_best(fitting, recommended), best=_best(found, recommended), limits=limits)


def candidates(study: StoredStudy, *, latency: bool = False) -> list[Pick]:
    """Return everything that a study has tried, with every replay choice.

    Args:
        study: As of `pick`.
        latency: Whether the time of a request is wanted, which takes a look at every answer.
    """
    surface = UtilitySurface(study)
    tokens: dict[Configuration, dict[int, float]] = {}  # by example
    for evidence in (trial.evidence for trial in study.trials if trial.evidence is not None):
        for choice, costs in zip(evidence.choices, evidence.tokens, strict=True):
            by_example = tokens.setdefault(evidence.order.configuration.with_values(choice), {})
            by_example.update(zip(evidence.order.examples, costs.tolist(), strict=True))
    seconds = _latencies(study) if latency else {}
    confirmed = [
        Pick(
            configuration=each.configuration,
            utility=float(np.mean(each.scores)),
            cost_tokens=float(np.mean(each.tokens)),
            n_examples=len(each.scores),
            confirmed=True,
            latency_seconds=seconds.get(surface.request_part(each.configuration)),
        )
        for each in (study.recommendation.confirmed if study.is_finished else ())
    ]
    known = [each for each in tokens if each not in {pick.configuration for pick in confirmed}]
    return confirmed + [
        Pick(
            configuration=each,
            utility=float(utility),
            cost_tokens=float(np.mean(list(tokens[each].values()))),
            n_examples=len(tokens[each]),
            latency_seconds=seconds.get(surface.request_part(each)),
        )
        for each, utility in zip(known, surface.means(known), strict=True)
        if not np.isnan(utility)
    ]


def _best(candidates: Sequence[Pick], recommended: Configuration | None) -> Pick:
    return max(candidates, key=lambda each: (each.configuration == recommended, each.utility, -each.cost_tokens))


def _latencies(study: StoredStudy) -> dict[Configuration, float]:
    """Return the median time of each configuration's requests; one that was bought for more samples takes longer."""
    evaluator, times = study.evaluator("tune"), dict[Configuration, list[float]]()
    for trial in study.trials:
        if trial.evidence is not None:
            found = evaluator.responses(trial.evidence.order)
            times.setdefault(trial.evidence.order.configuration, []).extend(
                each.seconds for each in found if each.generations and each.seconds > 0
            )
    return {each: float(np.median(seconds)) for each, seconds in times.items() if seconds}


def _excess(candidate: Pick, limits: Limits) -> float:
    """Return by what share of its limits a configuration breaks them; 0 where it keeps all."""
    excess = 0.0
    if limits.max_cost_tokens is not None:
        excess += max(candidate.cost_tokens / limits.max_cost_tokens - 1, 0.0)
    if limits.min_utility is not None:
        excess += max(limits.min_utility - candidate.utility, 0.0)
    if limits.max_latency_seconds is not None:
        latency = candidate.latency_seconds
        excess += np.inf if latency is None else max(latency / limits.max_latency_seconds - 1, 0.0)
    return float(excess)


def _nearest(candidates: Sequence[Pick], limits: Limits) -> str:
    nearest = min(candidates, key=lambda each: (_excess(each, limits), -each.utility))
    asked, has = [], [f"an expected utility of {nearest.utility:.3f}", f"{nearest.cost_tokens:.0f} tokens per request"]
    if limits.max_cost_tokens is not None:
        asked.append(f"at most {limits.max_cost_tokens:g} tokens per request")
    if limits.min_utility is not None:
        asked.append(f"an expected utility of at least {limits.min_utility:g}")
    if limits.max_latency_seconds is not None:
        asked.append(f"answers in at most {limits.max_latency_seconds:g} s")
        latency = nearest.latency_seconds
        has.append("answers in a time that is not known" if latency is None else f"answers in {latency:.3g} s")
    return f"nothing that the study tried has {' and '.join(asked)}; the nearest has {', '.join(has)}"
