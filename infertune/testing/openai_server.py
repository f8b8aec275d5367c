"""Serves any engine as an OpenAI-compatible endpoint on this machine, so that a client is tested without a model.

It answers as vLLM does, and deterministically: sample ``i`` of a call with seed ``s`` is the sample of seed ``s + i``,
and at temperature 0 the prompt alone decides.
"""

import hashlib
import itertools
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from typing import Any

from infertune.decoding.truncation import cut
from infertune.testing.local_server import LocalServer
from infertune.types import Decoding, Engine, Generation, Message, Prompt, Request

END_TOKEN = "<|end|>"  # how the end-of-text token is spelt; it is in no text
_NO_LIMIT_TOKENS = 16  # what the completions of OpenAI take for max_tokens


class OpenAIServer(LocalServer):
    """A server on a free port of 127.0.0.1, as a context manager::

        with OpenAIServer(FakeEngine()) as server:
            engine = OpenAIEngine("fake", base_url=server.base_url, capabilities=vllm_capabilities())

    Args:
        engine: Answers, one call at a time.
        model: The one model it serves.
        key: If given, what ``Authorization: Bearer`` must bring.
        metrics: If given, what its page ``/metrics`` says.
        per_connection: If given, so many calls are answered on a connection; at the next it is found to be closed.

    Attributes:
        base_url: Ends in ``/v1``.
        bodies: Of the calls answered or refused, in order of arrival.
        prompt_tokens: As the answers' usage adds up; ``completion_tokens`` likewise.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        model: str = "fake",
        key: str = "",
        metrics: str = "",
        per_connection: int | None = None,
    ) -> None:
        self.engine = engine
        self.model = model
        self.key = key
        self.metrics = metrics
        self.per_connection = per_connection
        self.bodies: list[dict[str, Any]] = []
        self.prompt_tokens = self.completion_tokens = 0
        self._lock = threading.Lock()
        self._unseeded = itertools.count(2**40)
        super().__init__(_handler(self))
        self.base_url = f"{self.url}/v1"

    def __enter__(self) -> "OpenAIServer":
        super().__enter__()
        return self

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON that answer a call."""
        with self._lock:
            self.bodies.append(body)
            if body.get("model") != self.model:
                return 404, _error(f"The model `{body.get('model')}` does not exist.")
            is_chat = path == "/v1/chat/completions"
            try:
                prompt = _chat(body) if is_chat else str(body["prompt"])
                decoding = _decoding(body)
                seeds = self._seeds(body)
            except (KeyError, TypeError, ValueError) as error:
                return 400, _error(f"not a request that is understood: {error!r}")
            return self._generated(body, prompt, decoding, seeds, is_chat=is_chat)

    def _seeds(self, body: Mapping[str, Any]) -> list[int]:
        first = body.get("seed")
        if first is None:
            return [next(self._unseeded) for _ in range(int(body.get("n", 1)))]
        return [int(first) + number for number in range(int(body.get("n", 1)))]

    def _generated(
        self, body: Mapping[str, Any], prompt: Prompt, decoding: Decoding, seeds: list[int], *, is_chat: bool
    ) -> tuple[int, dict[str, Any]]:
        free = replace(decoding, stop=())  # so that the tokens of a stop text are told, as vLLM does
        greedy = hashlib.sha256(repr(prompt).encode()).hexdigest() if decoding.temperature == 0 else ""
        choices = []
        completion_tokens = prompt_tokens = 0
        for index, seed in enumerate(seeds):
            wish = Request(example_id=greedy, prompt=prompt, decoding=free, seed=0 if greedy else seed)
            (response,) = self.engine.generate([wish])
            if response.error:
                return 400, _error(response.error)
            made = _Choice.of(response.generations[0], decoding)
            choices.append(made.as_json(body, index=index, is_chat=is_chat))
            completion_tokens += len(made.generation.token_ids)
            prompt_tokens = response.prompt_tokens
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        }
        kind = "chat.completion" if is_chat else "text_completion"
        return 200, {"id": "1", "object": kind, "model": self.model, "choices": choices, "usage": usage}


