"""Transformers' own ways to generate, behind a server: ``generate`` in static batches, and continuous batching."""

import itertools
import os
import queue
import threading
from typing import Any

import torch
from torch import Tensor
from transformers import ContinuousBatchingConfig, GenerationConfig, StoppingCriteria

from infertune.decoding.text_stream import TextStream
from infertune.engines.hf.chat import ChatTemplate
from infertune.engines.hf.server_request import Job, Piece
from infertune.types import Message

_GATHER_SECONDS = 0.002  # requests that come together are one batch


class _TransformersRunner:
    """What both have in common: a model of transformers, its tokenizer, and the text of each job so far.

    Args:
        model: With its attention implementation set.
        tokenizer: Its own.
        chat: Its chat template.
        batch_size: Most jobs at once, at least 1.
        context_tokens: Most tokens of prompt and answer together.
    """

    def __init__(self, model: Any, tokenizer: Any, chat: ChatTemplate, batch_size: int, context_tokens: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._chat = chat
        self._batch_size = batch_size
        self._context_tokens = context_tokens
        eos = model.generation_config.eos_token_id
        self._eos_ids = frozenset([eos] if isinstance(eos, int) else eos or [])
        self._pad_id = next(each for each in (tokenizer.pad_token_id, *self._eos_ids, 0) if each is not None)
        self._streams: dict[int, tuple[TextStream, int]] = {}

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text."""
        return list(self._tokenizer(text)["input_ids"])

    def encode_chat(self, turns: list[dict[str, str]]) -> list[int]:
        """Return the token ids of chat turns, by the model's own template."""
        text = self._chat.render([Message(turn["role"], turn["content"]) for turn in turns])
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def refusal(self, job: Job) -> str:
        """Return why a job cannot be run with its settings."""
        if len(job.prompt) + job.max_tokens > self._context_tokens:
            return (
                f"prompt and max_tokens must fit the model's context of {self._context_tokens} tokens, but the prompt "
                f"has {len(job.prompt)} and max_tokens is {job.max_tokens}"
            )
        return ""

    def _tell(self, job: Job, token: int) -> bool:
        """Put one more token of a job; return whether it was the last."""
        stream, told = self._streams.get(job.number) or (TextStream(self._tokenizer, job.prompt, ()), 0)
        stream.append(token)
        job.n_tokens += 1
        reason = ""
        if token in self._eos_ids and not job.ignore_eos:
            reason = "stop"
        elif job.n_tokens >= job.max_tokens:
            reason = "length"
        if reason:
            stream.finish()
            self._streams.pop(job.number, None)
        else:
            self._streams[job.number] = (stream, len(stream.text))
        job.pieces.put(Piece(text=stream.text[told:], finish_reason=reason))
        return bool(reason)


class GenerateRunner(_TransformersRunner):
    """Static batches, as transformers' pipelines make them: who comes later waits until the whole batch is done.

    Jobs of a batch have the same settings. A batch ends when all its jobs have; `Job.max_tokens` may differ.

    Args:
        cache: ``dynamic`` or ``static``; the others as above.
    """

    def __init__(
        self, model: Any, tokenizer: Any, chat: ChatTemplate, batch_size: int, context_tokens: int, *, cache: str
    ) -> None:
        super().__init__(model, tokenizer, chat, batch_size, context_tokens)
        self._cache = None if cache == "dynamic" else cache

    def run(self, arrivals: "queue.SimpleQueue[Job]") -> None:
        """Make batches of what has come, the oldest first."""
        waiting: list[Job] = []
        while True:
            if not waiting:
                waiting.append(arrivals.get())
            while True:
                try:
                    waiting.append(arrivals.get(timeout=_GATHER_SECONDS if len(waiting) < self._batch_size else 0))
                except (queue.Empty, ValueError):
                    break
            waiting = [job for job in waiting if not job.is_cancelled]
            if waiting:
                batch = [job for job in waiting if job.settings == waiting[0].settings][: self._batch_size]
                chosen = {job.number for job in batch}
                waiting = [job for job in waiting if job.number not in chosen]
                self._generate(batch)

    def _generate(self, batch: list[Job]) -> None:
        longest = max(len(job.prompt) for job in batch)
        device = self._model.device
        ids = [[self._pad_id] * (longest - len(job.prompt)) + job.prompt for job in batch]
        mask = [[0] * (longest - len(job.prompt)) + [1] * len(job.prompt) for job in batch]
        watch = _Watch(self, batch)
        first, most = batch[0], max(job.max_tokens for job in batch)
        settings: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if first.temperature > 0:
            settings = {
                "do_sample": True,
                "temperature": first.temperature,
                "top_p": first.top_p,
                "top_k": first.top_k,
                "min_p": first.min_p or None,
            }
        with torch.inference_mode():
            self._model.generate(
                input_ids=torch.tensor(ids, device=device),
                attention_mask=torch.tensor(mask, device=device),
                max_new_tokens=most,
                min_new_tokens=most if first.ignore_eos else None,
                repetition_penalty=first.repetition_penalty,
                cache_implementation=self._cache,
                pad_token_id=self._pad_id,
                streamer=watch,
                stopping_criteria=[watch],
                **settings,
            )


class _Watch(StoppingCriteria):  # type: ignore[misc]  # transformers is untyped to us
    """Tells the tokens of a batch as they come, and which of its rows are done."""

    def __init__(self, runner: GenerateRunner, batch: list[Job]) -> None:
        self._runner = runner
        self._batch = batch
        self._done = [False] * len(batch)
        self._has_prompts = False

    def put(self, tokens: Tensor) -> None:
        """Take the prompts, then one token of each row."""
        if not self._has_prompts:
            self._has_prompts = True
            return
        for row, token in enumerate(tokens.reshape(-1).tolist()):
            if not self._done[row]:
                self._done[row] = self._runner._tell(self._batch[row], token)

    def end(self) -> None:
        """Do nothing: each row has told its own end."""

    def __call__(self, input_ids: Tensor, scores: Tensor, **options: Any) -> Tensor:
        """Return which rows are done, or are waited for by nobody."""
        rows = [done or job.is_cancelled for done, job in zip(self._done, self._batch, strict=True)]
        return torch.tensor(rows, device=input_ids.device)


class ContinuousRunner(_TransformersRunner):
    """Transformers' continuous batching, with paged keys and values; it knows temperature, top_k and top_p only."""

    def __init__(self, model: Any, tokenizer: Any, chat: ChatTemplate, batch_size: int, context_tokens: int) -> None:
        super().__init__(model, tokenizer, chat, batch_size, context_tokens)
        # Values other than the neutral ones make it build what each request can then set for itself.
        general = GenerationConfig(
            do_sample=True,
            temperature=0.9,
            top_k=50,
            top_p=0.95,
            max_new_tokens=context_tokens,
            eos_token_id=list(self._eos_ids) or -1,
            pad_token_id=self._pad_id,
        )
        self._manager = model.init_continuous_batching(
            generation_config=general,
            continuous_batching_config=ContinuousBatchingConfig(
                max_requests_per_batch=batch_size,
                per_request_processors=True,
                auto_switch_to_flash=False,
            ),
        )
        self._jobs: dict[str, Job] = {}

    def refusal(self, job: Job) -> str:
        """Return why a job cannot be run with its settings."""
        if job.min_p or job.repetition_penalty != 1:
            return "continuous batching of transformers has no min_p and no repetition_penalty"
        return super().refusal(job)

    def run(self, arrivals: "queue.SimpleQueue[Job]") -> None:
        """Hand jobs over as they come; another thread reads what comes of them."""
        self._manager.start()
        threading.Thread(target=self._read, daemon=True).start()
        while True:
            job = arrivals.get()
            if job.is_cancelled:
                continue
            name = str(job.number)
            self._jobs[name] = job
            greedy = job.temperature == 0
            self._manager.add_request(
                job.prompt,
                request_id=name,
                max_new_tokens=job.max_tokens,
                streaming=True,
                eos_token_id=-1 if job.ignore_eos else None,
                temperature=1.0 if greedy else float(job.temperature),
                top_k=1 if greedy else int(job.top_k or self._model.config.get_text_config().vocab_size),
                top_p=float(job.top_p),
            )

    def _read(self) -> None:
        while True:
            for name in [name for name, job in self._jobs.items() if job.is_cancelled]:
                self._manager.cancel_request(name)
                del self._jobs[name]
            result = self._manager.get_result(timeout=0.1)
            if result is None:
                if not self._manager.is_running():
                    os._exit(1)  # its thread has logged why
                continue
            job = self._jobs.get(result.request_id)
            if job is None:
                continue
            if result.error:
                del self._jobs[result.request_id]
                job.pieces.put(Piece(error=result.error))
                continue
            for token in list(itertools.islice(result.generated_tokens, job.n_tokens, None)):
                if self._tell(job, token):
                    self._jobs.pop(result.request_id, None)
                    break
