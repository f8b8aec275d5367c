"""Coordinates, alignment and costs: what the model is made of."""

import numpy as np
import pytest

from infertune.allocators import Evidence, Order
from infertune.allocators.aligned import aligned
from infertune.allocators.coordinates import Coordinates
from infertune.allocators.costs import Costs
from infertune.allocators.proposals import Choices, beginning, draws, neighbours
from infertune.evaluate import replayed
from infertune.space import Configuration
from infertune.testing.synthetic_model import SyntheticModel

MODEL = SyntheticModel(1)
REQUEST = MODEL.space.tier("request")
REPLAY = {p.name for p in MODEL.space.parameters if p.tier == "replay"}


def setting(**changed: object) -> Configuration:
    names = {REQUEST[name].name: value for name, value in changed.items()}
    return REQUEST.assemble(lambda parameter: names.get(parameter.name, parameter.default))


def evidence(configuration: Configuration, examples: range, n_samples: int = 9) -> Evidence:
    n = 1 if configuration["decoding.temperature"] == 0 else n_samples
    whole = MODEL.samples(configuration, np.array(examples), n_samples=n)
    found = replayed(
        MODEL.space,
        configuration,
        example_ids=tuple(map(str, examples)),
        prompt_tokens=whole.prompt_tokens,
        n_stored=n,
        max_tokens_stored=256,
        table=lambda max_tokens, extractor: whole.table(max_tokens),
        default_extractor="",
    )
    return Evidence(
        order=Order(configuration=configuration, examples=tuple(examples), n_samples=n),
        choices=tuple(Configuration({k: v for k, v in c.configuration.items() if k in REPLAY}) for c in found),
        scores=np.stack([c.scores for c in found]),
        tokens=np.stack([c.tokens for c in found]),
        prompt_tokens=whole.prompt_tokens,
    )


def distance(one: Configuration, other: Configuration) -> np.ndarray:
    axes = Coordinates(REQUEST)
    return axes.differences(axes.points([one]), axes.points([other]))[:, 0, 0]


def test_what_does_not_exist_makes_no_difference() -> None:
    """Greedy decoding has no top_p, and at a low temperature top_p hardly matters."""
    assert not distance(setting(temperature=0.0), setting(temperature=0.0, top_p=0.5)).any()
    cool = distance(setting(temperature=0.1), setting(temperature=0.1, top_p=0.5)).sum()
    hot = distance(setting(temperature=1.5), setting(temperature=1.5, top_p=0.5)).sum()
    assert 0 < cool < hot / 100


def test_texts_are_equal_or_not_and_numbers_are_near_or_far() -> None:
    assert distance(setting(prompt="plain"), setting(prompt="few")).sum() == 1
    assert distance(setting(prompt="plain"), setting(prompt="strict")).sum() == 1
    near, far = (distance(setting(temperature=1.0), setting(temperature=t)).sum() for t in (0.9, 0.2))
    assert 0 < near < far


def test_greedy_scores_hold_for_every_n() -> None:
    pieces = [evidence(setting(temperature=t), range(12)) for t in (0.0, 0.7)]
    side = aligned(pieces)
    assert len(side.choices) == 35 and side.had.sum(axis=1).tolist() == [5, 35]
    for number, choice in enumerate(side.choices):
        one = side.choices.index(
            Configuration({**choice, "strategy.n": 1, "strategy.name": "first"}),
        )
        assert side.utilities[0, number] == side.utilities[0, one]


def test_a_missing_n_is_judged_by_what_it_usually_adds() -> None:
    whole = [evidence(setting(temperature=0.8, prompt=p), range(40)) for p in ("chat", "few", "thoughts", "strict")]
    short = evidence(setting(temperature=0.8), range(40), n_samples=3)
    side = aligned([*whole, short])
    truth = evidence(setting(temperature=0.8), range(40))
    lacking = np.flatnonzero(~side.had[-1])
    assert len(lacking) == 20
    real = np.array([truth.scores[truth.choices.index(side.choices[at])].mean() for at in lacking])
    shorter = [Configuration({**side.choices[at], "strategy.n": 3}) for at in lacking]
    unadjusted = np.array([short.scores[short.choices.index(choice)].mean() for choice in shorter])
    assert np.abs(side.utilities[-1, lacking] - real).mean() < np.abs(unadjusted - real).mean()


def test_costs_are_known_within_a_few_percent() -> None:
    """Of what was bought and of what was not, on other examples than those asked about."""
    axes = Coordinates(REQUEST)
    some = draws(REQUEST, 0, 0, 60)
    pieces = [evidence(each, range(start, start + 12)) for start, each in zip(range(0, 480, 12), some, strict=False)]
    side = aligned(pieces)
    points = axes.points([each.order.configuration for each in pieces])
    shares = np.zeros((len(pieces), 512))
    for row, each in enumerate(pieces):
        shares[row, list(each.order.examples)] = 1 / 12
    costs = Costs(axes.differences(points, points), shares @ shares.T, 1, side.costs, side.had, side.length_variance)
    expected, spread = costs.at(axes.differences(points, axes.points(some)))
    errors = []
    for row, each in enumerate(some):
        truth = MODEL.truth(each, n_examples=1024)
        errors.append([
            abs(np.log(expected[row, side.choices.index(choice)] / cost))
            for choice, cost in zip(truth.choices, truth.cost_tokens, strict=True)
        ])  # fmt: skip
    known, unknown = np.concatenate(errors[:40]).mean(), np.concatenate(errors[40:]).mean()
    assert known < 0.05 and unknown < 0.12
    assert spread[:40].mean() < spread[40:].mean()


def test_proposals_are_of_the_space() -> None:
    start = beginning(REQUEST, (), 3, 6)
    assert start[0] == REQUEST.default_configuration()
    assert {each["prompt.template"] for each in start} == set(REQUEST["prompt"].values())
    near = neighbours(REQUEST, start[:2], 3, 1, 50)
    for each in [*start, *draws(REQUEST, 3, 1, 100), *near]:
        REQUEST.validate(each)
    for each in near:
        assert min(sum(each.get(n) != p.get(n) for n in {*each, *p} if n in each and n in p) for p in start[:2]) <= 1


def test_only_what_was_recorded_is_begun_with() -> None:
    recorded = tuple(draws(REQUEST, 5, 0, 20))
    start = beginning(REQUEST, recorded, 3, 6)
    assert set(start) <= set(recorded) and len(set(start)) == len(start) >= 6


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_replay_choices_are_remembered_right(temperature: float) -> None:
    choices = Choices(MODEL.space)
    for _ in range(2):
        for each in (setting(temperature=temperature), setting(temperature=1.0, top_p=0.5)):
            assert choices.lists[choices.kind(each)] == tuple(MODEL.space.replay_choices(each))
