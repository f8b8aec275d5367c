"""A recording as arrays: every answer, score, length and log probability, under every cut and extractor.

One compressed file of about a megabyte for each task, from which the benchmark answers any purchase at once.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.recording import Recording
from infertune.bank import SampleBank
from infertune.evaluation.replay import sample_table
from infertune.evaluation.scoring import CachedScorer
from infertune.strategies.estimators import SampleTable
from infertune.types import Configuration

_NAMES = ("answers", "scores", "tokens", "logprobs")


@dataclass(frozen=True, kw_only=True, eq=False)
class Tables:
    """A recording, read.

    Attributes:
        facts: Of the engine, and how it was recorded; for the report.
        limits: The cuts, rising.
        prompt_tokens: ``[n_configurations, n_examples]``, the `tune` examples first.
        stacked: Arrays by name, ``[n_configurations, n_limits, n_extractors, n_examples, n_samples]``. Greedy decoding
            has its one sample in every place.
    """

    task: str
    facts: dict[str, str]
    configurations: tuple[Configuration, ...]
    limits: tuple[int, ...]
    extractors: tuple[str, ...]
    example_ids: tuple[str, ...]
    n_tune: int
    prompt_tokens: NDArray[np.int32]
    stacked: dict[str, NDArray[np.generic]]

    @cached_property
    def number(self) -> dict[Configuration, int]:
        """Where a configuration is in the arrays."""
        return {configuration: number for number, configuration in enumerate(self.configurations)}

    def table(
        self, configuration: Configuration, examples: NDArray[np.intp], n_samples: int, max_tokens: int, extractor: str
    ) -> SampleTable:
        """Return the first samples of some examples; KeyError for what was not recorded."""
        at = (self.number[configuration], self.limits.index(max_tokens), self.extractors.index(extractor))
        answers, scores, tokens, logprobs = (self.stacked[name][at][examples, :n_samples] for name in _NAMES)
        return SampleTable(
            answers=answers.astype(np.int32),
            scores=scores.astype(np.float64),
            tokens=tokens.astype(np.int32),
            logprobs=logprobs.astype(np.float64),
            prompt_tokens=self.prompt_tokens[at[0]][examples].astype(np.float64),
        )


def write(plan: Recording, bank: SampleBank, path: Path) -> Path:
    """Write the tables of a whole recording; an example that failed anywhere is left out everywhere."""
    (facts,) = bank.engines()
    judge = CachedScorer(plan.task)
    responses = [bank.get(facts, plan.requests_of(each, list(plan.examples))) for each in plan.configurations]
    whole = [
        number
        for number in range(len(plan.examples))
        if all(
            len(by_example[number].generations) >= (1 if each["decoding.temperature"] == 0 else plan.n_samples)
            for each, by_example in zip(plan.configurations, responses, strict=True)
        )
    ]
    examples = [plan.examples[number] for number in whole]
    stacked: dict[str, list[list[list[NDArray[np.generic]]]]] = {name: [] for name in _NAMES}
    for by_example in responses:
        kept = [by_example[number] for number in whole]
        n_samples = min(len(response.generations) for response in kept)
        found = [
            [sample_table(judge, name, limit, n_samples, examples, kept) for name in plan.task.extractors]
            for limit in plan.task.max_tokens_choices
        ]
        for name in _NAMES:
            stacked[name].append(
                [
                    [np.broadcast_to(getattr(table, name), (len(kept), plan.n_samples)) for table in row]
                    for row in found
                ]
            )
    types = {"answers": np.int8, "scores": np.float32, "tokens": np.int16, "logprobs": np.float32}
    about = {
        "task": plan.task.name,
        "facts": facts | {"task_digest": plan.task.digest},
        "configurations": [dict(each) for each in plan.configurations],
        "limits": plan.task.max_tokens_choices,
        "extractors": list(plan.task.extractors),
        "example_ids": [example.id for example in examples],
        "n_tune": sum(number < len(plan.tune) for number in whole),
    }
    np.savez_compressed(
        path,
        about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
        prompt_tokens=np.array([[r[number].prompt_tokens for number in whole] for r in responses], dtype=np.int32),
        **{name: np.array(arrays).astype(types[name]) for name, arrays in stacked.items()},
    )
    return path


def read(path: Path) -> Tables:
    """Read what `write` wrote."""
    with np.load(path) as file:
        about = json.loads(file["about"].tobytes())
        return Tables(
            task=about["task"],
            facts=about["facts"],
            configurations=tuple(map(Configuration, about["configurations"])),
            limits=tuple(about["limits"]),
            extractors=tuple(about["extractors"]),
            example_ids=tuple(about["example_ids"]),
            n_tune=about["n_tune"],
            prompt_tokens=file["prompt_tokens"],
            stacked={name: file[name] for name in _NAMES},
        )
