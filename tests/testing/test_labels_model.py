"""Templates with a style, a budget for thinking, and parameters that do nothing."""

import itertools

import numpy as np
import pytest

from infertune.testing.labels_model import N_MATTERING, LabelsModel
from infertune.testing.labels_space import CONTEXT, DEALT, N_TEMPLATES, SHOTS, STYLES, THINKING
from infertune.types import Configuration, Scalar


@pytest.fixture(scope="module")
def model() -> LabelsModel:
    return LabelsModel(1)


def request(model: LabelsModel, **changed: Scalar) -> Configuration:
    return model.space.tier("request").assemble(lambda parameter: changed.get(parameter.alias, parameter.default))


def utility(model: LabelsModel, **changed: Scalar) -> float:
    """Return that of a single sample that is not cut."""
    truth = model.truth(request(model, **changed), n_examples=512)
    longest = model.space["max_tokens"].values()[-1]
    return next(
        float(u)
        for choice, u in zip(truth.choices, truth.utility, strict=True)
        if choice["strategy.n"] == 1 and choice["decoding.max_tokens"] == longest
    )


def test_there_are_sixty_templates_in_five_styles_in_no_order(model: LabelsModel) -> None:
    names = model.space["prompt"].values()
    assert len(names) == len(set(names)) == N_TEMPLATES == 60
    styles = [name.partition("-")[0] for name in names]
    assert {style: styles.count(style) for style in STYLES} == dict.fromkeys(STYLES, 12)
    assert sum(one != other for one, other in itertools.pairwise(styles)) > 30
    assert names != LabelsModel(2).space["prompt"].values()


def test_there_are_more_than_ten_parameters_some_on_ranges_of_ratios(model: LabelsModel) -> None:
    request_tier = model.space.tier("request").parameters
    assert len(request_tier) >= 13 and sum(parameter.log for parameter in request_tier) == 4
    model.space.validate(model.space.default_configuration())


def test_most_of_a_template_is_its_style_but_some_fall_out_of_line() -> None:
    within, between, out_of_line = [], [], 0
    for seed in range(6):
        model = LabelsModel(seed)
        worth: dict[str, list[float]] = {style: [] for style in STYLES}
        for name in model.space["prompt"].values():
            worth[str(name).partition("-")[0]].append(utility(model, prompt=name))
        table = np.array(list(worth.values()))
        middle = np.median(table, axis=1)
        off = np.abs(table - middle[:, None])
        within.append(np.median(off))
        between.append(middle.std())
        out_of_line += int(off.max() > 4 * np.median(off))
    assert np.mean(between) > 3 * np.mean(within)
    assert out_of_line >= 4


def test_templates_of_a_style_are_good_at_the_same_examples(model: LabelsModel) -> None:
    examples = np.arange(512)

    def scores(name: str) -> np.ndarray:
        return model.samples(request(model, prompt=name), examples, n_samples=16).scores.mean(axis=1)

    alike = np.corrcoef(scores("steps-01"), scores("steps-02"))[0, 1]
    strange = np.mean([np.corrcoef(scores("steps-01"), scores(f"{style}-02"))[0, 1] for style in STYLES[1:]])
    assert alike > strange + 0.05


def test_three_of_the_dealt_parameters_matter_and_others_do_nothing() -> None:
    mattering = []
    for seed in range(4):
        model = LabelsModel(seed)
        moved = set()
        for parameter in DEALT:
            values = {utility(model, **{parameter.alias: parameter.from_unit(at)}) for at in (0.01, 0.3, 0.6, 0.99)}
            if len(values) > 1:
                moved.add(parameter.name)
        assert len(moved) == N_MATTERING
        mattering.append(frozenset(moved))
    assert len(set(mattering)) > 1


def test_context_and_shots_cost_tokens_whether_they_help_or_not(model: LabelsModel) -> None:
    examples = np.arange(20)
    base = model.samples(request(model), examples, n_samples=1).prompt_tokens
    for name, more in ((CONTEXT, 1000), (SHOTS, 5)):
        alias = name.removeprefix("argument.")
        assert np.all(model.samples(request(model, **{alias: more}), examples, n_samples=1).prompt_tokens > base + 100)


def test_thinking_helps_then_harms_at_a_budget_of_the_styles_own() -> None:
    best = []
    for seed in range(4):
        model = LabelsModel(seed)
        assert model.space[THINKING].log
        for style in STYLES:
            budgets = (32, 64, 128, 256, 512, 1024, 2048, 4096)
            worth = [utility(model, prompt=f"{style}-05", thinking_tokens=budget) for budget in budgets]
            at = int(np.argmax(worth))
            assert worth == sorted(worth[: at + 1]) + sorted(worth[at + 1 :], reverse=True), "one peak"
            best.append(budgets[at])
    assert len(set(best)) >= 4 and min(best) < 4096
    lengths = [
        model.samples(request(model, thinking_tokens=budget), np.arange(100), n_samples=1).tokens.mean()
        for budget in (32, 256, 2048)
    ]
    assert lengths == sorted(lengths) and lengths[2] > 3 * lengths[0]


def test_samples_are_copies_of_a_first_thought_unless_hot(model: LabelsModel) -> None:
    examples = np.arange(512)
    greedy, cool, hot = (
        model.samples(request(model, temperature=heat), examples, n_samples=16).answers for heat in (0.0, 0.3, 1.5)
    )
    assert np.all(greedy == greedy[:, :1])
    assert np.mean(cool != cool[:, :1]) < np.mean(hot != hot[:, :1])
