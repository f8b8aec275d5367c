"""The study's trial log: an Optuna study in the same database as the bank, so that the ecosystem's tools open it."""

import json
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, column, func, select, table
from sqlalchemy.exc import DBAPIError

from infertune.bank.database import BUSY_SECONDS, check_whole, connect, create_tables, damaged, readable_errors
from infertune.bank.keys import digest_of
from infertune.bank.lease import Lease
from infertune.bank.sealed import seal, unseal
from infertune.errors import DataUnavailableError, InfertuneError, InvalidInputError
from infertune.space import SearchSpace
from infertune.study import optuna_trial
from infertune.study.evidence_log import EvidenceLog
from infertune.study.logged_trial import LoggedTrial, as_record, order_as_json, order_from_json, read
from infertune.study.renamed import canonical
from infertune.types import Configuration
from infertune.types.evidence import Evidence

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

__all__ = ["LoggedTrial", "TrialLog", "order_as_json", "order_from_json"]

_REUSE = (
    "restore a copy of it, or give another `study` name: the samples that are paid for are reused from the same file"
)
_OPENINGS = 10  # each fails for another process that came first with one of a few steps
_RECORD, _DIGEST = "infertune:trial", "infertune:digest"

# Optuna's own tables; it is asked to write, but is slow to read.
_STUDIES = table("studies", column("study_id"), column("study_name"))
_NOTES = table("study_user_attributes", column("study_id"), column("key"), column("value_json"))
_TRIALS = table("trials", column("trial_id"), column("study_id"), column("number"))
_ATTRIBUTES = table("trial_user_attributes", column("trial_id"), column("key"), column("value_json"))
_TOGETHER = ("studies", "study_directions", "study_user_attributes", "trials", "trial_params", "trial_user_attributes")


