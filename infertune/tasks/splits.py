"""The examples of a task: rows read, what repeats left out, and the rest in two splits that share no question."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infertune.errors import InfertuneError, InvalidInputError
from infertune.files import text_file
from infertune.tasks import examples, repeats, sources
from infertune.tasks.definition import Definition, Source
from infertune.tasks.division import divide, place, sizes
from infertune.tasks.examples import Case
from infertune.tasks.prompts import Template
from infertune.tasks.scorers.text import Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Divided:
    """The cases of both splits, which rows are left out, and how the data were read where that was a guess.

    Attributes:
        places: By example id where its row stands, in the order of the data.
    """

    tune: list[Case]
    confirm: list[Case]
    places: dict[str, str]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def read(
    definition: Definition, scorer: Scorer, templates: Iterable[Template], *, path: Path, data: Path | None
) -> Divided:
    """Read and divide the data of the task file at ``path``.

    Raises:
        InvalidInputError: The data cannot be used as they are, or are too few for the splits.
        DataUnavailableError: There is no data file, and the hub cannot be reached.
    """
    splits = definition.splits
    if isinstance(splits.tune, Source) and isinstance(splits.confirm, Source):
        own = (splits.tune, splits.confirm)
        if data is not None and data.is_file():
            files = " and ".join(Path(source.path).name for source in own)
            raise InvalidInputError(f"`data` {data}: must be a folder with {files} for this task, but is a file")
        given: tuple[Source, ...] = own
    else:
        given = (whole(definition.data),)
    tables = [sources.rows(source, folder=path.parent, data=data) for source in given]
    found = examples.cases(definition, scorer, tables)
    notes = (
        *(note for table in tables for note in table.notes),
        *(note for each in found for note in examples.doubts(each)),
    )
    left_out, kept = [], []
    for each in found:
        stay, why = repeats.once(each, templates)
        kept.append(stay)
        left_out += why
    if len(kept) == 2:
        kept[0], why = repeats.apart(kept[0], kept[1])
        left_out += why
        _apart_by_id(kept[0], kept[1])
        names = ("tune", "confirm")
        tune, confirm = (_first(kept[at], given[at], f"{path}: splits.{names[at]}", left_out) for at in (0, 1))
    else:
        by_id = {case.example.id: case for case in kept[0]}
        try:
            n_tune, n_confirm = sizes(splits, len(by_id))
        except InvalidInputError as error:
            why_few = "".join(f"; {note}" for note in left_out)
            raise InvalidInputError(f"{path}: {error}{why_few}") from None
        low, high = divide({name: case.answer for name, case in by_id.items()}, n_tune, n_confirm)
        tune, confirm = [by_id[name] for name in low], [by_id[name] for name in high]
    chosen = {case.example.id for case in (*tune, *confirm)}
    places = {case.example.id: case.where for each in kept for case in each if case.example.id in chosen}
    return Divided(tune=tune, confirm=confirm, places=places, left_out=tuple(left_out), notes=notes)


def unknown_columns(keys: Mapping[str, Any], *, path: Path, data: Path | None) -> list[str]:
    """Return a sentence for each unknown column of a task file that has other errors too, as far as can be told.

    Args:
        keys: The file's keys that are right.
    """
    source = whole(keys.get("data"))
    if data is None and not (source.path and text_file.is_file(path.parent / source.path)):
        return []
    try:
        table = sources.rows(source, folder=path.parent, data=data)
    except InfertuneError:
        return []
    return examples.unknown_columns(keys, table)


def whole(data: str | Source | None) -> Source:
    """Return the source of a task file's ``data``."""
    return data if isinstance(data, Source) else Source(path=data or "")


def _first(cases: list[Case], source: Source, where: str, left_out: list[str]) -> list[Case]:
    """Return as many cases as the source's ``count`` says, those of the lowest places."""
    count = len(cases) if source.count is None else source.count
    if not 0 < count <= len(cases):
        why = "".join(f"; {note}" for note in left_out)
        raise InvalidInputError(
            f"{where}: 'count' must be in 1..{len(cases)}, the examples there are, but is {count}{why}"
        )
    return sorted(cases, key=lambda case: (place(case.example.id), case.example.id))[:count]


def _apart_by_id(tune: list[Case], confirm: list[Case]) -> None:
    taken = {case.example.id: case.where for case in confirm}
    for case in tune:
        if case.example.id in taken:
            raise InvalidInputError(
                f"{case.where}: the id '{case.example.id}' is also that of {taken[case.example.id]}; ids must differ"
            )
