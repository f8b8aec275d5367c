"""The weight files of a model folder: which ones transformers loads, and whether they hold what they promise."""

import json
import re
import zipfile
from pathlib import Path

from infertune.engines.model_folder.files import beginning, is_there, json_object
from infertune.errors import DataUnavailableError, InvalidInputError

_SINGLE = ("model.safetensors", "pytorch_model.bin")
_INDEX = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_SHARD = re.compile(r".*-\d{5}-of-\d{5}\.(safetensors|bin)")

_MOST_HEADER_BYTES = 100_000_000  # the limit of the safetensors format

_OTHER_FORMATS = {
    ".gguf": "is GGUF, which llama.cpp's server reads: run that and use `engine` openai",
    ".onnx": "is ONNX",
    ".h5": "is TensorFlow's",
    ".msgpack": "is Flax's",
    ".pth": "is in the format of the model's authors",
    ".pt": "is in the format of the model's authors",
    ".incomplete": "is an unfinished download",
    ".part": "is an unfinished download",
    ".crdownload": "is an unfinished download",
}


def weight_files(folder: Path) -> list[Path]:
    """Return the weight files that transformers loads, in its order of preference; none where there are none.

    Raises:
        DataUnavailableError: There are shards and no index, or the index is not here.
        InvalidInputError: The index is none.
    """
    for single, index in zip(_SINGLE, _INDEX, strict=True):
        for name in (single, index):
            if is_there(folder / name):
                return (
                    [folder / name]
                    if name == single
                    else sorted({folder / shard for shard in _map(folder / name).values()})
                )
    shards = sorted(path.name for path in folder.iterdir() if _SHARD.fullmatch(path.name))
    if shards:
        index = _INDEX[shards[0].endswith(".bin")]
        raise DataUnavailableError(
            f"{folder / index} is missing, and {shards[0]} is of no use without; download it again"
        )
    return []


def check_weights(folder: Path) -> None:
    """Raise an error where a weight file that would be loaded is missing, cut off or not what the index says."""
    files = weight_files(folder)
    held: dict[Path, set[str] | None] = {}
    for number, path in enumerate(files, 1):
        if not is_there(path):
            raise DataUnavailableError(
                f"{path} is missing, shard {number} of {len(files)} of the model's index; download it again"
            )
        held[path] = check_file(path)
    index = next((folder / name for name in _INDEX if is_there(folder / name)), None)
    if index is None or files[0].name in _SINGLE:
        return
    for tensor, shard in sorted(_map(index).items()):
        names = held[folder / shard]
        if names is not None and tensor not in names:
            raise InvalidInputError(
                f"{folder / shard} must hold the tensor '{tensor}', as {index.name} says, but does not; "
                "shards and index are of different models or versions"
            )


def other_format(folder: Path) -> str:
    """Return what a folder has in place of weights that can be loaded, as a clause; empty for nothing."""
    for path in sorted(folder.iterdir()):
        if path.suffix in _OTHER_FORMATS and path.is_file():
            return f"; {path.name} {_OTHER_FORMATS[path.suffix]}"
    return ""


def _map(index: Path) -> dict[str, str]:
    """Return the shard's name of each tensor."""
    shards = json_object(index).get("weight_map")
    if not isinstance(shards, dict) or not shards or not all(isinstance(name, str) for name in shards.values()):
        raise InvalidInputError(f"{index} must have 'weight_map', the file of each tensor")
    for name in shards.values():
        if name != Path(name).name:
            raise InvalidInputError(f"{index} must name files in its own folder, not '{name}'")
    return shards


def check_file(path: Path) -> set[str] | None:
    """Return the names of a file's tensors, None where its format hides them; raise an error where it is cut off."""
    first = beginning(path)
    if path.suffix == ".safetensors":
        return _safetensors(path, first)
    if first.startswith(b"PK") and not zipfile.is_zipfile(path):
        raise DataUnavailableError(
            f"{path} is cut off: it ends after {path.stat().st_size:,} bytes; download it again"
        )
    return None


def _safetensors(path: Path, first: bytes) -> set[str]:
    size, header_bytes = path.stat().st_size, int.from_bytes(first[:8], "little")
    if header_bytes > _MOST_HEADER_BYTES or (len(first) > 8 and first[8:9] != b"{"):
        raise InvalidInputError(f"{path} is no safetensors file: its first bytes are not the size of a header")
    if size < 8 + header_bytes:
        raise DataUnavailableError(f"{path} is cut off within its header, after {size:,} bytes; download it again")
    with path.open("rb") as file:
        file.seek(8)
        raw = file.read(header_bytes)
    try:
        header = {name: each for name, each in json.loads(raw).items() if name != "__metadata__"}
        promised = 8 + header_bytes + max((each["data_offsets"][1] for each in header.values()), default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise InvalidInputError(f"{path} is no safetensors file: its header must list the tensors as JSON") from None
    if size < promised:
        raise DataUnavailableError(
            f"{path} is cut off: it must have {promised:,} bytes, as its header says, but has {size:,}; "
            "download it again"
        )
    if size > promised:
        raise InvalidInputError(f"{path} must have {promised:,} bytes, as its header says, but has {size:,}")
    return set(header)