class TrialLog:
    """Reads and writes one named study; everything is on disk when a method returns.

    Any number of processes may open one file at once, a new one too, and any may be killed meanwhile.

    Args:
        url: Of the bank's database.
        study: Its name.
        lease: Of the study; None where no other process can run it.

    Raises:
        InvalidInputError: No such URL or folder, not a database, or another program's.
        DataUnavailableError: The database is damaged, not writable, or not reachable.
    """

    def __init__(self, url: str, study: str, lease: Lease | None = None) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._name = study
        self._lease = lease
        self._database = connect(url, own_prefix="bank_")
        with readable_errors(self._database):
            check_whole(self._database, _TOGETHER)
        with self._optuna(), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._storage = _storage(self._database)
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=study,
                directions=["maximize", "minimize"],
                load_if_exists=True,
            )
            self._study.set_metric_names(["utility", "tokens_per_request"])
        self._evidence = EvidenceLog(self._database, study)

    def note(self, key: str, value: Any) -> None:
        """Keep a small JSON value with the study.

        Raises:
            StudyInUseError: Another process has taken the study over.
        """
        self._check_held()
        with self._optuna():
            self._study.set_user_attr(f"infertune:{key}", seal(value, self._name, key))

    def noted(self, key: str) -> Any:
        """Return what was noted under ``key``, or None.

        Raises:
            DataUnavailableError: It is damaged.
        """
        value, is_sealed = self._noted(key)
        if value is not None and not is_sealed and self._noted("settings")[1]:
            raise self._damaged(f"the note '{key}'", "it has no digest")
        return value

    def _noted(self, key: str) -> tuple[Any, bool]:
        own = (_STUDIES.c.study_name == self._name) & (_NOTES.c.key == f"infertune:{key}")
        joined = _NOTES.join(_STUDIES, _NOTES.c.study_id == _STUDIES.c.study_id)
        with readable_errors(self._database), self._database.connect() as connection:
            text = connection.execute(select(_NOTES.c.value_json).select_from(joined).where(own)).scalar_one_or_none()
        if text is None:
            return None, False
        try:
            return unseal(json.loads(text), self._name, key)
        except (TypeError, ValueError) as error:
            raise self._damaged(f"the note '{key}'", str(error)) from error

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
        if not isinstance(known, dict):
            raise self._damaged("the note 'settings'", "they are no settings")
        if "sampler" in known:
            known = known | {"sampler": canonical(str(known["sampler"]))}
        differing = [key for key in settings if json.loads(json.dumps(settings[key])) != known.get(key)]
        if differing:
            found = "; ".join(
                "the task has changed (its data, prompts or scoring)"
                if key == "task_digest"
                else f"{key} was {known.get(key)!r}, now {settings[key]!r}"
                for key in differing
            )
            raise InvalidInputError(
                f"study '{self._name}' must go on with the settings it began with, but {found}; "
                "give another `study` name: samples already paid for are reused from the same file"
            )

    def trials(self) -> list[LoggedTrial]:
        """Return the finished trials in order.

        Raises:
            DataUnavailableError: One is damaged or missing.
        """
        joined = _STUDIES.join(_TRIALS, _TRIALS.c.study_id == _STUDIES.c.study_id)
        joined = joined.join(_ATTRIBUTES, _ATTRIBUTES.c.trial_id == _TRIALS.c.trial_id)
        asked = (
            select(_TRIALS.c.number, _ATTRIBUTES.c.key, _ATTRIBUTES.c.value_json)
            .select_from(joined)
            .where(_STUDIES.c.study_name == self._name, _ATTRIBUTES.c.key.in_((_RECORD, _DIGEST)))
            .order_by(_TRIALS.c.number)
        )
        held: dict[Any, dict[str, str]] = {}
        with readable_errors(self._database), self._database.connect() as connection:
            for number, key, text in connection.execute(asked):
                held.setdefault(number, {})[key] = text
        evidence = self._evidence.all() if held else {}
        _, is_sealed = self._noted("settings")  # an earlier version began the study without digests
        return [
            self._trial(at, attributes, evidence, is_sealed=is_sealed) for at, attributes in enumerate(held.values())
        ]

    def n_trials(self) -> int:
        """Return how many trials are finished."""
        joined = _STUDIES.join(_TRIALS, _TRIALS.c.study_id == _STUDIES.c.study_id)
        counted = select(func.count()).select_from(joined).where(_STUDIES.c.study_name == self._name)
        with readable_errors(self._database), self._database.connect() as connection:
            return int(connection.execute(counted).scalar_one())

    def append(self, space: SearchSpace, trial: LoggedTrial) -> None:
        """Add a finished trial; its parameters are those of the complete configuration, as the tools show them.

        Raises:
            StudyInUseError: Another process has taken the study over.
        """
        import optuna

        from infertune.samplers.optuna_space import distributions

        self._check_held()
        chosen = Configuration(trial.chosen or trial.configuration)
        record = json.dumps(as_record(trial))
        values = None if trial.utility is None or trial.cost_tokens is None else [trial.utility, trial.cost_tokens]
        frozen = optuna.create_trial(
            state=optuna.trial.TrialState.FAIL if values is None else optuna.trial.TrialState.COMPLETE,
            values=values,
            params=dict(chosen),
            distributions=distributions(space, chosen),
            user_attrs={
                _RECORD: record,
                _DIGEST: digest_of(self._name, record),
                "n_examples": trial.n_examples,
                "cause": trial.cause,
            },
        )
        self._evidence.put(trial.number, trial.evidence)
        with self._optuna():
            optuna_trial.write(self._storage, self._study, frozen)

    def _trial(
        self, at: int, attributes: Mapping[str, str], evidence: Mapping[int, Evidence], *, is_sealed: bool
    ) -> LoggedTrial:
        what = f"the record of trial {at}"
        try:
            record = json.loads(attributes[_RECORD])
            digest = json.loads(attributes[_DIGEST]) if is_sealed or _DIGEST in attributes else None
            if digest not in (None, digest_of(self._name, record)):
                raise ValueError("its digest is another")
            trial = read(record)
        except KeyError as error:
            raise self._damaged(what, f"there is no {error}") from error
        except (AttributeError, TypeError, ValueError) as error:
            raise self._damaged(what, str(error)) from error
        if trial.number != at:
            raise self._damaged(what, f"trial {trial.number} is in its place")
        kept = evidence.get(at)
        if kept is None or kept.order.configuration != Configuration(trial.configuration):
            return trial
        return replace(trial, evidence=kept)

    def _check_held(self) -> None:
        if self._lease is not None:
            self._lease.check()

    @contextmanager
    def _optuna(self) -> Iterator[None]:
        """Say in one line what Optuna cannot take in its tables, whatever it raises."""
        try:
            with readable_errors(self._database):
                yield
        except InfertuneError:
            raise
        except Exception as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise self._damaged("what Optuna keeps", said) from error

    def _damaged(self, what: str, why: str) -> DataUnavailableError:
        return damaged(self._database, f"{what} of study '{self._name}'", why, rescue=_REUSE)


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
