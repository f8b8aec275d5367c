"""Says what is wrong with a model folder, from names, sizes and headers alone: it takes milliseconds at any size."""

import os
from pathlib import Path

from infertune.engines.model_folder.adapter import adapter_in
from infertune.engines.model_folder.files import beginning, is_there, json_object
from infertune.engines.model_folder.weights import check_weights, other_format, weight_files
from infertune.errors import DataUnavailableError, InvalidInputError

_CONFIG = "config.json"
_JSON = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
    "vocab.json",
)
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "tekken.json")
_VOCABULARY_SUFFIXES = {".model", ".tiktoken", ".spm", ".vocab", ".bpe"}
_PLAIN = ("vocab.txt", "merges.txt", "chat_template.jinja")


def check_whole(folder: Path) -> None:
    """Raise an error unless a folder holds a model's or an adapter's configuration, and every file there is whole.

    Raises:
        DataUnavailableError: A file is missing, cut off, empty, or a pointer in place of a file.
        InvalidInputError: The folder or a file is something else, or cannot be read.
    """
    if not os.access(folder, os.R_OK | os.X_OK):
        raise InvalidInputError(f"the model folder {folder} must be readable: permission denied")
    for path in sorted(folder.iterdir()):
        if path.name in _JSON:
            json_object(path)
        elif path.name in _PLAIN or path.suffix in _VOCABULARY_SUFFIXES:
            beginning(path)
    if adapter_in(folder) is not None:
        return
    if not is_there(folder / _CONFIG):
        raise InvalidInputError(f"a model folder must hold a {_CONFIG}, and {folder} does not{_instead(folder)}")
    json_object(folder / _CONFIG)
    check_weights(folder)


def check_complete(folder: Path, *, tokenizer: bool = True) -> None:
    """Raise an error unless a folder holds an adapter, or a model for transformers: weights and a tokenizer.

    Args:
        folder: The model's.
        tokenizer: False where another folder's tokenizer will do.

    Raises:
        DataUnavailableError: As `check_whole`, or there are none.
        InvalidInputError: As `check_whole`.
    """
    check_whole(folder)
    if adapter_in(folder) is not None:
        return
    if not weight_files(folder):
        raise DataUnavailableError(
            f"{folder} must hold the model's weights, as model.safetensors or shards with their index, "
            f"and does not{other_format(folder)}"
        )
    if tokenizer and not has_tokenizer(folder):
        raise DataUnavailableError(
            f"{folder} must hold the model's tokenizer, such as tokenizer.json, and does not; copy it from the "
            "model that this one was made from"
        )


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds a vocabulary; a ``vocab.json`` is none without its merges."""
    names = {path.name for path in folder.iterdir()}
    found = [name for name in names if name in _VOCABULARIES or Path(name).suffix in _VOCABULARY_SUFFIXES]
    if found == ["vocab.json"] and "merges.txt" not in names:
        raise DataUnavailableError(f"{folder / 'merges.txt'} is missing, without which vocab.json is no tokenizer")
    return bool(found)


def _instead(folder: Path) -> str:
    """Return what a folder without a configuration is, or where the model may be, as a clause."""
    inner = sorted(
        path.parent for pattern in ("*/config.json", "snapshots/*/config.json") for path in folder.glob(pattern)
    )
    if inner:
        return f"; did you mean '{max(inner, key=lambda path: path.stat().st_mtime)}'?"
    if (folder / "model_index.json").exists():
        return ": it is a pipeline of diffusers, not a language model"
    if (folder / "params.json").exists():
        return ": it is in the format of the model's authors, so get or make the one of transformers"
    if not any(folder.iterdir()):
        return ": it is empty"
    return other_format(folder)
