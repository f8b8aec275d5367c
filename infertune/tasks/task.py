"""Task: examples in two disjoint splits, prompts, extraction and a scorer."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import msgspec

from infertune.tasks import judgement
from infertune.tasks.definition import Definition
from infertune.tasks.extraction import Extractor
from infertune.tasks.judgement import Miss
from infertune.tasks.own_function import Function, FunctionScorer, digest, named
from infertune.tasks.prompts import Template
from infertune.tasks.scorers.text import Scorer
from infertune.types import Example


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is asked, of which examples, and how an answer is found and judged.

    Attributes:
        tune: The examples the search sees, in an order that is random but fixed.
        confirm: Those only the final confirmation sees; none of them asks what one of ``tune`` asks.
        prompts: Templates by name; the first is the default.
        max_tokens_choices: Values worth trying, rising; the last is the task's own cap.
        stop: Texts that end an answer.
        extractors: From a model's text to the answer in its voting normal form, or None; the first is the default.
        ideals: By example id a text that a perfect model would write, where one is known.
        places: By example id where its row stands, in the order of the data.
        left_out: Why some rows are no examples, in words.
        notes: How the data were read, where that was a guess.
    """

    name: str
    version: int
    description: str
    source: str
    licence: str
    tune: tuple[Example, ...]
    confirm: tuple[Example, ...]
    prompts: Mapping[str, Template]
    max_tokens_choices: tuple[int, ...]
    stop: tuple[str, ...]
    extractors: Mapping[str, Extractor]
    scorer: Scorer
    definition: Definition
    ideals: Mapping[str, str]
    places: Mapping[str, str]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def max_tokens(self) -> int:
        """The task's cap on an answer, in tokens."""
        return self.max_tokens_choices[-1]

    @property
    def default_extractor(self) -> str:
        """Name of the extractor that is used when none is chosen."""
        return next(iter(self.extractors))

    @cached_property
    def digest(self) -> str:
        """Identity of everything that shapes a score: the definition's rules, the templates and both splits."""
        templates = {name: template.digest for name, template in self.prompts.items()}
        both = [[(one.id, dict(one.fields), one.reference) for one in split] for split in (self.tune, self.confirm)]
        definition = msgspec.structs.replace(self.definition, description="", source="", licence="")
        own = self._digests_of_functions
        content = msgspec.json.encode([definition, templates, both, *([own] if own else [])], order="sorted")
        return hashlib.sha256(content).hexdigest()[:16]

    @property
    def _digests_of_functions(self) -> list[str]:
        """Of the user's own functions: where their source changes, so do scores."""
        given = self.definition.extraction
        steps = [step for one in (given.values() if isinstance(given, dict) else [given]) for step in one]
        found = [digest(named(step.name)) for step in steps if isinstance(step, Function)]
        return found + ([self.scorer.digest] if isinstance(self.scorer, FunctionScorer) else [])

    def with_scorer(self, function: Callable[..., float]) -> "Task":
        """Return the task with a function of one's own for its scorer.

        Args:
            function: Takes ``answer`` and ``reference``, ``example`` or both by name; returns a score in [0, 1].
        """
        return replace(self, scorer=FunctionScorer(function))

    @property
    def examples(self) -> tuple[Example, ...]:
        """Those of both splits."""
        return (*self.tune, *self.confirm)

    @cached_property
    def misses(self) -> tuple[Miss, ...]:
        """The examples that cannot be answered correctly; judging programs means running their tests."""
        return judgement.misses(self.examples, self.ideals, self.places, self.extract, self.score)

    @property
    def problems(self) -> tuple[str, ...]:
        """What must be put right before a figure of the task means anything: ``load`` refuses such a task."""
        return judgement.in_words(self.misses, len(self.examples))

    def extract(self, text: str, example: Example | None = None) -> str | None:
        """Return the answer in ``text`` in its voting normal form, or None; by the default extractor."""
        return self.extractors[self.default_extractor](text, example)

    def score(self, answer: str | None, example: Example) -> float:
        """Return how right an extracted answer is, in [0, 1]; no answer scores 0. Pure, so it may be remembered."""
        return 0.0 if answer is None else self.scorer.score(answer, example)
