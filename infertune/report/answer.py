"""The answer of a study with its circumstances, as plain data for scripts; docs/answer.md explains each key."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from infertune import __version__
from infertune.evaluate import Candidate
from infertune.prices import Prices
from infertune.recommendation import Recommendation
from infertune.report.recipe import Evidence, Recipe
from infertune.select import Verdict
from infertune.space import SearchSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A recommendation and what it was found with.

    Attributes:
        recipe: The recommended configuration as the file that runs again.
        space: What was searched.
        facts: `Engine.facts` of the engine that answered.
        prices: When known, so that costs are also given in money.
        engine_metrics: What the engine's own server counted, where it has one.
    """

    study: str
    sampler: str
    space: SearchSpace
    recipe: Recipe
    facts: Mapping[str, str]
    recommendation: Recommendation
    prices: Prices | None = None
    engine_metrics: Mapping[str, float | int | str | None] | None = None


def evidence(verdict: Verdict) -> Evidence:
    """Return what the confirmation measured, for the file that runs again."""
    return Evidence(
        n_examples=verdict.utility.n,
        utility=verdict.utility.mean,
        utility_interval=(verdict.utility.low, verdict.utility.high),
        default_utility=verdict.default_utility.mean,
        difference=verdict.difference.mean,
        difference_interval=(verdict.difference.low, verdict.difference.high),
        cost_tokens=verdict.cost_tokens,
        default_cost_tokens=verdict.default_cost_tokens,
    )


def as_json(answer: Answer) -> dict[str, Any]:
    """Return the whole answer in lists, mappings and scalars."""
    found, verdict = answer.recommendation, answer.recommendation.verdict
    spent = found.spent
    money = answer.prices and answer.prices.cost(spent.all_prompt_tokens, spent.all_completion_tokens)
    return {
        "infertune": __version__,
        "study": answer.study,
        "task": answer.recipe.task,
        "task_digest": answer.recipe.task_digest,
        "model": answer.recipe.model,
        "engine": dict(answer.facts),
        "sampler": answer.sampler,
        "seed": answer.recipe.seed,
        "recommended": {
            "configuration": dict(found.selection.recommended.configuration),
            "utility": asdict(verdict.utility),
            "cost_tokens": verdict.cost_tokens,
        },
        "default": {
            "configuration": dict(found.default),
            "utility": asdict(verdict.default_utility),
            "cost_tokens": verdict.default_cost_tokens,
        },
        "difference": asdict(verdict.difference),
        "clear": verdict.clear,
        "examples_to_decide": verdict.examples_to_decide,
        "promise": asdict(found.promise),
        "tune": {
            "n_examples": found.n_tune,
            "n_indistinguishable": found.selection.n_indistinguishable,
            "best": _plain(found.selection.best),
            "front": [_plain(candidate) for candidate in found.selection.front],
        },
        "spent": {
            "tokens": spent.tokens,
            "prompt_tokens": spent.prompt_tokens,
            "completion_tokens": spent.completion_tokens,
            "extra_prompt_tokens": spent.extra_prompt_tokens,
            "extra_completion_tokens": spent.extra_completion_tokens,
            "n_requests": spent.n_requests,
            "n_failed": spent.n_failed,
            "seconds": found.seconds,
            "money": money,
            "currency": answer.prices.currency if answer.prices else "",
        },
        "n_trials": found.n_trials,
        "notes": list(found.notes),
        "engine_metrics": None if answer.engine_metrics is None else dict(answer.engine_metrics),
    }


def _plain(candidate: Candidate) -> dict[str, Any]:
    return {
        "configuration": dict(candidate.configuration),
        "utility": candidate.utility,
        "cost_tokens": candidate.cost_tokens,
    }
