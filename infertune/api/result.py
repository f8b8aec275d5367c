"""What a study answers: to look at, to take as frames, to deploy."""

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from infertune.api.export import export
from infertune.api.records import Records
from infertune.archive import StoredStudy
from infertune.archive.failures import Failures, failures
from infertune.archive.importance import importances
from infertune.archive.path import Step, path
from infertune.archive.pick import Limits, Picked, pick
from infertune.archive.surface import UtilitySurface
from infertune.bank import SampleBank
from infertune.exports.answer import Exported
from infertune.recipes import recipe as recipes
from infertune.recipes.answer_file import AnswerFile
from infertune.report import answer as reports
from infertune.report import picture, table
from infertune.report.answer import Answer
from infertune.report.page import file as page_file
from infertune.report.page.data import page_data
from infertune.report.page.render import page
from infertune.selection.recommendation import Point, Recommendation
from infertune.study.logged_trial import LoggedTrial
from infertune.study.trial_log import TrialLog
from infertune.types import Scalar

_COLUMNS = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer of a study.

    It prints itself in a terminal and draws itself in a notebook.

    Attributes:
        answer: The recommendation with all that it was found with.
        file: Where its answer file is to be, and what the study was run with.
    """

    answer: Answer
    file: AnswerFile

    @property
    def recommendation(self) -> Recommendation:
        """What to deploy, the verdict and its figures."""
        return self.answer.recommendation

    @property
    def front(self) -> tuple[Point, ...]:
        """The nondominated configurations of the finals, cheapest first, with their figures on ``tune``."""
        return self.recommendation.front

    @property
    def trials(self) -> Records:
        """What was tried, in its order: settings, utility and tokens per request on the trial's own examples."""
        with closing(SampleBank(self.file.database)) as bank:
            found = TrialLog(bank.url, self.answer.study).trials()
        names = self.answer.shown(parameter.name for parameter in self.answer.space.parameters)
        return trial_records(found, {name: self.answer.label(name) for name in names})

    @property
    def samples(self) -> Records:
        """Every sample that the study has bought, in its order, with the settings that it was made with."""
        with closing(SampleBank(self.file.database)) as bank:
            return Records(list(bank.samples(self.answer.study)))

    def failures(self, n: int = 10) -> Failures:
        """Return what fails under the recommended configuration, and ``n`` failures that are unlike each other.

        Raises:
            DataUnavailableError: The study is of a joint search, or an earlier infertune kept less of it.
        """
        with StoredStudy(self.answer.study, self.file.database) as study:
            return failures(study, n=n)

    def path(self) -> list[Step]:
        """Return the way from the default to the recommendation: what each change is worth, and how sure that is.

        Raises:
            DataUnavailableError: As of `failures`, or too little was tried.
        """
        with StoredStudy(self.answer.study, self.file.database) as study:
            found = self.recommendation
            return path(UtilitySurface(study), found.default, found.recommended)

    def importance(self) -> Records:
        """Return how much each setting matters, the most important first; docs/studies.md explains the keys.

        Raises:
            DataUnavailableError: As of `path`.
        """
        with StoredStudy(self.answer.study, self.file.database) as study:
            found = self.recommendation
            shares = importances(UtilitySurface(study), found.recommended, found.default)
        return Records([asdict(each) for each in shares])

    def pick(
        self,
        *,
        max_cost_tokens: float | None = None,
        min_utility: float | None = None,
        max_latency_seconds: float | None = None,
    ) -> Picked:
        """Return the best of what was tried within limits, and what it gives up.

        Args:
            max_cost_tokens: Most tokens per request.
            min_utility: Least utility.
            max_latency_seconds: Longest median time of a request, as it was while the study ran.

        Raises:
            NothingFitsError: None keeps them; the message has the nearest.
        """
        limits = Limits(
            max_cost_tokens=max_cost_tokens, min_utility=min_utility, max_latency_seconds=max_latency_seconds
        )
        with StoredStudy(self.answer.study, self.file.database) as study:
            return pick(study, limits)

    def best_config(self) -> dict[str, Scalar]:
        """Return the recommended configuration: dotted names and their values."""
        return dict(self.recommendation.recommended)

    def save(self, path: str | Path | None = None) -> Path:
        """Write the answer file, which ``infertune evaluate --config`` measures again, and return its path.

        Args:
            path: By default a file of the study's name in the folder of the process.

        Raises:
            InvalidInputError: It cannot be written, or another file is there.
        """
        file = self.file if path is None else replace(self.file, path=Path(path))
        recipes.write(file.path, msgspec.structs.replace(self.answer.recipe, files=file.files()))
        return file.path

    def export(self, as_: str, *, model: str | None = None, base_url: str | None = None) -> Exported:
        """Return the answer in a format, as `infertune.export`, which has more arguments.

            print(result.export("openai-python").files[0].text)

        Raises:
            InvalidInputError: There is no such format, or it does not fit the answer.
        """
        return export(self.answer.recipe, as_, model=model, base_url=base_url)

    def draw(self, path: str | Path) -> None:
        """Write a picture of the front: .png, .svg or .pdf; it takes the package matplotlib."""
        picture.check_drawable(Path(path))
        picture.draw(self.answer, Path(path))

    def report(self, path: str | Path | None = None) -> Path:
        """Write the page of the study, one HTML file that needs nothing else, and return its path.

        Args:
            path: By default a file of the study's name in the folder of the process.

        Raises:
            InvalidInputError: It cannot be written, or another file is there.
            DataUnavailableError: The extra [report] is not installed, or the study is of a joint search, or an
                earlier infertune kept less of it.
        """
        place = page_file.default_path(self.answer.study) if path is None else Path(path)
        page_file.check(place)
        with StoredStudy(self.answer.study, self.file.database) as study:
            page_file.write(place, page(page_data(study, self.answer)))
        return place

    def as_json(self) -> dict[str, Any]:
        """Return the whole answer in lists, mappings and scalars; docs/answer.md explains each key."""
        return reports.as_json(self.answer)

    def __str__(self) -> str:
        return self._printed(lambda console: console.export_text())

    def _repr_html_(self) -> str:
        return f"<pre style='line-height:1.25'>{escape(str(self))}</pre>"

    def _printed(self, export: Callable[[Console], str]) -> str:
        console = Console(file=io.StringIO(), record=True, width=_COLUMNS)
        table.show(self.answer, console)
        return export(console)


def trial_records(trials: Sequence[LoggedTrial], labels: Mapping[str, str]) -> Records:
    """Return a record of each trial.

    Args:
        trials: Of one study.
        labels: What each setting that is shown is called, by its dotted name.
    """
    return Records(
        [
            {
                "number": trial.number,
                "utility": trial.utility,
                "cost_tokens": trial.cost_tokens,
                "n_examples": trial.n_examples,
                "error": trial.cause,
                **{label: trial.chosen.get(name, trial.configuration.get(name)) for name, label in labels.items()},
            }
            for trial in trials
        ]
    )
