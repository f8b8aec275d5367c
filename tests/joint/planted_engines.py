"""Engines with planted speed and planted quality, and a clock that only they move."""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from planted import space_of, write, write_task

from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.errors import EngineError
from infertune.joint.context import joint_name
from infertune.joint.engine_trials import Starts
from infertune.joint.recommendation import JointRecommendation
from infertune.joint.running import Slot
from infertune.joint.search import Joint, JointLimits
from infertune.samplers.random import RandomSampler
from infertune.space import Constraint, Parameter, SearchSpace
from infertune.space.notation import changed
from infertune.study.sampler_allocator import SamplerAllocator
from infertune.study.trial_log import TrialLog
from infertune.testing import FakeEngine
from infertune.types import Configuration, Engine, Request, Response

DECODING = (
    "max_tokens=2",
    "n=1",
    "voter=first",
    "temperature=0,1",
    "top_p=1",
    "top_k=0",
    "min_p=0",
    "repetition_penalty=1",
)

FIRST_BURST = 1_000_003  # the least seed of a burst


@dataclass
class Plan:
    """What is planted.

    Attributes:
        seconds: Of a request, by values of the settings; they multiply.
        losses: Share of the right answers that a value of ``engine.dtype`` turns wrong.
        broken: Values that fail to start, with what they say.
        dies: Values of ``engine.dtype`` under which it answers bursts and no study.
        noise: Standard deviation of the logarithm of a start's speed, of one start from another.
        now: The clock; only answers move it.
        started: Every start.
        answered: Every request that was answered.
    """

    seconds: Mapping[tuple[str, Any], float] = field(default_factory=dict)
    losses: Mapping[str, float] = field(default_factory=dict)
    broken: Mapping[Any, str] = field(default_factory=dict)
    dies: Sequence[str] = ()
    noise: float = 0.0
    now: float = 0.0
    started: list[Configuration] = field(default_factory=list)
    answered: list[Request] = field(default_factory=list)
    n_running: int = 0
    luck: random.Random = field(default_factory=lambda: random.Random(0))


class PlantedEngine(FakeEngine):
    """Answers right by chance, more often with the good prompt and little temperature, at a planted speed."""

    def __init__(self, plan: Plan, configuration: Configuration) -> None:
        super().__init__(self._write_down)
        self._plan = plan
        self._dtype = str(configuration.get("engine.dtype", "whole"))
        self._pace = math.exp(plan.luck.gauss(0.0, plan.noise))
        for name, value in configuration.items():
            self._pace *= plan.seconds.get((name, value), 1.0)

    @property
    def facts(self) -> Mapping[str, str]:
        return {"engine": "fake", "model": "planted", "dtype": self._dtype}

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        for response in super().generate(requests):
            if self._dtype in self._plan.dies and response.request.seed < FIRST_BURST:
                raise EngineError("lost the device")
            self._plan.now += self._pace
            self._plan.answered.append(response.request)
            yield replace(response, seconds=self._plan.now)

    def close(self) -> None:
        self._plan.n_running -= 1

    def _write_down(self, request: Request, sample: int, source: random.Random) -> str:
        text = write(request, sample, source)
        return "no" if source.random() < self._plan.losses.get(self._dtype, 0.0) else text


class PlantedLauncher:
    """Settings ``batch`` and ``cache``, which shape no text, and ``dtype``, which does."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        values: dict[str, tuple[Any, ...]] = {
            "batch": (8, 16, 32),
            "cache": (False, True),
            "dtype": ("whole", "half", "tiny"),
        }
        self.parameters: Sequence[Parameter] = [
            Parameter(name=f"engine.{name}", tier="engine", kind="choice", choices=choices, default=choices[0])
            for name, choices in values.items()
        ]
        self.constraints: Sequence[Constraint] = ()

    def may_shape_text(self, name: str) -> bool:
        return name == "engine.dtype"

    def options(self, configuration: Configuration) -> Mapping[str, Any]:
        return dict(configuration)

    def start(self, configuration: Configuration, journal: object = None) -> Engine:
        self._plan.started.append(configuration)
        assert self._plan.n_running == 0, "two engines at once do not fit"
        for value in configuration.values():
            if value in self._plan.broken:
                raise EngineError(self._plan.broken[value])
        self._plan.n_running += 1
        return PlantedEngine(self._plan, configuration)


def run(
    folder: Path,
    plan: Plan,
    *,
    settings: Sequence[str] = (),
    decoding: Sequence[str] = (),
    n_confirm: int = 120,
    budget: int = 14_000,
    seed: int = 0,
    on_say: Callable[[str], None] = lambda line: None,
    **limits: Any,
) -> JointRecommendation:
    """Run a joint search in a folder, or resume the one that is there."""
    task = write_task(folder, n_tune=40, n_confirm=n_confirm)
    bank = SampleBank(folder / "study.db")
    launcher = PlantedLauncher(plan)
    slot = Slot(launcher)
    engines = changed(SearchSpace(tuple(launcher.parameters)), settings)
    limit = JointLimits(**{"margin": 0.05, "n_requests": 20, **limits})

    def log_of(name: str) -> TrialLog:
        return TrialLog(bank.url, name)

    return Joint(
        name="planted",
        task=task,
        space=changed(space_of(task, *DECODING), decoding),
        engines=engines,
        slot=slot,
        facts=PlantedEngine(plan, engines.default_configuration()).facts,
        search=lambda: SamplerAllocator(RandomSampler()),
        bank=bank,
        log_of=log_of,
        budget=Budget(tokens=budget),
        limits=limit,
        starts=Starts(
            name="planted",
            task=task,
            slot=slot,
            bank=bank,
            log=log_of(joint_name("planted")),
            n_requests=limit.n_requests,
            seed=seed,
            clock=lambda: plan.now,
            say=on_say,
        ),
        seed=seed,
    ).run()
