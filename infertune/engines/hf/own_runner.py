"""The runner ``infertune``: the batch loop of the engine ``hf`` behind a server."""

import queue
from dataclasses import dataclass

from infertune.engines.hf.batch import Batch
from infertune.engines.hf.language_model import LanguageModel
from infertune.engines.hf.server_request import Job, Piece
from infertune.types import Decoding, Message, Request


@dataclass(slots=True)
class _Running:
    job: Job
    n_characters: int = 0


class OwnRunner:
    """Fills a row as soon as one is free; every token is told when it is drawn.

    Args:
        model: Generates.
        batch_size: Most jobs at once, at least 1.
    """

    def __init__(self, model: LanguageModel, batch_size: int) -> None:
        self._model = model
        self._batch = Batch(model, batch_size, on_token=self._token)
        self._running: dict[str, _Running] = {}

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text."""
        return self._model.encode(text)

    def encode_chat(self, turns: list[dict[str, str]]) -> list[int]:
        """Return the token ids of chat turns."""
        return self._model.encode(tuple(Message(turn["role"], turn["content"]) for turn in turns))

    def refusal(self, job: Job) -> str:
        """Return nothing: every setting is applied here; what does not fit the context fails by itself."""
        return ""

    def run(self, arrivals: "queue.SimpleQueue[Job]") -> None:
        """Take jobs while there is room, and go on by a token."""
        while True:
            while self._batch.has_room:
                try:
                    job = arrivals.get(block=not self._batch.busy)
                except queue.Empty:
                    break
                if not job.is_cancelled:
                    self._add(job)
            for name in [name for name, running in self._running.items() if running.job.is_cancelled]:
                self._batch.cancel(name)
                del self._running[name]
            for response in self._batch.step():
                running = self._running.pop(response.request.example_id)
                text = response.generations[0].text[running.n_characters :]
                running.job.pieces.put(Piece(text=text, finish_reason=response.generations[0].finish_reason))

    def _add(self, job: Job) -> None:
        request = Request(
            example_id=str(job.number),
            prompt="",
            decoding=Decoding(
                temperature=job.temperature,
                top_p=job.top_p,
                top_k=job.top_k,
                min_p=job.min_p,
                repetition_penalty=job.repetition_penalty,
                max_tokens=job.max_tokens,
            ),
            seed=job.seed,
        )
        self._running[request.example_id] = _Running(job)
        failed = self._batch.add(request, prompt=job.prompt, ignore_eos=job.ignore_eos)
        if failed is not None:
            del self._running[request.example_id]
            job.pieces.put(Piece(error=failed.error))

    def _token(self, request: Request, text: str, is_last: bool) -> None:
        running = self._running[request.example_id]
        running.job.n_tokens += 1
        if not is_last:  # the last comes with the response, its text complete
            running.job.pieces.put(Piece(text=text[running.n_characters :]))
            running.n_characters = len(text)
