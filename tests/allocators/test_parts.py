"""Coordinates, alignment and costs: what the model is made of."""

from dataclasses import replace

import numpy as np
import pytest

from infertune.allocators import Offer
from infertune.allocators.knowledge_gradient.costs import Costs, relevances
from infertune.allocators.knowledge_gradient.evidence_table import aligned, common_choices, joined
from infertune.allocators.knowledge_gradient.initial_design import LEAST_EXAMPLES, window
from infertune.allocators.knowledge_gradient.model import UtilityModel
from infertune.allocators.knowledge_gradient.options import Options
from infertune.allocators.knowledge_gradient.sample_gains import Gains, varieties
from infertune.allocators.surrogates.candidates import (
    N_FIRST_DRAWS,
    Choices,
    beginning,
    draws,
    neighbours,
    with_other_texts,
)
from infertune.allocators.surrogates.coordinates import Coordinates
from infertune.allocators.surrogates.gaussian_process import kernel
from infertune.evaluation.replay import replayed
from infertune.space.default_space import default_space
from infertune.space.notation import changed
from infertune.testing.synthetic_model import SyntheticModel
from infertune.types import Configuration
from infertune.types.evidence import Evidence, Order

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
        n_stored=n,
        max_tokens_stored=256,
        table=lambda max_tokens, extractor: whole.table(max_tokens),
        default_extractor="",
    )
    assert found is not None
    return Evidence(
        order=Order(configuration=configuration, examples=tuple(examples), n_samples=n),
        choices=found.choices,
        scores=found.scores,
        tokens=found.tokens,
        prompt_tokens=whole.prompt_tokens,
    )


