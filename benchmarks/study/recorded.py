"""A recording of the search benchmark as an endpoint: real answers, and a truth that examples left over tell.

48 configurations were recorded. Any other of the space is answered as the nearest recorded one of its prompt, greedy
decoding as greedy: a landscape of plateaus, each a real configuration with its real answers and lengths, that a study
can search by the default space as it is. The answers come from the engine `replay`.

Each seed deals the recorded examples anew into those that the study sees and those that judge it. These are few, so
that what is true has a standard error, and the claims of a study are only judged where two of them do not matter.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.search import archive, tables
from benchmarks.search.recording import SEED
from benchmarks.study.endpoint import Worth
from infertune import tasks
from infertune.engines.replay import ReplayEngine
from infertune.evaluation.replay import replayed
from infertune.space import SearchSpace
from infertune.space.default_space import default_space
from infertune.space.names import TEMPERATURE
from infertune.tasks import Task
from infertune.types import Configuration, Decoding, Prompt, Request, Response, Scalar, Unsupported
from infertune.types.evidence import Candidate

TASKS = ("capitals", "kinds", "opposites", "sentiment")
FOLDER = Path(__file__).parents[1] / "search" / "recorded"
_RANGES = {"temperature": 1.5, "top_p": 0.5, "min_p": 0.3, "repetition_penalty": 0.3}
_OTHER_TOP_K = 0.5  # how far another top_k is, in such ranges


class Recorded:
    """One recording with its examples dealt by a seed.

    Args:
        name: Of a shipped task.
        n_seen: Examples that the study gets, for both of its splits.
    """

    def __init__(self, name: str, *, seed: int, n_seen: int) -> None:
        self._tables = tables.read(FOLDER / f"{name}.npz")
        self._task = tasks.load(name)
        self._bank = FOLDER / f"{name}.db.xz"
        dealt = np.random.default_rng((seed, 3)).permutation(len(self._tables.example_ids))
        self._seen, self._left = dealt[:n_seen], dealt[n_seen:]
        self._known: dict[Configuration, Candidate] = {}
        self.nearest = Nearest(self._tables.configurations)

    @cached_property
    def space(self) -> SearchSpace:
        recorded = self._tables
        prompts = tuple(dict.fromkeys(str(each["prompt.template"]) for each in recorded.configurations))
        return default_space(prompts=prompts, max_tokens=recorded.limits, extractors=recorded.extractors)

    def task(self, *, n_tune: int, n_confirm: int) -> Task:
        examples = {each.id: each for each in (*self._task.tune, *self._task.confirm)}
        seen = [examples[self._tables.example_ids[at]] for at in self._seen]
        return replace(self._task, tune=tuple(seen[:n_tune]), confirm=tuple(seen[n_tune : n_tune + n_confirm]))

    def engine(self, n_examples: int) -> "NearestEngine":
        task = self.task(n_tune=n_examples, n_confirm=0)
        names = {
            template.render(example.fields): name for name, template in task.prompts.items() for example in task.tune
        }
        return NearestEngine(ReplayEngine(str(archive.unpack(self._bank))), self.nearest, names)

    def of(self, configuration: Configuration) -> Worth:
        found = self._candidate(configuration)
        return Worth(found.utility, found.cost_tokens)

    def best(self, cap_tokens: float | None = None) -> tuple[Configuration, Worth]:
        choices = [
            each.with_values(choice)
            for each in self._tables.configurations
            for choice in self.space.replay_choices(each)
        ]
        worths = [(self.of(each), each) for each in choices]
        within = [each for each in worths if cap_tokens is None or each[0].cost_tokens <= cap_tokens]
        worth, configuration = min(within, key=lambda each: (-each[0].utility, each[0].cost_tokens))
        return configuration, worth

    def error(self, a: Configuration, b: Configuration) -> float:
        differences = self._candidate(a).scores - self._candidate(b).scores
        return float(differences.std(ddof=1) / np.sqrt(len(differences)))

    def _candidate(self, configuration: Configuration) -> Candidate:
        if configuration not in self._known:
            recorded = self.nearest.of(configuration)
            self._known.update(self._candidates(recorded))
            replay = {p.name for p in self.space.parameters if p.tier == "replay"}
            same = recorded.with_values({name: v for name, v in configuration.items() if name in replay})
            self._known[configuration] = self._known[same]
        return self._known[configuration]

    def _candidates(self, recorded: Configuration) -> Mapping[Configuration, Candidate]:
        n = 1 if recorded[TEMPERATURE] == 0 else int(self._tables.stacked["scores"].shape[-1])
        found = replayed(
            self.space,
            recorded,
            n_stored=n,
            max_tokens_stored=self._tables.limits[-1],
            table=lambda limit, extractor: self._tables.table(recorded, self._left, n, limit, extractor),
            default_extractor=self._tables.extractors[0],
        )
        assert found is not None
        ids = [self._tables.example_ids[at] for at in self._left]
        return {each.configuration: each for each in found.candidates(recorded, ids)}


class Nearest:
    """Knows which recorded configuration is nearest to any other: of the same prompt, and greedy or not as it is."""

    def __init__(self, configurations: Sequence[Configuration]) -> None:
        self._recorded = configurations
        self._known: dict[tuple[str, Decoding], Configuration] = {}

    def of(self, configuration: Mapping[str, Scalar]) -> Configuration:
        """Return the nearest to a configuration, of which the replay tier is ignored."""
        return self.to(str(configuration["prompt.template"]), _decoding(configuration))

    def to(self, prompt: str, wished: Decoding) -> Configuration:
        """Return the nearest to the settings of a request."""
        key = (prompt, replace(wished, max_tokens=1, stop=()))
        if key not in self._known:
            able = [
                each
                for each in self._recorded
                if each["prompt.template"] == prompt and (each[TEMPERATURE] == 0) == (wished.temperature == 0)
            ]
            self._known[key] = min(able, key=lambda each: _distance(each, wished))
        return self._known[key]


class NearestEngine:
    """Asks the engine `replay` for what was recorded nearest to what is wished.

    Args:
        names: Of the template by every prompt that will be sent.
    """

    def __init__(self, engine: ReplayEngine, nearest: Nearest, names: Mapping[Prompt, str]) -> None:
        self._engine, self._nearest, self._names = engine, nearest, names

    @property
    def facts(self) -> Mapping[str, str]:
        return self._engine.facts

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        return ()

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        for request in requests:
            recorded = self._nearest.to(self._names[request.prompt], request.decoding)
            wished = request.decoding
            decoding = replace(_decoding(recorded), max_tokens=wished.max_tokens, stop=wished.stop)
            for response in self._engine.generate([replace(request, decoding=decoding, seed=SEED)]):
                yield replace(response, request=request)

    def close(self) -> None:
        self._engine.close()


def _decoding(configuration: Mapping[str, Scalar]) -> Decoding:
    """Return the settings of a request, but for how it ends."""
    settings = {
        name.removeprefix("decoding."): value
        for name, value in configuration.items()
        if name.startswith("decoding.") and name != "decoding.max_tokens"
    }
    return Decoding(**settings)  # type: ignore[arg-type]


def _distance(recorded: Mapping[str, Scalar], wished: Decoding) -> float:
    apart = [
        (float(recorded[f"decoding.{name}"]) - getattr(wished, name)) / width
        for name, width in _RANGES.items()
        if f"decoding.{name}" in recorded
    ]
    other = _OTHER_TOP_K * (recorded.get("decoding.top_k", 0) != wished.top_k)
    return float(np.sum(np.square([*apart, other])))
