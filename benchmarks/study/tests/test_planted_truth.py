"""What the benchmark of whole studies holds for true is what its engines give."""

import numpy as np
import pytest

from benchmarks.study.cells import Cell, every, grid, quick
from benchmarks.study.planted import Gap, Planted
from benchmarks.study.planted_engine import PlantedEngine
from benchmarks.study.recorded import Recorded
from benchmarks.study.runs import row
from benchmarks.study.truth import PlantedEndpoint
from infertune.evaluation.replay import replayed_responses
from infertune.evaluation.requests import requests_for
from infertune.evaluation.scoring import CachedScorer
from infertune.types import Configuration, Decoding, Request

N_EXAMPLES = 700
SETTINGS: tuple[dict[str, float], ...] = (
    {},
    {"decoding.temperature": 0.0},
    {"decoding.temperature": 0.5, "decoding.top_p": 0.8, "decoding.top_k": 50, "decoding.repetition_penalty": 1.2},
)


def setting(model: Planted, prompt: str, values: dict[str, float]) -> Configuration:
    chosen = {"prompt.template": prompt, **values}
    return model.space.tier("request").assemble(lambda each: chosen.get(each.name, each.default))


@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize("gap", ["large", "region", "small", "none"])
def test_brute_force_through_the_engine_agrees_with_the_truth(gap: Gap, graded: bool) -> None:
    known = PlantedEndpoint(Planted(5, gap=gap, graded=graded, n_prompts=4))
    task = known.task(n_tune=N_EXAMPLES, n_confirm=0)
    engine = known.engine(N_EXAMPLES)
    for prompt, values in zip(("p0", "p1", "p3"), SETTINGS, strict=True):
        configuration = setting(known.model, prompt, values)
        wishes = requests_for(task, configuration, task.tune, n_samples=9, max_tokens=task.max_tokens, seed=0)
        answered = list(engine.generate(wishes))
        found = replayed_responses(known.space, CachedScorer(task), configuration, task.tune, answered)
        assert found is not None
        for each in found.candidates(configuration, [example.id for example in task.tune]):
            truth = known.of(each.configuration)
            error = np.hypot(each.scores.std() / np.sqrt(N_EXAMPLES), 0.004)
            assert abs(each.utility - truth.utility) < 4 * error, each.configuration
            assert each.cost_tokens == pytest.approx(truth.cost_tokens, rel=0.03), each.configuration


@pytest.mark.parametrize("graded", [False, True])
def test_two_populations_tell_the_same(graded: bool) -> None:
    model = Planted(3, gap="large", graded=graded)
    one, other = PlantedEndpoint(model), PlantedEndpoint(model, seed=1)
    rng = np.random.default_rng(0)
    for _ in range(20):
        drawn = model.space.sample(rng)
        assert one.of(drawn).utility == pytest.approx(other.of(drawn).utility, abs=0.016), drawn  # 4 errors of a pair


@pytest.mark.parametrize(("gap", "low", "high"), [("large", 0.4, 0.75), ("region", 0.4, 0.75), ("small", 0.03, 0.08)])
def test_the_best_leads_the_default_by_the_gap_and_nothing_leads_the_best(gap: Gap, low: float, high: float) -> None:
    for seed in range(2):
        known = PlantedEndpoint(Planted(seed, gap=gap))
        default = known.of(known.space.default_configuration()).utility
        configuration, best = known.best()
        known.space.validate(configuration)
        assert low < best.utility - default < high
        rng = np.random.default_rng(seed)
        assert max(known.of(known.space.sample(rng)).utility for _ in range(20)) < best.utility + 0.01


def test_a_cap_holds_for_the_best_and_costs_utility() -> None:
    known = PlantedEndpoint(Planted(0, gap="large"))
    cap = 1.2 * known.of(known.space.default_configuration()).cost_tokens
    assert known.best(cap)[1].cost_tokens <= cap
    assert known.best(cap)[1].utility < known.best()[1].utility


