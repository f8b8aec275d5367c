"""The ``hf`` engine: any causal language model of transformers, in this process."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import torch

from infertune.decoding.draw import WARPER_ORDER
from infertune.engines import cache, models
from infertune.engines.hf.batch import Batch
from infertune.engines.hf.language_model import LanguageModel
from infertune.errors import EngineError, InvalidInputError
from infertune.space.names import PROMPT_KIND
from infertune.types import Request, Response, Unsupported

_BATCH_SIZE = {"cuda": 256}
_BATCH_SIZE_OTHERWISE = 64

_MEMORY_MESSAGES = ("out of memory", "not enough memory", "can't allocate memory")


class HFEngine:
    """Runs a causal language model of transformers and answers requests with it.

    Args:
        model: ``bundled:...``, a local folder or a hub id.
        device: ``cuda``, ``mps`` or ``cpu``; by default the first that is there.
        dtype: ``float32``, ``bfloat16`` or ``float16``; by default what computes fastest on the device.
        batch_size: Most samples generated at once, at least 1. By default 256 on cuda and 64 elsewhere, or what
            fitted last time. Halves when memory runs out.
        threads: CPU threads for all of torch in this process; by default torch's own choice.
    """

    def __init__(
        self,
        model: str,
        *,
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int | None = None,
        threads: int | None = None,
    ) -> None:
        for name, value in (("batch_size", batch_size), ("threads", threads)):
            if value is not None and value < 1:
                raise InvalidInputError(f"{name} must be at least 1, not {value}")
        if threads is not None:
            torch.set_num_threads(threads)
        folder = models.resolve(model, adapters=True)
        self._model: LanguageModel | None = LanguageModel(folder, device=device, dtype=dtype)
        self._facts = {
            "engine": "hf",
            "model": models.fingerprint(folder),
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "device": self._model.device.type,
            "warpers": WARPER_ORDER,
        }
        chat = self._model.chat
        self._unsupported = tuple(
            Unsupported(name=PROMPT_KIND, value=kind, reason=reason)
            for kind, reason in (("chat", chat.problem), ("system", chat.no_system))
            if reason
        )
        self._size_file = _size_file(self._facts)
        default = default_batch_size(self._model.device.type)
        self._batch_size = batch_size or min(default, _remembered(self._size_file))

    @property
    def facts(self) -> Mapping[str, str]:
        """The model's fingerprint, dtype, device type and the order of the warpers."""
        return dict(self._facts)

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        """No setting, for every one is applied here; prompts that the model's chat template does not take."""
        return self._unsupported

    @property
    def batch_size(self) -> int:
        """Most samples generated at once, after what memory has taught."""
        return self._batch_size

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        """Yield one response per request as each finishes; a request is pulled when a row is free for it."""
        if self._model is None:
            raise EngineError("this engine is closed")
        batch = Batch(self._model, self._batch_size)
        source: Iterator[Request | None] | None = iter(requests)
        while source is not None or batch.busy:
            while source is not None and batch.has_room:
                try:
                    request = next(source)
                except StopIteration:
                    source = None
                else:
                    if request is None:
                        break
                    failed = batch.add(request)
                    if failed is not None:
                        yield failed
            if not batch.busy:
                return
            yield from self._step(batch)

    def close(self) -> None:
        """Free the model; the engine answers no more."""
        self._model = None

    def _step(self, batch: Batch) -> list[Response]:
        """Advance the batch by a token, with half as many rows from then on if memory runs out."""
        try:
            finished: list[Response] = batch.step()
            return finished
        except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
            if not is_about_memory(error):
                raise
            message = str(error)
        # Outside the handler, because the exception's traceback holds on to the tensors of the failed step.
        if batch.n_rows == 1:
            return [batch.drop(f"the request does not fit in memory, even alone: {message}")]
        self._batch_size = max(1, batch.n_rows // 2)
        batch.restart(self._batch_size)
        _remember(self._size_file, self._batch_size)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return []


def default_batch_size(device_type: str) -> int:
    """Return how many samples are generated at once unless memory is short."""
    return _BATCH_SIZE.get(device_type, _BATCH_SIZE_OTHERWISE)


def is_about_memory(error: Exception) -> bool:
    """Whether an error of torch or Python says that there is not enough memory."""
    return isinstance(error, MemoryError) or any(message in str(error).lower() for message in _MEMORY_MESSAGES)


def _size_file(facts: Mapping[str, str]) -> Path:
    return cache.folder() / "batch_sizes" / "-".join(facts[key] for key in ("model", "device", "dtype"))


def _remembered(file: Path) -> int:
    """Return the batch size that fitted in an earlier process, or a very large number."""
    try:
        return max(1, int(file.read_text()))
    except (OSError, ValueError):
        return 2**31


def _remember(file: Path, batch_size: int) -> None:
    """Note a batch size for later processes; where the cache cannot be written, they will find out themselves."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "w") as stream:
            stream.write(str(batch_size))
        Path(partial).replace(file)
