"""The grid of studies as values, and which part of it is run."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.study.planted import Gap
from benchmarks.study.recorded import TASKS

SEARCHES = ("infertune", "random", "tpe")
LEAST = 0.0  # stands for the smallest budget that is accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One kind of study.

    Attributes:
        n_tune: Examples to search on; n_confirm to confirm on.
        budget: In requests of the default configuration, at what one truly takes; LEAST is the smallest accepted.
        budget_tokens: In tokens, instead.
        cap: Most tokens of a request of the answer, in the same unit; None is no limit.
        graded: Whether scores are graded or two-valued.
        prompts: Number of templates.
        gap: How much better the best is than the default.
        few: Whether the space has few settings, so that all of them can be bought.
        task: A recorded one; what is said of scores, templates and gap is then nothing.
        seeds: How many are run.
    """

    n_tune: int
    n_confirm: int
    budget: float = LEAST
    budget_tokens: int | None = None
    cap: float | None = None
    graded: bool = False
    prompts: int = 4
    gap: Gap = "large"
    few: bool = False
    task: str = ""
    seeds: int = 20

    @property
    def name(self) -> str:
        """Tells the cell from all others."""
        examples = f"{self.n_tune}" if self.n_tune == self.n_confirm else f"{self.n_tune}+{self.n_confirm}"
        if self.budget_tokens is not None:
            budget = f"{self.budget_tokens // 1000}k"
        else:
            budget = "least" if self.budget == LEAST else f"{self.budget:g}u"
        cap = "nocap" if self.cap is None else f"cap{self.cap:g}"
        if self.task:
            return f"{self.task} n{examples} {budget} {cap}"
        scores = "graded" if self.graded else "binary"
        return f"{self.gap} n{examples} {budget} p{self.prompts} {scores} {cap}" + " few" * self.few


EXAMPLES = (9, 20, 30, 60, 200, 1000)
GAPS: tuple[Gap, ...] = ("large", "small", "none")
PROMPTS = (1, 4, 40)
LADDERS = ((LEAST, 300.0, 2000.0), (150.0, 600.0, 1500.0))
SEEDS = {LEAST: 10, 150.0: 20, 300.0: 10, 600.0: 6, 1500.0: 4, 2000.0: 4}  # by budget: the rich ones are dear
CAP = 1.5


def grid() -> Iterator[Cell]:
    """Yield every size with every gap, each with every other budget; the other factors take turns.

    So every pair of (size, gap), (size, budget), (budget, gap) and (prompts, gap) is there.
    """
    for i, n in enumerate(EXAMPLES):
        for j, gap in enumerate(GAPS):
            for budget in LADDERS[(i + j) % 2]:
                yield Cell(
                    n_tune=n,
                    n_confirm=n,
                    budget=budget,
                    cap=CAP if (i // 2 + j) % 2 else None,
                    graded=(i // 3 + j) % 2 == 1,
                    prompts=PROMPTS[(i + j) % 3],
                    gap=gap,
                    seeds=SEEDS[budget],
                )


def scenario() -> Iterator[Cell]:
    """Yield one good region among poor settings, with few examples, from scarce to rich budgets."""
    for n in (30, 60):
        for tokens in (20_000, 50_000, 100_000, 300_000):
            yield Cell(n_tune=n, n_confirm=n, budget_tokens=tokens, gap="region", seeds=4 if tokens > 100_000 else 8)


def bought_whole() -> Iterator[Cell]:
    """Yield few settings, of which the larger budget buys all samples of all examples."""
    for n, gap in zip((9, 30, 60), GAPS, strict=True):
        for budget in (300.0, 2000.0):
            yield Cell(n_tune=n, n_confirm=n, budget=budget, gap=gap, few=True, seeds=6)


def recordings() -> Iterator[Cell]:
    """Yield the recorded tasks, half of whose examples judge."""
    for task in TASKS:
        for budget in (LEAST, 300.0, 1500.0):
            yield Cell(n_tune=30, n_confirm=30, budget=budget, task=task, seeds=5)


def every() -> Iterator[Cell]:
    """Yield all of them."""
    yield from (*scenario(), *grid(), *bought_whole(), *recordings())


def quick() -> Iterator[Cell]:
    """Yield a few cells that show most of what can go wrong."""
    some = [
        Cell(n_tune=30, n_confirm=30, budget_tokens=20_000, gap="region"),
        Cell(n_tune=30, n_confirm=30, budget_tokens=50_000, gap="region"),
        Cell(n_tune=60, n_confirm=60, budget_tokens=50_000, gap="region"),
        Cell(n_tune=20, n_confirm=20, budget=300.0, cap=CAP, graded=True),
        Cell(n_tune=20, n_confirm=20, budget=600.0),
        Cell(n_tune=200, n_confirm=200, budget=300.0, gap="small"),
        Cell(n_tune=60, n_confirm=60, budget=300.0, gap="none"),
        Cell(n_tune=30, n_confirm=30, budget=300.0, task="opposites"),
    ]
    return (replace(each, seeds=6) for each in some)
