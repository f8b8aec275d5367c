"""What ``infertune evaluate`` measured: a verdict and a table, and plain data with a row for each example."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune import plugins
from infertune.evaluation.scoring import CachedScorer
from infertune.recipes.recipe import RecipeEvidence
from infertune.report.table import interval
from infertune.space.names import EXTRACTOR, VOTER, N
from infertune.statistics.intervals import Interval
from infertune.strategies import Strategy
from infertune.types import Configuration, Example, Response
from infertune.types.evidence import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One text of the model: its extracted answer, None where there is none, what that scores, and how it ended."""

    sample: int
    answer: str | None
    score: float
    tokens: int
    finish: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one example; of one that failed nothing is known but the error.

    Attributes:
        refused: Whether it will never be answered: no answer scores 0, and its tokens are the mean of the others.
        score: Expected utility, in [0, 1]: the mean over all ways to draw n of the samples and to break a tie.
        right: Whether ``answer`` scores 1.
        answer: What the strategy makes of the first n samples; None where none of them holds an answer.
        tokens: Expected, of the prompt and of n samples.
        truncated: Whether a sample was cut off by ``max_tokens``.
        error: Why it failed or was refused; empty where it was answered.
    """

    id: str
    failed: bool
    refused: bool = False
    error: str = ""
    score: float | None = None
    right: bool | None = None
    answer: str | None = None
    tokens: float | None = None
    truncated: bool | None = None
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One configuration, measured.

    Attributes:
        task: Its name.
        task_digest: As the task is now.
        facts: `Engine.facts`.
        rows: One for each example, those that failed as well.
        spent_tokens: Bought now.
        notes: What the user should know.
        source: The answer file; empty for none.
        evidence: That of the file, where it is of the same examples, judged in the same way.
        is_own: Whether the configuration is that of the file.
        incomparable: Why the file's figures are not shown, in words; empty where they are, or there is no file.
    """

    task: str
    task_digest: str
    model: str
    facts: Mapping[str, str]
    seed: int
    split: str
    configuration: Configuration
    utility: Interval
    cost_tokens: float
    rows: Sequence[Row]
    spent_tokens: int
    notes: Sequence[str]
    source: str = ""
    evidence: RecipeEvidence | None = None
    is_own: bool = False
    incomparable: str = ""

    @property
    def n_failed(self) -> int:
        """Examples without an answer; they count neither right nor wrong."""
        return sum(row.failed for row in self.rows)

    @property
    def n_refused(self) -> int:
        """Examples that will never be answered; they score 0."""
        return sum(row.refused for row in self.rows)


def rows(
    scorer: CachedScorer, found: Candidate, examples: Sequence[Example], responses: Sequence[Response]
) -> tuple[Row, ...]:
    """Return what became of each example.

    Args:
        scorer: Extracts and scores.
        found: The configuration with its figures on those of the examples that were answered.
        examples: All that were asked; ``responses`` has as many, in the same order.
    """
    configuration = found.configuration
    extractor = str(configuration.get(EXTRACTOR, scorer.task.default_extractor))
    n = int(configuration[N])
    strategy: Strategy = plugins.load("strategies", str(configuration[VOTER]))()
    figures = dict(zip(found.example_ids, zip(found.scores, found.tokens, strict=True), strict=True))

    def row(example: Example, response: Response) -> Row:
        samples = tuple(
            Sample(
                sample=one.sample,
                answer=(answer := scorer.answer(one.text, extractor, example)),
                score=scorer.score(answer, example),
                tokens=len(one.token_ids),
                finish=one.finish_reason,
                text=one.text,
            )
            for one in response.generations
        )
        if example.id not in figures:
            error = response.error or f"only {len(samples)} of its samples were answered"
            return Row(id=example.id, failed=True, error=error, samples=samples)
        score, tokens = map(float, figures[example.id])
        if response.refused:
            return Row(
                id=example.id,
                failed=False,
                refused=True,
                error=response.error,
                score=score,
                right=False,
                tokens=tokens,
                truncated=False,
            )
        likely = [float(np.mean(one.logprobs)) if one.logprobs else 0.0 for one in response.generations[:n]]
        answer = strategy.choose([one.answer for one in samples[:n]], likely)
        return Row(
            id=example.id,
            failed=False,
            score=score,
            right=scorer.score(answer, example) == 1.0,
            answer=answer,
            tokens=tokens,
            truncated=any(one.finish == "length" for one in samples),
            samples=samples,
        )

    return tuple(row(*pair) for pair in zip(examples, responses, strict=True))