@dataclass(frozen=True, slots=True)
class _Choice:
    """One sample: its text as a server gives it, and what each of its tokens spells."""

    generation: Generation
    text: str
    spelt: tuple[str, ...]

    @classmethod
    def of(cls, whole: Generation, decoding: Decoding) -> "_Choice":
        stopped = cut(whole, max_tokens=decoding.max_tokens, stop=decoding.stop)
        n_tokens = len(stopped.token_ids)
        starts = (0, *whole.text_ends)
        spelt = [whole.text[starts[index] : starts[index + 1]] for index in range(n_tokens)]
        ended = whole.finish_reason == "stop" and n_tokens == len(whole.token_ids)
        has_stop_text = any(stop in whole.text[: starts[n_tokens]] for stop in decoding.stop)
        if ended and not spelt[-1] and not has_stop_text:
            spelt[-1] = END_TOKEN
        text = stopped.text if has_stop_text else whole.text[: starts[n_tokens]]
        return cls(stopped, text, tuple(spelt))

    def as_json(self, body: Mapping[str, Any], *, index: int, is_chat: bool) -> dict[str, Any]:
        made: dict[str, Any] = {"index": index, "finish_reason": self.generation.finish_reason}
        pairs = list(zip(self.spelt, self.generation.logprobs, strict=True))
        if is_chat:
            made["message"] = {"role": "assistant", "content": self.text}
            if body.get("logprobs"):
                made["logprobs"] = {
                    "content": [
                        {"token": token, "logprob": logprob, "bytes": list(token.encode()), "top_logprobs": []}
                        for token, logprob in pairs
                    ]
                }
        else:
            made["text"] = self.text
            if body.get("logprobs") is not None:
                made["logprobs"] = {
                    "tokens": [token for token, _ in pairs],
                    "token_logprobs": [logprob for _, logprob in pairs],
                }
        if body.get("return_token_ids"):
            made["token_ids"] = list(self.generation.token_ids)
        return made


def _handler(server: OpenAIServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        n_answered = 0

        def do_GET(self) -> None:
            if not self._is_allowed():
                return
            if self.path == "/v1/models":
                self._reply(200, {"object": "list", "data": [{"id": server.model, "object": "model"}]})
            elif self.path == "/metrics" and server.metrics:
                self._send(200, server.metrics.encode(), "text/plain")
            else:
                self._reply(404, _error(f"there is no {self.path}"))

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.n_answered == server.per_connection:
                self.close_connection = True
                return
            self.n_answered += 1
            if not self._is_allowed():
                return
            if self.path not in ("/v1/chat/completions", "/v1/completions"):
                self._reply(404, _error(f"there is no {self.path}"))
                return
            try:
                body = json.loads(data)
            except ValueError:
                self._reply(400, _error("the body must be JSON"))
                return
            self._reply(*server.answer(self.path, body))

        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def _is_allowed(self) -> bool:
            given = self.headers.get("Authorization", "")
            if not server.key or given == f"Bearer {server.key}":
                return True
            self._reply(401, _error(f"{given or 'no key'} is not the key"))  # some servers do echo it
            return False

        def _reply(self, status: int, plain: Mapping[str, Any]) -> None:
            self._send(status, json.dumps(plain).encode(), "application/json")

        def _send(self, status: int, data: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error"}}


def _chat(body: Mapping[str, Any]) -> tuple[Message, ...]:
    return tuple(Message(str(turn["role"]), str(turn["content"])) for turn in body["messages"])


def _decoding(body: Mapping[str, Any]) -> Decoding:
    stop = body.get("stop") or ()
    max_tokens = body.get("max_tokens", body.get("max_completion_tokens"))
    return Decoding(
        temperature=float(body.get("temperature", 1.0)),
        top_p=float(body.get("top_p", 1.0)),
        top_k=int(body.get("top_k", 0)),
        min_p=float(body.get("min_p", 0.0)),
        repetition_penalty=float(body.get("repetition_penalty", 1.0)),
        max_tokens=_NO_LIMIT_TOKENS if max_tokens is None else int(max_tokens),
        stop=(stop,) if isinstance(stop, str) else tuple(str(each) for each in stop),
    )
