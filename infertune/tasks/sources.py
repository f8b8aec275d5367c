"""Where rows come from: a local file, or a data set of the Hugging Face hub."""

from collections.abc import Iterator
from pathlib import Path

from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.files import text_file
from infertune.tasks import datafile
from infertune.tasks.definition import Hub, Source
from infertune.tasks.table import Row, Table, row, table


def rows(source: Source, *, folder: Path, data: Path | None) -> Table:
    """Return the source's rows.

    Args:
        source: The task file's words.
        folder: Where the task file lies.
        data: What the user gave as ``--data``: the file itself, or a folder that holds it.

    Raises:
        InvalidInputError: A file cannot be read at all, or ``data`` has no such file.
        DataUnavailableError: There is no file, and the hub cannot be reached.
    """
    if data is not None:
        path = data / Path(source.path).name if data.is_dir() else data
        if not text_file.is_file(path):
            inside = ", ".join(sorted(entry.name for entry in data.iterdir())) if data.is_dir() else "nothing there"
            raise InvalidInputError(
                f"`data` {data}: must be or hold the file {path.name}; found {inside or 'nothing'}"
            )
        return datafile.read(path)
    path = folder / source.path
    if source.path and text_file.is_file(path):
        return datafile.read(path)
    if source.hub is None:
        raise DataUnavailableError(
            f"there is no data file {path}; correct 'path' in the task file, or give `data` PATH"
        )
    found = list(_hub_rows(source.hub, file_name=Path(source.path).name))
    return table(found, name=f"{source.hub.path} {source.hub.split}")


def _hub_rows(hub: Hub, *, file_name: str) -> Iterator[Row]:
    local = f"`data` PATH reads a local copy{f' (a folder with {file_name})' if file_name else ''}"
    try:
        import datasets
        import huggingface_hub
    except ImportError:
        raise DataUnavailableError(
            f"the data set {hub.path} needs datasets: pip install 'infertune[hf]'; {local}"
        ) from None
    if not _reachable(huggingface_hub.constants.ENDPOINT):
        # Both libraries read these when they are imported; without them each retries for about 20 seconds.
        huggingface_hub.constants.HF_HUB_OFFLINE = True
        datasets.config.HF_HUB_OFFLINE = True
    try:
        data_set = datasets.load_dataset(hub.path, hub.name, split=hub.split)
    except Exception as error:  # The libraries below raise anything from OSError to their own.
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise DataUnavailableError(f"the data set {hub.path} could not be fetched ({reason}); {local}") from None
    for number, value in enumerate(data_set, start=1):
        yield row(value, where=f"{hub.path} {hub.split}, row {number}")


def _reachable(endpoint: str) -> bool:
    import httpx

    try:
        httpx.head(endpoint, timeout=3.0)
    except httpx.HTTPError:
        return False
    return True