def verdict(found: Evaluation) -> str:
    """Return what the figures say, in a sentence."""
    now = found.utility
    if found.evidence is None:
        why = f"; not comparable with {found.source}: {found.incomparable}" if found.source else ""
        return f"Measured on {now.n} {found.split} examples of {found.task}{why}."
    was = _utility(found.evidence)
    same_figures = math.isclose(now.mean, was.mean) and math.isclose(found.cost_tokens, found.evidence.cost_tokens)
    if found.is_own and now.n == was.n and same_figures:
        return f"Reproduced: the figures are those in {found.source}."
    if now.low > was.high:
        return f"Better than in {found.source}: the intervals do not overlap."
    if now.high < was.low:
        return f"Worse than in {found.source}: the intervals do not overlap."
    return f"No clear difference from {found.source}: the intervals overlap."


def show(found: Evaluation, console: Console) -> None:
    """Print the verdict, the figures, and what should be known of them."""
    console.print(f"\n{verdict(found)}\n", markup=False, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("", "now", *([f"in {found.source}"] if found.evidence is not None else [])):
        table.add_column(Text(head))
    for name, now, before in _figures(found):
        table.add_row(name, now, *([before] if found.evidence is not None else []))
    console.print(table)
    for note in found.notes:
        console.print(f"Note: {note}.", markup=False, highlight=False)


def _figures(found: Evaluation) -> Iterator[tuple[str, str, str]]:
    """Yield a name, the figure now, and that of the file."""
    was = found.evidence
    yield "utility, 95% interval", interval(found.utility), interval(_utility(was)) if was else ""
    yield "tokens per request", f"{found.cost_tokens:.1f}", f"{was.cost_tokens:.1f}" if was else ""
    yield f"{found.split} examples", str(found.utility.n), str(was.n_examples) if was else ""
    if found.n_refused:
        yield "of these refused, which score 0", str(found.n_refused), ""
    if found.n_failed:
        yield "examples that failed", str(found.n_failed), ""
    samples = [one for row in found.rows for one in row.samples]
    n_cut = sum(one.finish == "length" for one in samples)
    yield "samples cut off by max_tokens", f"{n_cut} of {len(samples)}", ""
    yield "tokens spent now", f"{found.spent_tokens:,}", ""


def as_json(found: Evaluation) -> dict[str, Any]:
    """Return all of it in lists, mappings and scalars; docs/evaluate.md explains each key."""
    was = found.evidence
    return {
        "task": found.task,
        "task_digest": found.task_digest,
        "model": found.model,
        "engine": dict(found.facts),
        "seed": found.seed,
        "split": found.split,
        "configuration": dict(found.configuration),
        "utility": asdict(found.utility),
        "cost_tokens": found.cost_tokens,
        "n_refused": found.n_refused,
        "n_failed": found.n_failed,
        "spent_tokens": found.spent_tokens,
        "verdict": verdict(found),
        "in_file": None if was is None else {"utility": asdict(_utility(was)), "cost_tokens": was.cost_tokens},
        "notes": list(found.notes),
        "examples": [asdict(row) for row in found.rows],
    }


def _utility(was: RecipeEvidence) -> Interval:
    low, high = was.utility_interval
    return Interval(mean=was.utility, low=low, high=high, n=was.n_examples)
