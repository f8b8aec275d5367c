"""Continuous batching: every row is one sample under its own setting, replaced by the next as soon as it ends.

A row keeps its keys and values in the slot of its number; those of its prompt come there by `prefill.Prefill`.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from infertune.decoding.draw import Settings, draw
from infertune.decoding.noise import position_keys, sample_key
from infertune.decoding.text_stream import TextStream
from infertune.engines.hf.chat import RefusedPromptError
from infertune.engines.hf.language_model import LanguageModel
from infertune.engines.hf.prefill import Prefill
from infertune.types import REFUSED, FinishReason, Generation, Request, Response


@dataclass(slots=True)
class _Job:
    request: Request
    prompt: list[int]
    started: float
    ignore_eos: bool = False
    done: dict[int, Generation] = field(default_factory=dict)


@dataclass(slots=True)
class _Row:
    job: _Job
    sample: int
    key: int
    stream: TextStream
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    text_ends: list[int] = field(default_factory=list)

    @property
    def n_tokens(self) -> int:
        return len(self.job.prompt) + len(self.token_ids)


class Batch:
    """The samples being generated and those waiting for a row.

    Args:
        model: Generates.
        n_rows: Most samples generated at once.
        on_token: Is told of each token when it is drawn: its request, the sample's text so far, and whether it was
            the last.
    """

    def __init__(
        self,
        model: LanguageModel,
        n_rows: int,
        *,
        on_token: Callable[[Request, str, bool], None] = lambda request, text, is_last: None,
    ) -> None:
        self._model = model
        self._on_token = on_token
        self._rows: list[_Row | None] = []
        self._waiting: deque[tuple[_Job, int]] = deque()
        self._resize(n_rows)

    @property
    def n_rows(self) -> int:
        """Most samples generated at once."""
        return self._n_rows

    @property
    def busy(self) -> bool:
        """Whether a sample is being generated or waiting."""
        return bool(self._rows or self._waiting)

    @property
    def has_room(self) -> bool:
        """Whether another request would find a row free."""
        return len(self._rows) - self._rows.count(None) + len(self._waiting) < self._n_rows

    def add(self, request: Request, *, prompt: list[int] | None = None, ignore_eos: bool = False) -> Response | None:
        """Queue the samples of a request; return a failed response instead when the model can never be asked it.

        Args:
            request: With its prompt, unless that is given as token ids by ``prompt``.
            prompt: See there.
            ignore_eos: Whether a text goes on to ``max_tokens`` whatever is drawn.
        """
        started = time.perf_counter()
        try:
            prompt = self._model.encode(request.prompt) if prompt is None else prompt
        except RefusedPromptError as error:
            return _failed(_Job(request, [], started), f"{REFUSED}{error}")
        job = _Job(request, prompt, started, ignore_eos)
        if not prompt:
            return _failed(job, "the prompt must hold at least one token")
        if len(prompt) + request.decoding.max_tokens > self._model.context_tokens:
            return _failed(
                job,
                f"{REFUSED}prompt and max_tokens must fit the model's context of {self._model.context_tokens} tokens, "
                f"but the prompt has {len(prompt)} and max_tokens is {request.decoding.max_tokens}",
            )
        self._waiting.extend((job, sample) for sample in request.samples)
        return None

    def restart(self, n_rows: int) -> None:
        """Let go of all keys and values, and begin the samples in flight again with this many rows."""
        self._waiting.extendleft((row.job, row.sample) for row in reversed(self._rows) if row is not None)
        self._rows = []
        self._resize(n_rows)

    def drop(self, error: str) -> Response:
        """Give up the request that comes first and return it as failed, with what was generated for it."""
        rows = [row for row in self._rows if row is not None]
        self.restart(self._n_rows)
        job = self._waiting[0][0]
        self._waiting = deque(item for item in self._waiting if item[0] is not job)
        tokens = [row.token_ids for row in rows if row.job is job] + [each.token_ids for each in job.done.values()]
        return replace(
            _failed(job, error),
            extra_prompt_tokens=len(job.prompt) if any(tokens) else 0,
            extra_completion_tokens=sum(map(len, tokens)),
        )

    def cancel(self, example_id: str) -> None:
        """Forget the requests of an example, wherever their samples are."""
        self._waiting = deque(item for item in self._waiting if item[0].request.example_id != example_id)
        for slot, row in enumerate(self._rows):
            if row is not None and row.job.request.example_id == example_id:
                self._rows[slot] = None

    def step(self) -> list[Response]:
        """Fill the free rows, generate one token in every row, and return the requests that are finished."""
        with torch.inference_mode():
            finished = self._admit()
            self._close_gaps()
            if self._rows:
                rows = [row for row in self._rows if row is not None]
                finished += self._advance(range(len(rows)), self._decode(rows))
        return finished

    # Rows

    def _resize(self, n_rows: int) -> None:
        self._n_rows = n_rows
        self._prefill = Prefill(self._model, n_slots=max(n_rows, self._model.min_rows), n_together=n_rows)

    def _admit(self) -> list[Response]:
        finished: list[Response] = []
        while self._waiting and (free := self._free()):
            new = [(slot, *self._waiting.popleft()) for slot in free[: len(self._waiting)]]
            for slot, job, sample in new:
                key = sample_key(job.request.seed, job.request.example_id, sample)
                stream = TextStream(self._model.tokenizer, job.prompt, job.request.decoding.stop)
                self._rows[slot] = _Row(job, sample, key, stream)
            logits = self._prefill.bring([(slot, job.prompt) for slot, job, _ in new])
            finished += self._advance([slot for slot, _, _ in new], logits)
        return finished

    def _free(self) -> list[int]:
        """Return the numbers of the free rows, after extending the rows over all slots."""
        self._rows += [None] * (self._n_rows - len(self._rows))
        return [slot for slot, row in enumerate(self._rows) if row is None]

    def _close_gaps(self) -> None:
        """Move the last rows into the free ones, so that the rows at work are the first."""
        for slot in self._free():
            while self._rows and self._rows[-1] is None:
                self._rows.pop()
            if slot >= len(self._rows):
                break
            row = self._rows.pop()
            assert row is not None
            self._prefill.move(len(self._rows), slot, row.n_tokens)
            self._rows[slot] = row

    # Tokens

    def _decode(self, rows: Sequence[_Row]) -> Tensor:
        """Run the model over the last token of every row and return logits ``[rows, vocabulary]``."""
        idle = max(0, self._model.min_rows - len(rows))
        for slot in range(len(rows), len(rows) + idle):
            self._prefill.forget(slot)  # overwritten at position 0
        tokens = self._model.tensor([[row.token_ids[-1]] for row in rows] + [[0]] * idle)
        positions = self._model.tensor([[row.n_tokens - 1] for row in rows] + [[0]] * idle)
        return self._model.forward(self._prefill.cache, tokens, positions)[: len(rows)]

    def _advance(self, slots: Sequence[int], logits: Tensor) -> list[Response]:
        """Draw the next token of some rows, free those that end, and return the requests that are finished."""
        rows = [row for slot in slots if (row := self._rows[slot]) is not None]
        decodings = [row.job.request.decoding for row in rows]
        keys = position_keys(
            self._model.tensor([row.key for row in rows]), self._model.tensor([len(row.token_ids) for row in rows])
        )
        settings = Settings.of(decodings, self._model.device)
        tokens, logprobs = draw(logits, settings, keys, self._model.tensor(_history(rows)))
        finished = []
        for slot, row, token, logprob in zip(slots, rows, tokens.tolist(), logprobs.tolist(), strict=True):
            reason = self._append(row, token, logprob)
            self._on_token(row.job.request, row.stream.text, reason is not None)
            if reason is not None:
                self._rows[slot] = None
                row.job.done[row.sample] = _generation(row, reason)
                if len(row.job.done) == len(row.job.request.samples):
                    finished.append(_response(row.job))
        return finished

    def _append(self, row: _Row, token: int, logprob: float) -> FinishReason | None:
        row.token_ids.append(token)
        row.logprobs.append(logprob)
        row.text_ends.append(row.stream.append(token))
        if token in self._model.eos_ids and not row.job.ignore_eos:
            row.text_ends[-1] = row.stream.finish()
            return "stop"
        if row.stream.stopped:
            return "stop"
        return "length" if len(row.token_ids) == row.job.request.decoding.max_tokens else None


def _history(rows: Sequence[_Row]) -> list[list[int]]:
    """Return the tokens that a repetition penalty looks at, short and unpenalised rows filled up by repeating."""
    seen = [
        row.job.prompt + row.token_ids if row.job.request.decoding.repetition_penalty != 1 else row.job.prompt[:1]
        for row in rows
    ]
    longest = max(map(len, seen))
    return [ids + ids[:1] * (longest - len(ids)) for ids in seen]


def _generation(row: _Row, reason: FinishReason) -> Generation:
    return Generation(
        sample=row.sample,
        text=row.stream.text,
        token_ids=tuple(row.token_ids),
        logprobs=tuple(row.logprobs),
        text_ends=tuple(row.text_ends),
        finish_reason=reason,
    )


def _response(job: _Job) -> Response:
    return Response(
        request=job.request,
        generations=tuple(job.done[sample] for sample in job.request.samples),
        prompt_tokens=len(job.prompt),
        seconds=time.perf_counter() - job.started,
    )


def _failed(job: _Job, error: str) -> Response:
    seconds = time.perf_counter() - job.started
    return Response(request=job.request, generations=(), prompt_tokens=len(job.prompt), seconds=seconds, error=error)
