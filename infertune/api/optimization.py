"""``infertune.optimize``: from a task and a model to a recommendation."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from infertune import tasks
from infertune.api import decoding
from infertune.api.decoding import Question
from infertune.api.joint import Joint, searched
from infertune.api.result import Result
from infertune.api.task_space import Values, as_texts, task_space
from infertune.budget import Budget, Prices
from infertune.engines.options import DEFAULT_MODEL, EngineOptions, given
from infertune.recipes import recipe
from infertune.recipes.answer_file import AnswerFile
from infertune.report.answer import Answer, evidence
from infertune.report.live import View
from infertune.selection.recommendation import scores_of
from infertune.selection.select import Preference, Wanted
from infertune.space import SearchSpace, notation
from infertune.study.progress import Progress
from infertune.study.renamed import DEFAULT, canonical
from infertune.study.search_names import check_tolerance
from infertune.tasks import Task
from infertune.types import Engine, Scalar


def optimize(
    task: str | Path | Task,
    model: str = DEFAULT_MODEL,
    *,
    engine: str | EngineOptions | Engine = "hf",
    engine_options: Mapping[str, Scalar] | None = None,
    budget_tokens: int | str | None = None,
    budget_seconds: float | str | None = None,
    budget_money: float | None = None,
    prices: Prices | None = None,
    tolerance: float | None = None,
    settings: Mapping[str, Values] | None = None,
    data: str | Path | None = None,
    space: SearchSpace | Path | None = None,
    search: str = DEFAULT,
    prefer: Preference = "utility",
    max_cost_tokens: float | None = None,
    min_utility: float | None = None,
    min_answered: float = 0.98,
    seed: int = 0,
    study: str | None = None,
    database: str | Path = "infertune.db",
    out: str | Path | None = None,
    joint: Joint | None = None,
    progress: bool | Callable[[Progress], None] = True,
) -> Result:
    """Find the configuration that buys the most utility per token, and say how sure that is.

    Interrupted at any moment, the same call resumes and pays nothing twice; finished, it gives its answer again.

        result = infertune.optimize(task="capitals", budget_tokens="60k", settings={"n": [1, 5]})
        print(result)
        result.save("capitals.yaml")

    Args:
        task: A shipped task's name, a task file, or a task as `infertune.load_task` gives it.
        model: ``bundled:NAME``, a folder, a Hugging Face Hub id, or its name at an endpoint.
        engine: ``hf``, ``vllm``, ``openai``, ``replay`` or a plugin's name; one of these with its options, such as
            ``infertune.OpenAI(base_url="http://127.0.0.1:8000/v1")``; or an engine that runs, which stays open.
        engine_options: Those of the engine by their names, such as ``{"dtype": "bfloat16"}``.
        budget_tokens: Most tokens to spend, such as 200_000 or ``"200k"``. At least one budget must be given.
        budget_seconds: Longest time of generating, such as 600 or ``"10m"``.
        budget_money: Most to pay; needs ``prices``.
        prices: Of the model's tokens.
        tolerance: The search ends early, once nothing is believed to be more than this much better in utility than
            what it found; what it has not spent stays unspent. Needs the search ``knowledge-gradient``.
        settings: Values to search by name, such as ``{"temperature": "0..1.2", "n": [1, 5, 9], "top_p": 1}``.
        data: File or folder with the examples, in place of the task's own.
        space: The search space in place of the task's own, or a YAML file with changes to that.
        search: ``knowledge-gradient``, ``ecooptigen``, ``tpe``, ``random``, ``qmc``, ``grid`` or a plugin's name.
        prefer: ``utility``: the best. ``balanced``: the cheapest shown to be as good as the best. ``cost``: the
            cheapest shown to be as good as the default.
        max_cost_tokens: Most tokens per request, on average, of what is recommended.
        min_utility: Least utility of what is recommended.
        min_answered: Least share of examples that the model answers rather than refuses.
        seed: Of the search and of every generation.
        study: Its name; an existing one is resumed. By default the task's name.
        database: SQLite file or PostgreSQL URL of samples and trials.
        out: The answer file of ``Result.save``; its place is checked before anything is spent.
        joint: Search engine settings as well, as it says; the result is then an `infertune.JointResult`.
        progress: Whether progress is shown on standard error; a function is given it instead.

    Raises:
        InvalidInputError: Something that was given cannot be; the message says what must hold.
        BudgetError: The budget is too small for any honest answer.
        EngineError: Most requests fail.
        DataUnavailableError: A model, data or a package is missing.
    """
    question, file = asked(
        task if isinstance(task, Task) else tasks.load(task, data=None if data is None else Path(data)),
        model,
        asked_task=task.name if isinstance(task, Task) else str(task),
        data=None if data is None else Path(data),
        engine=engine,
        options=_options(engine, engine_options or {}),
        budget=Budget.of(
            tokens=budget_tokens, seconds=budget_seconds, money=budget_money, prices=prices, tolerance=tolerance
        ),
        settings=as_texts(settings or {}),
        space=space,
        search=search,
        prefer=prefer,
        max_cost_tokens=max_cost_tokens,
        min_utility=min_utility,
        min_answered=min_answered,
        seed=seed,
        study=study,
        database=str(database),
        out=None if out is None else Path(out),
    )
    view = View() if progress is True else View(Console(quiet=True))
    if joint is not None:
        return searched(question, joint, file, view)
    return answered(question, file, view, on_progress=progress if callable(progress) else lambda progress: None)


def asked(
    task: Task,
    model: str,
    *,
    asked_task: str,
    data: Path | None,
    engine: str | EngineOptions | Engine,
    options: Mapping[str, Scalar],
    budget: Budget,
    settings: Sequence[str],
    space: SearchSpace | Path | None,
    search: str,
    prefer: Preference,
    max_cost_tokens: float | None,
    min_utility: float | None,
    min_answered: float,
    seed: int,
    study: str | None,
    database: str,
    out: Path | None,
) -> tuple[Question, AnswerFile]:
    """Return a question whose every part was checked, as far as can be without an engine, and its answer file.

    Args:
        task: As loaded, by ``asked_task`` and from ``data``.
        settings: ``NAME=VALUES`` texts.
        space: In place of the task's own, or a file with changes to that.
        out: The answer file; by default one of the study's name.
    """
    wanted = Wanted(prefer=prefer, max_cost_tokens=max_cost_tokens, min_utility=min_utility, min_answered=min_answered)
    search = canonical(search)
    check_tolerance(search, budget)
    own = space if isinstance(space, SearchSpace) else task_space(task, space)
    name = study or task.name
    file = AnswerFile(
        path=out or recipe.default_path(name),
        study=name,
        task=task,
        asked_task=asked_task,
        data=data,
        model=model,
        engine=_name(engine),
        options=options,
        seed=seed,
        database=database,
    )
    question = Question(
        name=name,
        task=task,
        space=notation.changed(own, settings),
        model=model,
        engine=_name(engine),
        started=None if isinstance(engine, str | EngineOptions) else engine,
        options=options,
        search=search,
        budget=budget,
        wanted=wanted,
        seed=seed,
        database=database,
    )
    file.check_writable()
    return question, file


def answered(
    question: Question,
    file: AnswerFile,
    view: View,
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Result:
    """Run a study to its answer.

    Args:
        question: What is asked.
        file: What its answer file will say.
        view: Shows what goes on.
        on_progress: Told as well.
    """
    outcome = decoding.run(question, file, view, on_progress=on_progress)
    found, facts = outcome.finished.recommendation, outcome.finished.facts
    answer = Answer(
        study=question.name,
        sampler=question.search,
        space=outcome.space,
        facts=facts,
        engine_metrics=outcome.finished.metrics,
        recommendation=found,
        prices=question.budget.prices,
        recipe=file.recipe(
            found.recommended,
            found.default,
            evidence=evidence(found.verdict),
            facts=facts,
            confirmed=outcome.confirmed,
            scores=scores_of(found, found.recommended),
        ),
    )
    return Result(answer=answer, file=file)


def _name(engine: str | EngineOptions | Engine) -> str:
    if isinstance(engine, str):
        return engine
    if isinstance(engine, EngineOptions):
        return engine.engine
    return str(engine.facts.get("engine", type(engine).__name__))


def _options(engine: str | EngineOptions | Engine, more: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return (given(engine) if isinstance(engine, EngineOptions) else {}) | dict(more)
