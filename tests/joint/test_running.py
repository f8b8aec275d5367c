"""One engine runs at a time, and only when something is asked of it."""

from collections.abc import Iterator

import pytest
from planted_engines import Plan, PlantedEngine, PlantedLauncher

from infertune.errors import InvalidInputError
from infertune.joint.running import OnDemand, Slot
from infertune.types import Configuration, Decoding, Request

WHOLE, TINY = (Configuration({"engine.dtype": dtype}) for dtype in ("whole", "tiny"))


@pytest.fixture
def plan() -> Plan:
    return Plan()


@pytest.fixture
def slot(plan: Plan) -> Iterator[Slot]:
    slot = Slot(PlantedLauncher(plan))
    yield slot
    slot.close()
    assert plan.n_running == 0


def on_demand(slot: Slot, plan: Plan, settings: Configuration) -> OnDemand:
    return OnDemand(slot, settings, PlantedEngine(plan, settings).facts)


def ask(engine: OnDemand, n: int) -> int:
    requests = [Request(example_id=f"{i}", prompt=f"say q{i}", decoding=Decoding(max_tokens=2)) for i in range(n)]
    return len(list(engine.generate(iter(requests))))


def test_without_a_request_nothing_starts(slot: Slot, plan: Plan) -> None:
    assert ask(on_demand(slot, plan, WHOLE), 0) == 0
    assert plan.started == []


def test_it_starts_once_and_answers_all(slot: Slot, plan: Plan) -> None:
    engine = on_demand(slot, plan, WHOLE)
    assert ask(engine, 3) == 3 and ask(engine, 2) == 2
    assert plan.started == [WHOLE]


def test_another_takes_its_place(slot: Slot, plan: Plan) -> None:
    """The planted launcher refuses to start two at once."""
    whole, tiny = on_demand(slot, plan, WHOLE), on_demand(slot, plan, TINY)
    assert [ask(engine, 1) for engine in (whole, tiny, whole)] == [1, 1, 1]
    assert plan.started == [WHOLE, TINY, WHOLE]
    with slot.fresh(WHOLE):
        assert plan.n_running == 1
    assert plan.n_running == 0 and len(plan.started) == 4


def test_an_engine_that_is_not_the_one_of_before_is_refused(slot: Slot, plan: Plan) -> None:
    engine = OnDemand(slot, TINY, PlantedEngine(plan, WHOLE).facts)
    with pytest.raises(InvalidInputError, match="dtype was 'whole', now 'tiny'; give another study name"):
        ask(engine, 1)