def test_few_settings_have_the_same_default_and_a_best_of_their_own() -> None:
    whole, few = (PlantedEndpoint(Planted(0, gap="large", few=each)) for each in (False, True))
    default = few.space.default_configuration()
    assert whole.of(whole.space.default_configuration()) == few.of(default)
    assert few.space.n_configurations < 300
    configuration, best = few.best()
    few.space.validate(configuration)
    assert few.of(default).utility < best.utility <= whole.best()[1].utility + 0.01
    assert max(few.of(each).utility for each in list(few.space.configurations())[::5]) < best.utility + 0.001


def test_without_a_gap_all_are_worth_the_same_to_the_last_digit() -> None:
    known = PlantedEndpoint(Planted(0, gap="none", graded=True))
    rng = np.random.default_rng(0)
    worths = [known.of(known.space.sample(rng)) for _ in range(20)]
    assert {each.utility for each in worths} == {0.5}
    assert len({each.cost_tokens for each in worths}) > 10


def test_settings_share_their_luck_and_greedy_samples_are_equal() -> None:
    model = Planted(0, gap="large")
    task, engine = model.task(n_tune=200, n_confirm=0), PlantedEngine(model, 200)

    def texts(temperature: float, sample: int) -> list[str]:
        wishes = [
            Request(
                example_id=each.id,
                prompt=task.prompts["p0"].render(each.fields),
                decoding=Decoding(temperature=temperature, max_tokens=64),
                samples=(sample,),
            )
            for each in task.tune
        ]
        return [response.generations[0].text for response in engine.generate(wishes)]

    assert texts(0.0, 0) == texts(0.0, 5)
    assert texts(1.0, 0) != texts(1.0, 5)
    same = np.mean([a == b for a, b in zip(texts(1.0, 0), texts(0.9, 0), strict=True)])
    other = np.mean([a == b for a, b in zip(texts(1.0, 0), texts(0.9, 5), strict=True)])
    assert same > other + 0.2


def test_a_recording_answers_as_recorded_and_is_judged_by_what_the_study_does_not_see() -> None:
    known = Recorded("opposites", seed=1, n_seen=60)
    task = known.task(n_tune=30, n_confirm=30)
    seen = {each.id for each in (*task.tune, *task.confirm)}
    assert len(seen) == 60
    space, tables = known.space, known._tables
    for recorded in tables.configurations[:6]:
        assert known.nearest.of(recorded) == recorded
    default = known._candidate(space.default_configuration())
    assert not seen & set(default.example_ids)
    scores = tables.stacked["scores"][tables.number[known.nearest.of(space.default_configuration())], -1, 0]
    left = [number for number, name in enumerate(tables.example_ids) if name not in seen]
    assert default.utility == pytest.approx(float(scores[left].mean()))
    assert known.best()[1].utility > default.utility + 0.3
    greedy = {"prompt.template": "opposites-pairs", "decoding.temperature": 0.0, "decoding.repetition_penalty": 1.3}
    assert known.nearest.of(greedy)["decoding.temperature"] == 0.0


def test_a_study_is_the_same_again_and_its_row_adds_up() -> None:
    cell = Cell(n_tune=12, n_confirm=12, budget_tokens=6_000)
    one, other = row(cell, "random", 0), row(cell, "random", 0)
    assert "error" not in one, one
    assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert one["unspent"] == pytest.approx(1 - one["spent_tokens"] / 6_000)
    assert one["n_confirm"] <= 12
    assert one["utility"] <= one["best_utility"] + 0.01


def test_too_small_a_budget_is_a_row_too() -> None:
    refused = row(Cell(n_tune=12, n_confirm=12, budget_tokens=400), "random", 0)
    assert refused["error"].startswith("BudgetError")


def test_the_grid_has_every_pair_that_matters() -> None:
    cells = list(grid())
    budgets = {each.budget for each in cells}
    assert {(each.n_tune, each.budget) for each in cells} == {
        (n, b) for n in (9, 20, 30, 60, 200, 1000) for b in budgets
    }
    assert len({(each.n_tune, each.gap) for each in cells}) == 18
    assert len({(each.prompts, each.gap) for each in cells}) == 9
    assert len({(each.budget, each.gap) for each in cells}) == 3 * len(budgets)
    assert len({(each.graded, each.gap) for each in cells}) == len({(each.cap, each.gap) for each in cells}) == 6
    everything = list(every())
    assert len({each.name for each in everything}) == len(everything)
    assert all(each.seeds >= 4 for each in [*everything, *quick()])
