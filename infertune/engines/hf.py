"""The ``hf`` engine: any causal language model of transformers, in this process, with continuous batching.

Every row of the batch is one sample under its own setting. A finished row is replaced at once by the next sample;
the samples of one request share one pass over their prompt.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from infertune import models
from infertune.decoding.draw import WARPER_ORDER, Settings, draw
from infertune.decoding.noise import position_keys, sample_key
from infertune.engines.language_model import LanguageModel
from infertune.engines.slots import SlotCache
from infertune.engines.text_stream import TextStream
from infertune.types import FinishReason, Generation, Request, Response

_BLOCK_TOKENS = 32
_MIN_ROWS = 16


class HFEngine:
    """Runs a causal language model of transformers and answers requests with it.

    Args:
        model: ``bundled:...``, a local folder or a hub id.
        device: ``cuda``, ``mps`` or ``cpu``; by default the first that is there.
        dtype: ``float32``, ``bfloat16`` or ``float16``; by default what is fastest on the device.
        batch_size: Most samples generated at once; halves when memory runs out.
    """

    def __init__(
        self, model: str, *, device: str | None = None, dtype: str | None = None, batch_size: int | None = None
    ) -> None:
        self._model = LanguageModel(models.resolve(model), device=device, dtype=dtype)
        self._batch_size = batch_size or 64

    @property
    def facts(self) -> Mapping[str, str]:
        """The model's fingerprint, dtype, device type and the order of the warpers."""
        return {
            "engine": "hf",
            "model": self._model.fingerprint(),
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "device": self._model.device.type,
            "warpers": WARPER_ORDER,
        }

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        """Yield one response per request as each finishes; requests are pulled when a row is free."""
        batch = _Batch(self._model, self._batch_size)
        source = iter(requests)
        more = True
        while more or batch.busy:
            while more and batch.has_room:
                request = next(source, None)
                if request is None:
                    more = False
                    break
                batch.add(request)
            yield from batch.step()

    def close(self) -> None:
        """Free the model."""


@dataclass
class _Job:
    request: Request
    prompt: list[int]
    started: float
    logits: Tensor | None = None  # of the prompt's last token [vocabulary]
    done: dict[int, Generation] = field(default_factory=dict)


@dataclass
class _Row:
    job: _Job
    sample: int
    key: int
    stream: TextStream
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    text_ends: list[int] = field(default_factory=list)


