"""The answer of a study with its circumstances, as plain data for scripts; docs/answer.md explains each key."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from infertune import __version__
from infertune.budget import Prices
from infertune.recipes.recipe import Recipe, RecipeEvidence
from infertune.selection.recommendation import Recommendation
from infertune.selection.verdict import Side, Verdict
from infertune.space import SearchSpace
from infertune.statistics.intervals import Interval
from infertune.types import Configuration

COST = "tokens per request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A recommendation and what it was found with.

    Attributes:
        recipe: The recommended configuration as the file that runs again.
        space: What was searched.
        facts: `Engine.facts` of the engine that answered.
        prices: When known, so that costs are also given in money.
        engine_metrics: What the engine's own server counted, where it has one.
        resume: The command that goes on with a budget that about decides; empty where none would.
        cost: What a configuration's cost is counted in.
        settings: Names of the settings to show, by their short ones; None for all.
    """

    study: str
    sampler: str
    space: SearchSpace
    recipe: Recipe
    facts: Mapping[str, str]
    recommendation: Recommendation
    prices: Prices | None = None
    engine_metrics: Mapping[str, float | int | str | None] | None = None
    resume: str = ""
    cost: str = COST
    settings: tuple[str, ...] | None = None

    def shown(self, names: Iterable[str]) -> list[str]:
        """Return those of the names that are shown, each once."""
        return [name for name in dict.fromkeys(names) if self.settings is None or name in self.settings]

    def label(self, name: str) -> str:
        """Return what a setting is called where it is shown."""
        return name if self.settings is None else self.space[name].alias


def evidence(verdict: Verdict) -> RecipeEvidence:
    """Return what the confirmation measured of the recommended configuration, for the file that runs again."""
    recommended, default = verdict.recommended, verdict.default
    none = Interval(mean=0.0, low=0.0, high=0.0, n=verdict.difference.n)
    difference = none if verdict.recommends_default else verdict.difference
    return RecipeEvidence(
        n_examples=recommended.utility.n,
        utility=recommended.utility.mean,
        utility_interval=(recommended.utility.low, recommended.utility.high),
        default_utility=default.utility.mean,
        difference=difference.mean,
        difference_interval=(difference.low, difference.high),
        cost_tokens=recommended.cost_tokens,
        default_cost_tokens=default.cost_tokens,
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
        "recommended": _side(found.recommended, verdict.recommended),
        "seen": _side(found.seen, verdict.seen),
        "default": _side(found.default, verdict.default),
        "difference": asdict(verdict.difference),
        "verdict": verdict.kind,
        "clear": verdict.clear,
        "margin": verdict.margin,
        "chance_worse": verdict.chance_worse,
        "examples_to_decide": verdict.examples_to_decide,
        "budget_to_decide": found.budget_to_decide,
        "promise": asdict(found.promise),
        "tune": {
            "n_examples": found.n_tune,
            "n_as_good": found.n_as_good,
            "front": [asdict(each) | {"configuration": dict(each.configuration)} for each in found.front],
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


def _side(configuration: Configuration, side: Side) -> dict[str, Any]:
    return {
        "configuration": dict(configuration),
        "utility": asdict(side.utility),
        "cost_tokens": side.cost_tokens,
        "answered_share": side.answered_share,
    }
