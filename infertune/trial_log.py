"""The study's trial log: an Optuna study in the same database as the bank, so that the ecosystem's tools open it."""

import json
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from infertune.allocators import Order
from infertune.database import BUSY_SECONDS, connect, create_tables, readable_errors
from infertune.errors import InvalidInputError
from infertune.space import Configuration, SearchSpace

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

_OPENINGS = 10  # each fails for another process that came first with one of a few steps


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedTrial:
    """One finished trial.

    Attributes:
        configuration: Values of the request tier, as proposed.
        n_planned: How many examples it was to be evaluated on.
        order: Which those are, and of how many samples; None for the first of ``tune`` as the study's plan has it.
        unanswered: Examples of the order whose requests failed.
        n_examples: Examples whose requests did not fail.
        chosen: The complete configuration with the best replay choice within the cap, or the cheapest when none is.
        utility: Mean utility of ``chosen`` on the trial's examples; None when every request failed.
        cost_tokens: Mean tokens per request of ``chosen`` in use.
        over_cap_tokens: Above 0 by how much even the cheapest choice breaks the cost cap.
        cause: Why the trial failed; empty when it did not.
    """

    number: int
    configuration: Mapping[str, Any]
    n_planned: int
    n_examples: int = 0
    chosen: Mapping[str, Any] = field(default_factory=dict)
    utility: float | None = None
    cost_tokens: float | None = None
    over_cap_tokens: float = 0.0
    cause: str = ""
    order: Order | None = None
    unanswered: tuple[int, ...] = ()


def order_as_json(order: Order) -> dict[str, Any]:
    """Return an order in lists, mappings and scalars."""
    return {
        "configuration": dict(order.configuration),
        "examples": list(order.examples),
        "n_samples": order.n_samples,
        "max_tokens": order.max_tokens,
    }


def order_from_json(value: Mapping[str, Any]) -> Order:
    """Return the order that ``order_as_json`` was given."""
    return Order(
        configuration=Configuration(value["configuration"]),
        examples=tuple(value["examples"]),
        n_samples=value["n_samples"],
        max_tokens=value["max_tokens"],
    )


class TrialLog:
    """Reads and writes one named study; everything is on disk when a method returns.

    Any number of processes may open one file at once, a new one too, and any may be killed meanwhile.

    Raises:
        InvalidInputError: No such URL or folder, not a database, or another program's.
        DataUnavailableError: The database is damaged, not writable, or not reachable.
    """

    def __init__(self, url: str, study: str) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._database = connect(url, own_prefix="bank_")
        with readable_errors(self._database), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study = optuna.create_study(
                storage=_storage(self._database),
                study_name=study,
                directions=["maximize", "minimize"],
                load_if_exists=True,
            )
            self._study.set_metric_names(["utility", "tokens_per_request"])

    def note(self, key: str, value: Any) -> None:
        """Keep a small JSON value with the study."""
        with readable_errors(self._database):
            self._study.set_user_attr(f"infertune:{key}", json.dumps(value, sort_keys=True))

    def noted(self, key: str) -> Any:
        """Return what was noted under ``key``, or None."""
        with readable_errors(self._database):
            text = self._study.user_attrs.get(f"infertune:{key}")
        return None if text is None else json.loads(text)

    def claim(self, settings: Mapping[str, Any]) -> None:
        """Bind the study to its settings at the first run; refuse another run under other ones."""
        if self.noted("settings") is None:
            self.note("settings", dict(settings))
        self.check(settings)

    def check(self, settings: Mapping[str, Any]) -> None:
        """Refuse a run under other settings than the study is bound to; these may be a part of them."""
        known = self.noted("settings")
        if known is None:
            return
        differing = [key for key in settings if json.loads(json.dumps(settings[key])) != known.get(key)]
        if differing:
            found = "; ".join(
                "the task has changed (its data, prompts or scoring)"
                if key == "task_digest"
                else f"{key} was {known.get(key)!r}, now {settings[key]!r}"
                for key in differing
            )
            raise InvalidInputError(
                f"study '{self._study.study_name}' must go on with the settings it began with, but {found}; "
                "give another --study name: samples already paid for are reused from the same file"
            )

    def trials(self) -> list[LoggedTrial]:
        """Return the finished trials in order."""
        with readable_errors(self._database):
            trials = self._study.trials
        return [_trial(json.loads(trial.user_attrs["infertune:trial"])) for trial in trials]

    def append(self, space: SearchSpace, trial: LoggedTrial) -> None:
        """Add a finished trial; its parameters are those of the complete configuration, as the tools show them."""
        import optuna

        from infertune.samplers.optuna_space import distributions

        chosen = Configuration(trial.chosen or trial.configuration)
        record = {name: getattr(trial, name) for name in LoggedTrial.__slots__}
        record["order"] = trial.order and order_as_json(trial.order)
        values = None if trial.utility is None or trial.cost_tokens is None else [trial.utility, trial.cost_tokens]
        frozen = optuna.create_trial(
            state=optuna.trial.TrialState.FAIL if values is None else optuna.trial.TrialState.COMPLETE,
            values=values,
            params=dict(chosen),
            distributions=distributions(space, chosen),
            user_attrs={
                "infertune:trial": json.dumps(record),
                "n_examples": trial.n_examples,
                "cause": trial.cause,
            },
        )
        with readable_errors(self._database):
            self._study.add_trial(frozen)


def _storage(database: Engine) -> "RDBStorage":
    """Open Optuna's storage; Optuna alone takes neither a file whose maker was killed midway, nor a second maker."""
    from optuna.storages import RDBStorage
    from optuna.storages._rdb.models import BaseModel

    url = database.url.render_as_string(hide_password=False)
    patience = {}
    if database.url.get_backend_name() == "sqlite":
        patience = {"connect_args": {"timeout": BUSY_SECONDS}}
        # Where Optuna finds a table, it does not look for its indices, and one of them keeps names unique. It tells
        # nobody its tables but in a private module.
        create_tables(database, BaseModel.metadata)
    database.dispose()  # from here on the storage has connections of its own
    for _ in range(_OPENINGS):
        with suppress(DBAPIError):  # another process has just made what this one was about to
            return RDBStorage(url, engine_kwargs=patience)
        time.sleep(0.01)
    return RDBStorage(url, engine_kwargs=patience)


def _trial(record: dict[str, Any]) -> LoggedTrial:
    """Return what ``append`` wrote; earlier versions knew no orders."""
    order = record.pop("order", None)
    unanswered = tuple(record.pop("unanswered", ()))
    return LoggedTrial(**record, order=None if order is None else order_from_json(order), unanswered=unanswered)