def offer() -> Offer:
    return Offer(
        space=MODEL.space,
        n_examples=512,
        n_choices=(1, 3, 5, 9),
        cap_tokens=None,
        budget_tokens=100_000.0,
        spent_tokens=0.0,
        seed=0,
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


def test_what_leaves_one_token_lies_where_greedy_decoding_does() -> None:
    """So a plateau of settings that are the same is one place, and what is learned of one is known of all."""
    space = changed(REQUEST, ("temperature=0..1.5", "top_k=1,10,50", "top_p=0.01..1"))
    axes = Coordinates(space)

    def at(**values: float) -> np.ndarray:
        names = {space[name].name: value for name, value in values.items()}
        return axes.points([space.assemble(lambda parameter: names.get(parameter.name, parameter.default))])

    greedy = at(temperature=0.0)
    assert axes.differences(greedy, at(temperature=1.3, top_k=1, top_p=1.0)).sum() == 0.0
    assert axes.differences(greedy, at(temperature=0.9, top_k=50, top_p=0.01)).sum() == 0.0
    assert axes.differences(greedy, at(temperature=0.9, top_k=50, top_p=1.0)).sum() > 0.1


def test_texts_are_equal_or_not_and_numbers_are_near_or_far() -> None:
    assert distance(setting(prompt="plain"), setting(prompt="few")).sum() == 1
    assert distance(setting(prompt="plain"), setting(prompt="strict")).sum() == 1
    near, far = (distance(setting(temperature=1.0), setting(temperature=t)).sum() for t in (0.9, 0.2))
    assert 0 < near < far


def test_correlations_are_those_of_the_differences() -> None:
    axes = Coordinates(REQUEST)
    points = axes.points(draws(REQUEST, 0, 0, 40))
    theta = np.linspace(0.1, 3.0, axes.n_axes)
    expected = kernel(theta, axes.differences(points, points[:9]))
    np.testing.assert_allclose(axes.correlation(theta, points, points[:9]), expected, atol=1e-12)


def test_correlations_that_are_remembered_are_those_of_these_points() -> None:
    """However many points have come, gone or changed since the last call, and whichever theta was asked for."""
    source = np.random.default_rng(0)
    axes = Coordinates(REQUEST)
    points = axes.points(draws(REQUEST, 0, 0, 40))
    thetas = [np.linspace(0.1, high, axes.n_axes) for high in (1.0, 2.0, 3.0, 4.0, 5.0)]
    for _ in range(60):
        some = np.concatenate(
            [points[: source.integers(0, 30)], points[source.permutation(40)[: source.integers(0, 9)]]]
        )
        theta = thetas[source.integers(5)]
        found = axes.correlations_among(theta, some)
        np.testing.assert_allclose(found, axes.correlation(theta, some, some), rtol=0, atol=1e-14)
        with pytest.raises(ValueError, match="read-only"):
            found[:] = 0.0


def test_choices_are_told_apart_by_base_and_gain() -> None:
    """Greedy decoding has five choices, one for each limit, and these are the bases of all 35."""
    pieces = [evidence(setting(temperature=t), range(12)) for t in (0.0, 0.7)]
    choices = common_choices(MODEL.space, pieces)
    side = aligned(pieces, choices)
    assert len(choices) == 35 and side.had.sum(axis=1).tolist() == [5, 35] and side.is_base.sum() == 5
    for number, choice in enumerate(choices):
        single = pieces[1].choices.index(Configuration({**choice, "strategy.n": 1, "strategy.name": "first"}))
        assert side.utilities[1, side.base[number]] == pieces[1].scores[single].mean()
        gain = pieces[1].scores[pieces[1].choices.index(choice)].mean() - pieces[1].scores[single].mean()
        assert side.ladder[number] @ side.gains[1] == pytest.approx(gain)
        assert side.ladder[number].sum() == [1, 3, 5, 9].index(int(choice["strategy.n"]))


def test_evidence_that_cannot_be_cut_leaves_only_what_it_can_say() -> None:
    whole = evidence(setting(temperature=0.7), range(12))
    longest = [at for at, choice in enumerate(whole.choices) if choice["decoding.max_tokens"] == 256]
    uncut = replace(
        whole,
        choices=tuple(whole.choices[at] for at in longest),
        scores=whole.scores[longest],
        tokens=whole.tokens[longest],
    )
    choices = common_choices(MODEL.space, [whole, uncut])
    assert {choice["decoding.max_tokens"] for choice in choices} == {256} and len(choices) == 7
    side = aligned([whole, uncut], choices)
    np.testing.assert_array_equal(side.utilities[0], side.utilities[1])
    np.testing.assert_array_equal(side.gains[0], side.gains[1])
    np.testing.assert_array_equal(side.generated[0], side.generated[1])


def test_evidence_of_one_configuration_is_put_together() -> None:
    parts = [evidence(setting(temperature=0.7), range(4)), evidence(setting(temperature=0.7), range(4, 12))]
    other = evidence(setting(temperature=0.2), range(12))
    one, two = joined([parts[0], other, parts[1]])
    whole = evidence(setting(temperature=0.7), range(12))
    assert one.order.examples == whole.order.examples and two is other
    np.testing.assert_array_equal(one.scores, whole.scores)
    np.testing.assert_array_equal(one.tokens, whole.tokens)
    np.testing.assert_array_equal(one.prompt_tokens, whole.prompt_tokens)


def fitted(pieces: list[Evidence], new: list[Configuration]) -> tuple[Gains, np.ndarray, np.ndarray]:
    axes = Coordinates(REQUEST)
    points = axes.points([each.order.configuration for each in pieces])
    theta = np.ones(axes.n_axes)
    side = aligned(pieces, common_choices(MODEL.space, pieces))
    counts = np.array([float(len(each.order.examples)) for each in pieces])
    its = varieties([each.order.configuration for each in pieces])
    gains = Gains(side, axes.correlation(theta, points, points), counts, its)
    return gains, axes.correlation(theta, points, axes.points(new)), side.n


def test_a_missing_n_is_judged_by_what_it_usually_adds() -> None:
    whole = [evidence(setting(temperature=0.8, prompt=p), range(40)) for p in ("chat", "few", "thoughts", "strict")]
    short = evidence(setting(temperature=0.8), range(40), n_samples=3)
    truth = evidence(setting(temperature=0.8), range(40))
    gains, correlation, n = fitted([*whole, short], [setting(temperature=0.8)])
    choices = common_choices(MODEL.space, [*whole, short])
    real = [
        truth.scores[truth.choices.index(choice)].mean()
        - truth.scores[
            truth.choices.index(Configuration({**choice, "strategy.n": 1, "strategy.name": "first"}))
        ].mean()
        for choice in choices
    ]
    lacking = n > 3
    expected = gains.means(correlation, varieties([setting(temperature=0.8)]))[0]
    assert np.abs(expected - real)[lacking].mean() < np.abs(real)[lacking].mean() / 2


def test_greedy_decoding_gains_nothing_by_samples() -> None:
    pieces = [evidence(setting(temperature=t), range(40)) for t in (0.7, 1.2)]
    new = [setting(temperature=t) for t in (0.0, 0.05, 0.7)]
    gains, correlation, n = fitted(pieces, new)
    greedy, cool, hot = np.abs(gains.means(correlation, varieties(new))[:, n == 9])
    assert greedy.max() == 0.0 and cool.max() < hot.max() / 4


def test_only_enough_samples_resolve_a_gain() -> None:
    """And three resolve the first step of nine; what is resolved never exceeds what there is."""
    pieces = [evidence(setting(temperature=t), range(20)) for t in (0.3, 0.9)]
    new = [setting(temperature=0.6), setting(temperature=1.5)]
    gains, correlation, n = fitted(pieces, new)
    nine = int(np.flatnonzero(n == 9)[0])
    asked = np.array([[nine], [nine]])
    both = correlation[:, 1:]
    its, counts, options = varieties(new), np.array([10.0, 10.0]), np.array([1, 3, 9])
    between = np.array([0.7, 1.0])
    resolved, total = gains.changes(asked, correlation, its, between, counts, options, both, float(its[1]), nine)
    one, three, all_nine = resolved[0, 0]
    assert one == 0.0 < three < all_nine and np.all(resolved <= total[:, :, None])
    assert total[1, 0] == pytest.approx(0.0, abs=1e-12)  # it is the rival itself


def test_costs_are_known_within_a_few_percent() -> None:
    """Of what was bought and of what was not, for every n though one sample was bought, on other examples."""
    axes = Coordinates(REQUEST)
    some = draws(REQUEST, 0, 0, 60)
    pieces = [
        evidence(each, range(start, start + 12), n_samples=1)
        for start, each in zip(range(0, 480, 12), some, strict=False)
    ]
    choices = common_choices(MODEL.space, pieces)
    side = aligned(pieces, choices)
    points = axes.points([each.order.configuration for each in pieces])
    shares = np.zeros((len(pieces), 512))
    for row, each in enumerate(pieces):
        shares[row, list(each.order.examples)] = 1 / 12
    theta = relevances(axes)
    correlation = axes.correlation(theta, points, points)
    costs = Costs(correlation, shares @ shares.T, side.prompts, side.generated, side.length_variance)
    expected, spread = costs.at(axes.correlation(theta, points, axes.points(some)), side.growth, side.base)
    errors = []
    for row, each in enumerate(some):
        truth = MODEL.truth(each, n_examples=1024)
        errors.append([
            abs(np.log(expected[row, choices.index(choice)] / cost))
            for choice, cost in zip(truth.choices, truth.cost_tokens, strict=True)
        ])  # fmt: skip
    known, unknown = np.concatenate(errors[:40]).mean(), np.concatenate(errors[40:]).mean()
    assert known < 0.06 and unknown < 0.12
    assert spread[:40].mean() < spread[40:].mean()


def test_what_more_samples_cost_is_learned_and_not_reckoned() -> None:
    """As many times as n where that is so; less under a strategy that stops early; n where nothing is known."""
    whole = evidence(setting(temperature=0.7), range(12), n_samples=5)
    choices = common_choices(MODEL.space, [whole])
    side = aligned([whole], choices)
    bought = side.had[0]
    np.testing.assert_allclose(side.growth[bought], side.n[bought], rtol=1e-9)
    np.testing.assert_array_equal(side.growth[~bought], side.n[~bought])
    generated = whole.tokens - whole.prompt_tokens
    few = np.array([[min(int(choice["strategy.n"]), 2) / int(choice["strategy.n"])] for choice in whole.choices])
    early = replace(whole, tokens=whole.prompt_tokens + generated * few)
    stopped = aligned([early], choices)
    np.testing.assert_allclose(stopped.growth[bought], np.minimum(side.n[bought], 2), rtol=1e-9)


@pytest.mark.parametrize("spoiled", ["one configuration", "nothing is right", "the same example twice"])
def test_evidence_that_says_little_is_no_accident(spoiled: str) -> None:
    """What is expected stays between nothing and everything, where no two configurations or scores differ."""
    second = 0.7 if spoiled == "one configuration" else 0.9
    pieces = [evidence(setting(temperature=0.7), range(4)), evidence(setting(temperature=second), range(4, 8))]
    if spoiled == "nothing is right":
        pieces = [replace(each, scores=np.zeros_like(each.scores)) for each in pieces]
    if spoiled == "the same example twice":
        pieces.append(pieces[0])
    circumstances = replace(offer(), cap_tokens=600.0)
    model = UtilityModel(circumstances, pieces, [Order(configuration=setting(), examples=(0, 9), n_samples=3)])
    view = model.view([setting(temperature=t) for t in (0.0, 0.7, 1.5)])
    assert np.all((-0.5 < view.worth) & (view.worth < 1.5))
    assert np.all((0 < view.tokens) & (view.tokens < 10_000))


def test_known_configurations_are_judged_alike_in_any_company() -> None:
    """Alone, what pieces of evidence have among themselves is used; beside a new one it is found anew."""
    known = [setting(temperature=t) for t in (0.2, 0.7, 1.2)]
    pieces = [evidence(each, range(8)) for each in known]
    model = UtilityModel(
        offer(), pieces, [Order(configuration=setting(temperature=0.9), examples=(0, 9), n_samples=3)]
    )
    alone, beside = model.view(known[::-1]), model.view([*known[::-1], setting(temperature=0.5)])
    for name in ("points", "variety", "k", "h", "worth", "tokens"):
        ours, theirs = getattr(alone, name), getattr(beside, name)
        np.testing.assert_allclose(ours, theirs[:, :3] if name in ("k", "h") else theirs[:3], rtol=1e-9, atol=1e-9)


def test_known_configurations_can_be_judged_by_their_own_means() -> None:
    """A choice that nobody bought, and what is new, are judged by the process all the same."""
    few, many = setting(temperature=0.7), setting(temperature=0.9)
    pieces = [evidence(few, range(6), 3), evidence(many, range(4, 16))]
    shrunk = UtilityModel(offer(), pieces, ())
    plain = UtilityModel(offer(), pieces, (), Options(shrunk=False))
    known = [few, many, setting(temperature=1.2)]
    ours, theirs = plain.view(known).worth, shrunk.view(known).worth
    for row, piece in enumerate(pieces):
        columns = [plain.choices.index(choice) for choice in piece.choices]
        np.testing.assert_allclose(ours[row, columns], piece.scores.mean(axis=1))
        assert np.abs(theirs[row, columns] - piece.scores.mean(axis=1)).max() > 0.01
    np.testing.assert_array_equal(ours[0, plain.n > 3], theirs[0, plain.n > 3])
    np.testing.assert_array_equal(ours[2], theirs[2])


def test_pending_orders_leave_less_to_be_learned() -> None:
    """What a neighbour on the same examples may still change, unless they are not to count."""
    pieces = [evidence(setting(temperature=t), range(8)) for t in (0.2, 0.7, 1.2)]
    pending = [Order(configuration=setting(temperature=0.9), examples=tuple(range(8, 16)), n_samples=3)]

    def change(model: UtilityModel) -> float:
        its, rival = model.view([setting(temperature=0.91)]), model.view([setting(temperature=0.7)])
        found, _ = model.changes(its, np.array([[0]]), [range(8, 16)], np.array([3]), rival, 0)
        return float(found[0, 0, 0])

    alone = change(UtilityModel(offer(), pieces, ()))
    assert change(UtilityModel(offer(), pieces, pending)) < 0.95 * alone
    assert change(UtilityModel(offer(), pieces, pending, Options(fantasies=False))) == pytest.approx(alone)


def test_proposals_are_of_the_space() -> None:
    start = beginning(REQUEST, (), 3, 6)
    assert start[0] == REQUEST.default_configuration()
    assert {each["prompt.template"] for each in start} == set(REQUEST["prompt"].values())
    near = neighbours(REQUEST, start[:2], 3, 1, 50)
    for each in [*start, *draws(REQUEST, 3, 1, 100), *near]:
        REQUEST.validate(each)
    for each in near:
        assert min(sum(each.get(n) != p.get(n) for n in {*each, *p} if n in each and n in p) for p in start[:2]) <= 1


def test_every_prompt_is_met_again_under_good_settings() -> None:
    parent = setting(temperature=0.7, top_p=0.9)
    others = with_other_texts(REQUEST, parent)
    prompts = REQUEST["prompt"].values()
    assert [each["prompt.template"] for each in others] == [p for p in prompts if p != parent["prompt.template"]]
    for each in others:
        assert each.with_values({"prompt.template": parent["prompt.template"]}) == parent


def test_many_prompts_get_few_examples_each() -> None:
    """So that all can be met for a part of the budget, and the promising ones again."""
    bought = [evidence(setting(temperature=0.7), range(8))]
    rich = replace(offer(), budget_tokens=1e6)
    few = window(rich, bought, (), Options())
    sixty = default_space(prompts=[f"p{number}" for number in range(60)], max_tokens=256)
    many = window(replace(rich, space=sixty), bought, (), Options())
    assert LEAST_EXAMPLES <= len(many) < len(few)


def test_a_study_begins_with_what_one_would_try_by_hand() -> None:
    """The default, greedy decoding of every prompt, and before long every prompt at the default."""
    start = beginning(REQUEST, (), 3, 6)
    prompts = REQUEST["prompt"].values()
    greedy = [each for each in start[: 1 + len(prompts)] if each["decoding.temperature"] == 0]
    assert [each["prompt.template"] for each in greedy] == list(prompts)
    default = REQUEST.default_configuration()
    assert {default.with_values({"prompt.template": prompt}) for prompt in prompts} <= set(start)
    rest = [each for each in start if each["decoding.temperature"] not in (0, 1)]
    assert len(rest) >= N_FIRST_DRAWS / 2, "and with draws from all of the space"
    assert beginning(REQUEST, (), 3, 40)[: len(start)] == start


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
