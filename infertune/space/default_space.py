"""The space that is searched unless the user says otherwise."""

from collections.abc import Mapping, Sequence

from infertune.decoding.settings import SETTINGS, Setting
from infertune.space.condition import Condition, Constraint
from infertune.space.names import EXTRACTOR, MAX_TOKENS, PROMPT, TEMPERATURE, VOTER, N
from infertune.space.parameter import Parameter
from infertune.space.search_space import SearchSpace
from infertune.types import Scalar

SAMPLED = Condition(TEMPERATURE, ">", 0.0)
STRATEGIES = ("first", "majority", "best_of_n")


def sampled(configuration: Mapping[str, Scalar]) -> bool:
    """Whether the samples of an example may differ under a configuration: all are equal where decoding is greedy."""
    return configuration.get(TEMPERATURE) != 0.0


def default_space(
    *,
    prompts: Sequence[str],
    max_tokens: int | Sequence[int],
    n: Sequence[int] = (1, 3, 5, 9),
    strategies: Sequence[str] = STRATEGIES,
    extractors: Sequence[str] = (),
) -> SearchSpace:
    """Return the default space of a task.

    Args:
        prompts: Names of the task's templates; the first is the default.
        max_tokens: Limits to choose from, of which the largest is the default; a single number is halved four times.
        n: Numbers of samples; without 1 there is no ``first``.
        strategies: Names of the voters. ``first`` is for n = 1, where every other one is the same.
        extractors: Names of the task's ways to find an answer; the first is the default. Fewer than two are no choice.
    """
    limits = (max_tokens,) if isinstance(max_tokens, int) else tuple(sorted(max_tokens))
    ladder = limits if len(limits) > 1 else tuple(sorted({limits[0] >> halvings for halvings in range(5)} - {0}))
    parameters: tuple[Parameter, ...] = (
        *(_decoding(each) for each in SETTINGS),
        Parameter(
            name=PROMPT,
            alias="prompt",
            tier="request",
            kind="choice",
            choices=tuple(prompts),
            default=prompts[0],
            limits=(Condition(PROMPT, "in", tuple(prompts)),),
        ),
        _replay(MAX_TOKENS, ladder, default=ladder[-1], limit=Condition(MAX_TOKENS, ">=", 1)),
        _replay(N, tuple(n), default=n[0], limit=Condition(N, ">=", 1)),
        _replay(
            VOTER,
            tuple(strategies),
            default=strategies[0],
            limit=Condition(VOTER, "in", tuple(strategies)),
            alias="voter",
        ),
    )
    if len(extractors) > 1:
        limit = Condition(EXTRACTOR, "in", tuple(extractors))
        choices = _replay(EXTRACTOR, tuple(extractors), default=extractors[0], limit=limit)
        parameters = (*parameters, choices)
    one, first = Condition(N, "==", 1), Condition(VOTER, "==", "first")
    constraints = (
        Constraint(when=Condition(TEMPERATURE, "==", 0.0), must=one),  # all samples of greedy decoding are equal
        Constraint(when=one, must=first),
        Constraint(when=first, must=one),
    )
    return SearchSpace(parameters, constraints)


def _decoding(setting: Setting) -> Parameter:
    name = f"decoding.{setting.name}"
    low, high, step = setting.searched
    limits = tuple(Condition(name, operator, value) for operator, value in setting.limits)
    when = SAMPLED if setting.needs_sampling else None
    if setting.choices:
        return Parameter(
            name=name,
            tier="request",
            kind="choice",
            choices=setting.choices,
            default=int(setting.default),
            when=when,
            limits=limits,
        )
    # A step gives greedy decoding a share of its own, which a continuous range would never hit.
    return Parameter(
        name=name,
        tier="request",
        kind="float",
        low=low,
        high=high,
        step=step,
        default=setting.default,
        when=when,
        limits=limits,
    )


def _replay(
    name: str, choices: tuple[int, ...] | tuple[str, ...], *, default: int | str, limit: Condition, alias: str = ""
) -> Parameter:
    return Parameter(
        name=name, alias=alias, tier="replay", kind="choice", choices=choices, default=default, limits=(limit,)
    )