class _Batch:
    def __init__(self, model: LanguageModel, n_slots: int) -> None:
        self._model = model
        self._n = n_slots
        self._cache = SlotCache(max(n_slots, _MIN_ROWS))
        self._rows: list[_Row] = []  # row i is in slot i
        self._waiting: deque[tuple[_Job, int]] = deque()
        self._failed: list[Response] = []

    @property
    def busy(self) -> bool:
        return bool(self._rows or self._waiting or self._failed)

    @property
    def has_room(self) -> bool:
        return len(self._rows) + len(self._waiting) < self._n

    def add(self, request: Request) -> None:
        started = time.perf_counter()
        prompt = self._model.encode(request.prompt)
        if len(prompt) + request.decoding.max_tokens > self._model.context_tokens:
            error = (
                f"prompt of {len(prompt)} tokens plus max_tokens {request.decoding.max_tokens} must fit the model's "
                f"context of {self._model.context_tokens} tokens"
            )
            self._failed.append(
                Response(request=request, generations=(), prompt_tokens=len(prompt), seconds=0.0, error=error)
            )
            return
        job = _Job(request, prompt, started)
        self._waiting.extend((job, sample) for sample in request.samples)

    @torch.inference_mode()
    def step(self) -> list[Response]:
        finished, self._failed = self._failed, []
        if self._rows:
            n = len(self._rows)
            size = max(n, _MIN_ROWS)
            tokens = torch.zeros((size, 1), dtype=torch.int64)
            positions = torch.zeros((size, 1), dtype=torch.int64)
            tokens[:n, 0] = torch.tensor([row.token_ids[-1] for row in self._rows])
            positions[:n, 0] = torch.tensor([len(row.job.prompt) + len(row.token_ids) - 1 for row in self._rows])
            logits = self._model.forward(self._cache, tokens, positions)[:n]
            finished += self._advance(range(n), logits)
        while self._waiting and len(self._rows) < self._n:
            new = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._n - len(self._rows)))]
            first = len(self._rows)
            jobs: dict[int, tuple[_Job, list[int]]] = {}
            for job, sample in new:
                decoding = job.request.decoding
                key = sample_key(job.request.seed, job.request.example_id, sample)
                jobs.setdefault(id(job), (job, []))[1].append(len(self._rows))
                self._rows.append(_Row(job, sample, key, TextStream(self._model.tokenizer, job.prompt, decoding.stop)))
            self._prefill(list(jobs.values()))
            logits = torch.stack([row.job.logits for row in self._rows[first:]])
            finished += self._advance(range(first, len(self._rows)), logits)
        return finished

    def _prefill(self, jobs: list[tuple[_Job, list[int]]]) -> None:
        tokens, positions, slots, keep = [], [], [], []
        for job, job_slots in jobs:
            for start in range(0, len(job.prompt), _BLOCK_TOKENS):
                block = job.prompt[start : start + _BLOCK_TOKENS]
                tokens.append(block + [0] * (_BLOCK_TOKENS - len(block)))
                positions.append(range(start, start + _BLOCK_TOKENS))
                slots.append(job_slots[0])
            keep.append((len(tokens) - 1, (len(job.prompt) - 1) % _BLOCK_TOKENS))
        logits = self._model.forward(
            self._cache,
            torch.tensor(tokens),
            torch.tensor([list(p) for p in positions]),
            torch.tensor(slots),
            (torch.tensor([r for r, _ in keep]), torch.tensor([c for _, c in keep])),
        )
        for (job, job_slots), row in zip(jobs, logits, strict=True):
            job.logits = row
            if len(job_slots) > 1:
                self._cache.copy(job_slots[0], job_slots[1:], len(job.prompt))

    def _advance(self, indices: range, logits: Tensor) -> list[Response]:
        rows = [self._rows[i] for i in indices]
        settings = Settings.of([row.job.request.decoding for row in rows], self._model.device)
        keys = position_keys(
            torch.tensor([row.key for row in rows]), torch.tensor([len(row.token_ids) for row in rows])
        )
        if any(row.job.request.decoding.repetition_penalty != 1 for row in rows):
            seen = [row.job.prompt + row.token_ids for row in rows]
            longest = max(map(len, seen))
            history = torch.tensor([ids + ids[:1] * (longest - len(ids)) for ids in seen])
        else:
            history = torch.zeros((len(rows), 1), dtype=torch.int64)
        chosen, logprobs = draw(logits, settings, keys, history)
        finished = []
        gone = []
        for i, row, token, logprob in zip(indices, rows, chosen.tolist(), logprobs.tolist(), strict=True):
            reason = self._append(row, token, logprob)
            if reason is None:
                continue
            gone.append(i)
            job = row.job
            end = len(row.stream.text)
            job.done[row.sample] = Generation(
                sample=row.sample,
                text=row.stream.text,
                token_ids=tuple(row.token_ids),
                logprobs=tuple(row.logprobs),
                text_ends=tuple(min(e, end) for e in row.text_ends),
                finish_reason=reason,
            )
            if len(job.done) == len(job.request.samples):
                finished.append(
                    Response(
                        request=job.request,
                        generations=tuple(job.done[s] for s in job.request.samples),
                        prompt_tokens=len(job.prompt),
                        seconds=time.perf_counter() - job.started,
                    )
                )
        for i in reversed(gone):
            last = len(self._rows) - 1
            if i != last:
                row = self._rows[last]
                self._cache.copy(last, [i], len(row.job.prompt) + len(row.token_ids))
                self._rows[i] = row
            self._rows.pop()
        return finished

    def _append(self, row: _Row, token: int, logprob: float) -> FinishReason | None:
        row.token_ids.append(token)
        row.logprobs.append(logprob)
        row.text_ends.append(row.stream.append(token))
        if token in self._model.eos_ids:
            row.text_ends[-1] = row.stream.finish()
            return "stop"
        if row.stream.stopped:
            return "stop"
        if len(row.token_ids) == row.job.request.decoding.max_tokens:
            return "length"
        return None
