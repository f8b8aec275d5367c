"""Tasks kept beside their studies, with every example, so that a study is read again on any machine."""

import zlib
from pathlib import Path

import msgspec
from sqlalchemy import Column, LargeBinary, MetaData, String, Table, select

from infertune.bank.database import connect, create_tables, damaged, readable_errors
from infertune.bank.keys import digest_of
from infertune.bank.tables import INSERT, RESCUE
from infertune.errors import DataUnavailableError
from infertune.tasks import Task, remade
from infertune.tasks.calls import ScoreItself, calls_task
from infertune.tasks.definition import Definition
from infertune.tasks.own_function import FunctionScorer, is_of_this_folder
from infertune.tasks.prompts import Template
from infertune.types import Example, Message

_MOST_BYTES = 2**30  # of a task, so that a file from elsewhere cannot fill the memory

_TABLES = MetaData()
_TASKS = Table(
    "bank_tasks",
    _TABLES,
    Column("digest", String(32), primary_key=True),
    Column("content", LargeBinary, nullable=False),  # zlib of JSON
)


class _Kept(msgspec.Struct, frozen=True):
    """A task as it is written.

    Attributes:
        of_calls: Whether it is the task of a Python function.
        own_scorer: Whether it is scored by a function that no task file names, which cannot be kept.
    """

    name: str
    definition: Definition
    templates: dict[str, Template]
    tune: tuple["_Case", ...]
    confirm: tuple["_Case", ...]
    of_calls: bool = False
    own_scorer: bool = False


class _Case(msgspec.Struct, frozen=True):
    id: str
    fields: dict[str, str | tuple[Message, ...]]
    reference: str


def keep(url: str | Path, task: Task) -> str:
    """Keep a task, unless it is there already; return its key."""
    content = zlib.compress(msgspec.json.encode(_plain(task)))
    key = digest_of(content)
    database = connect(url, own_prefix="bank_")
    try:
        with readable_errors(database):
            create_tables(database, _TABLES)
            insert = INSERT[database.url.get_backend_name()]
            with database.begin() as connection:
                row = {"digest": key, "content": content}
                connection.execute(insert(_TASKS).on_conflict_do_nothing(), row)
    finally:
        database.dispose()
    return key


def kept(url: str | Path, key: str) -> Task:
    """Return a task that was kept.

    Raises:
        DataUnavailableError: It is not there, or damaged; or it names a function that is not in this folder, for a
            database may come from anybody.
    """
    database = connect(url, own_prefix="bank_")
    try:
        with readable_errors(database):
            create_tables(database, _TABLES)
            with database.connect() as connection:
                content = connection.execute(select(_TASKS.c.content).where(_TASKS.c.digest == key)).scalar()
        if content is None or digest_of(content) != key:
            why = "it is not there" if content is None else "its digest is another"
            raise damaged(database, "the task of a study", why, rescue=RESCUE)
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(content, _MOST_BYTES)
        if not unpacking.eof:
            raise damaged(database, "the task of a study", "it is larger than 1 GB", rescue=RESCUE)
        try:
            found = msgspec.json.decode(text, type=_Kept)
        except msgspec.ValidationError as error:
            raise DataUnavailableError(f"the task of the study is of another infertune: {error}") from error
    finally:
        database.dispose()
    tune, confirm = (tuple(map(_example, cases)) for cases in (found.tune, found.confirm))
    if found.of_calls:
        return calls_task(found.name, tune=tune, confirm=confirm)
    for name in found.definition.functions:
        if not is_of_this_folder(name):
            raise DataUnavailableError(
                f"the task '{found.name}' names the function {name}, and a function that a database names is run only "
                "where its module is in this folder: run the command there"
            )
    return remade(found.definition, found.templates, tune=tune, confirm=confirm, without_scorer=found.own_scorer)


def _plain(task: Task) -> _Kept:
    return _Kept(
        name=task.name,
        definition=task.definition,
        templates=dict(task.prompts),
        tune=tuple(map(_case, task.tune)),
        confirm=tuple(map(_case, task.confirm)),
        of_calls=isinstance(task.scorer, ScoreItself),
        own_scorer=isinstance(task.scorer, FunctionScorer) and not _names_scorer(task.definition),
    )


def _names_scorer(definition: Definition) -> bool:
    scorer = definition.scorer
    return ":" in (scorer if isinstance(scorer, str) else scorer.name)


def _case(example: Example) -> _Case:
    return _Case(id=example.id, fields=dict(example.fields), reference=example.reference)


def _example(case: _Case) -> Example:
    return Example(id=case.id, fields=case.fields, reference=case.reference)
