"""Finds a model by name: bundled in a package, in a local folder, or on the hub."""

import hashlib
from pathlib import Path

from infertune.engines import bundled, model_folder
from infertune.errors import DataUnavailableError, InfertuneError, InvalidInputError

_HUB_FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
_HUB_TIMEOUT_SECONDS = 10


def resolve(name: str, *, adapters: bool = False) -> Path:
    """Return the local folder of a model, converting or downloading it first where needed.

    Args:
        name: ``bundled:...``, a folder that holds a ``config.json``, or a hub id.
        adapters: Whether a folder may also hold an adapter of peft; `base_of` then finds its base model.

    Raises:
        InvalidInputError: The name is none of these, or a file in the folder is not what its name says.
        DataUnavailableError: The package is not installed, the hub does not have it or cannot be reached, or files of
            the folder are missing or cut off.
    """
    folder = _found(name)
    model_folder.check_whole(folder)
    if not adapters and model_folder.adapter_in(folder) is not None:
        raise InvalidInputError(
            f"{folder} must hold a whole model, but holds an adapter: only the engine hf loads it with its base; "
            "for others merge the two with peft's merge_and_unload() and save the result"
        )
    return folder


def base_of(folder: Path) -> Path | None:
    """Return the folder of the base model where a folder holds an adapter of peft; None where it holds a model.

    Raises:
        InvalidInputError: The base is an adapter as well, or broken.
        DataUnavailableError: The base is not on this machine and could not be fetched.
    """
    adapter = model_folder.adapter_in(folder)
    if adapter is None:
        return None
    beside = folder / adapter.base
    try:
        return resolve(str(beside) if beside.is_dir() else adapter.base)
    except InfertuneError as error:
        kind = InvalidInputError if Path(adapter.base).expanduser().is_dir() else DataUnavailableError
        raise kind(
            f"the adapter in {folder} needs its base model '{adapter.base}' (base_model_name_or_path in "
            f"adapter_config.json): {error.text}"
        ) from error


def fingerprint(folder: Path) -> str:
    """Return a digest of a model's files; of an adapter, of its base's as well."""
    digest, base = model_folder.digest(folder), base_of(folder)
    return digest if base is None else hashlib.sha256(f"{digest} {fingerprint(base)}".encode()).hexdigest()[:16]


def _found(name: str) -> Path:
    if name.startswith(bundled.PREFIX):
        return bundled.fetch(name).folder
    folder = Path(name).expanduser()
    try:
        if folder.is_dir():
            return folder
        if folder.exists():
            raise InvalidInputError(f"`model` must be a folder, and {folder} is a file")
    except OSError as error:
        raise InvalidInputError(f"no model folder at {folder}: {error.strerror}") from error
    if name.startswith((".", "~", "/")) or name.count("/") > 1 or folder.is_absolute():
        raise InvalidInputError(f"no model folder at {folder}")
    return _from_hub(name)


def _from_hub(name: str) -> Path:
    """Return the hub cache's folder of a model, downloaded when it is not there yet."""
    try:
        from huggingface_hub import HfApi, snapshot_download
        from huggingface_hub.errors import HFValidationError
    except ImportError as error:
        raise DataUnavailableError(
            f"a hub model needs the extra [hf]: pip install 'infertune[hf]' ({error})"
        ) from error
    try:
        try:
            cached = Path(snapshot_download(name, allow_patterns=_HUB_FILES, local_files_only=True))
            model_folder.check_complete(cached, tokenizer=False)
            return cached
        except (FileNotFoundError, InfertuneError):  # not there, or not all of it
            pass
        HfApi().model_info(name, timeout=_HUB_TIMEOUT_SECONDS)  # fails at once where a download would retry
        return Path(snapshot_download(name, allow_patterns=_HUB_FILES, etag_timeout=_HUB_TIMEOUT_SECONDS))
    except HFValidationError as error:
        raise InvalidInputError(
            f"'{name}' is no model: it must be one of {', '.join(bundled.BUNDLES)}, a folder with a config.json, or a "
            "hub id"
        ) from error
    except Exception as error:  # the hub client raises its own, its HTTP library's and the system's errors alike
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataUnavailableError(
            f"model '{name}' is no local folder and could not be fetched from the hub: {reason}"
        ) from error
