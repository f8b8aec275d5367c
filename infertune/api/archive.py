"""``infertune.studies``, ``open_study`` and ``compare``: what a database holds, read again without a model."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from infertune.api.function import FunctionResult
from infertune.api.records import Records
from infertune.api.result import Result, trial_records
from infertune.archive import StoredStudy, comparison, listing
from infertune.archive.comparison import StudyComparison
from infertune.recipes import recipe
from infertune.recipes.answer_file import AnswerFile
from infertune.report.answer import Answer, evidence
from infertune.report.page.data import page_data
from infertune.report.page.render import page
from infertune.selection.recommendation import scores_of
from infertune.space.names import ARGUMENT

DEFAULT_DATABASE = "infertune.db"


def studies(database: str | Path = DEFAULT_DATABASE) -> Records:
    """Return the studies of a database, a record each, the oldest first; docs/studies.md explains the keys.

        for study in infertune.studies("infertune.db"):
            print(study["name"], study["verdict"])

    Raises:
        InvalidInputError: There is no such database.
        DataUnavailableError: It is damaged.
    """
    return Records([asdict(each) for each in listing.studies(database)])


def open_study(study: str | None = None, *, database: str | Path = DEFAULT_DATABASE) -> Result:
    """Return the answer of a finished study again: neither a model nor its task's files are needed.

        print(infertune.open_study("capitals"))

    Args:
        study: Its name; by default the only study of the database.
        database: SQLite file or PostgreSQL URL.

    Raises:
        InvalidInputError: There is no such study.
        DataUnavailableError: It has no answer yet, or an earlier infertune kept less of it.
    """
    with StoredStudy(study, database) as stored:
        return result(stored)


def compare(
    a: str,
    b: str,
    *,
    database: str | Path = DEFAULT_DATABASE,
    other_database: str | Path | None = None,
) -> StudyComparison:
    """Return how two configurations differ on the examples that both have answered.

        print(infertune.compare("small-model", "large-model").difference)

    Args:
        a: ``STUDY`` for what it recommends, ``STUDY:seen``, ``STUDY:default``, or ``STUDY:NUMBER`` of a trial.
        b: Likewise; its difference to ``a`` is what is told.
        database: That holds ``a``, and ``b`` as well unless ``other_database`` does.

    Raises:
        InvalidInputError: There is no such study or trial, or they have no example in common.
        DataUnavailableError: A study has no answer yet.
    """
    (first, of_a), (second, of_b) = comparison.which(a), comparison.which(b)
    with StoredStudy(first, database) as one, StoredStudy(second, other_database or database) as other:
        return comparison.compare(one, other, of_a=of_a, of_b=of_b)


def records(stored: StoredStudy) -> Records:
    """Return what a study that is open tried, as `infertune.Result.trials`; it need not be finished."""
    known = stored.opening
    is_function = known.engine == "function"
    shown = [each for each in known.space.parameters if not is_function or each.name.startswith(ARGUMENT)]
    return trial_records(stored.trials, {each.name: each.alias if is_function else each.name for each in shown})


def page_of(stored: StoredStudy, *, refresh_seconds: float = 0.0) -> str:
    """Return the page of a study that is open; of an unfinished one what was tried so far, without a verdict.

    Args:
        stored: Is read.
        refresh_seconds: How often the page asks its server for newer data; 0 for a file.

    Raises:
        DataUnavailableError: The extra [report] is not installed, or an earlier infertune kept less of the study.
    """
    return page(data_of(stored), refresh_seconds=refresh_seconds)


def data_of(stored: StoredStudy) -> dict[str, Any]:
    """Return what the page of a study that is open shows."""
    return page_data(stored, result(stored).answer if stored.is_finished else None)


def result(stored: StoredStudy) -> Result:
    """Return the answer of a study that is open."""
    known, finished = stored.opening, stored.finished
    found = finished.recommendation
    file = AnswerFile(
        path=recipe.default_path(stored.name),
        study=stored.name,
        task=stored.task,
        asked_task=known.asked_task,
        data=None if known.data is None else Path(known.data),
        model=known.model,
        engine=known.engine,
        options=known.options,
        seed=known.seed,
        database=stored.database,
    )
    answer = Answer(
        study=stored.name,
        sampler=known.search,
        space=known.space,
        facts=finished.facts,
        engine_metrics=finished.metrics,
        recommendation=found,
        prices=known.prices,
        recipe=file.recipe(
            found.recommended,
            found.default,
            evidence=evidence(found.verdict),
            facts=finished.facts,
            confirmed=stored.confirmed,
            scores=scores_of(found, found.recommended),
        ),
    )
    if known.engine == "function":
        return FunctionResult.of(answer, file)
    return Result(answer=answer, file=file)
