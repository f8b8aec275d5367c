"""One connection to an OpenAI-compatible endpoint for the few requests of a probe; counts every token they cost."""

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import httpx
import msgspec

from infertune.engines.openai.keys import Key
from infertune.engines.openai.status import clean, said
from infertune.errors import EngineError

Path = Literal["chat/completions", "completions"]
CHAT: Path = "chat/completions"
PLAIN: Path = "completions"

IN_FLIGHT = 8
ATTEMPTS = 6
FIRST_WAIT_SECONDS = 0.25
MAX_WAIT_SECONDS = 10.0
GET_SECONDS = 10.0
MAX_BODY_BYTES = 16 * 2**20  # what a server sends is untrusted, in size as well
_BUSY = {408, 409, 425, 429, 502, 503, 504}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """A token's log probability, and those of the likeliest tokens at its place by their text."""

    logprob: float
    top: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One sample as the endpoint gave it; None stands for what it did not give."""

    text: str
    finish_reason: str | None
    token_ids: tuple[int, ...] | None
    logprobs: tuple[TokenLogprob, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an endpoint answered; the token counts are None where it gives none, ``keys`` those of the whole body."""

    choices: tuple[Choice, ...]
    prompt_tokens: int | None
    completion_tokens: int | None
    keys: frozenset[str]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An endpoint's no, or an answer that is none, in its own words."""

    status: int
    words: str


class Endpoint:
    """Asks one endpoint for one model, a few requests at a time; a busy endpoint is asked again a few times.

    Args:
        client: Its ``base_url`` is what the paths are below; it carries the key, and stays the caller's.
        model: As the endpoint calls it.
        key: Struck out of all that is quoted from the endpoint.
        extra_body: Sent with every request.
        in_flight: Most requests side by side.

    Attributes:
        prompt_tokens: Paid so far, by the endpoint's own count; `completion_tokens` likewise.
        n_requests: Sent so far.
        limit_name: How the endpoint calls ``max_tokens`` of a chat; some know ``max_completion_tokens`` only.

    Raises:
        EngineError: From any question: nothing answers there, or the key is refused.
    """

    def __init__(
        self,
        client: httpx.Client,
        *,
        model: str,
        key: Key | None = None,
        extra_body: Mapping[str, Any] | None = None,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self.base_url = str(client.base_url).rstrip("/")
        self.model = model
        self.limit_name = "max_tokens"
        self.prompt_tokens = self.completion_tokens = self.n_requests = 0
        self._client = client
        self._key = key or Key()
        self._extra_body = dict(extra_body or {})
        self._in_flight = in_flight

    def get(self, path: str, *, root: bool = False) -> str:
        """Return what a path says, below ``base_url`` or at the server's ``root``; nothing unless it says 200."""
        base = self.base_url.removesuffix("/v1") if root else self.base_url
        try:
            status, body, _ = self._exchange("GET", f"{base}/{path}", None)
        except httpx.HTTPError:
            return ""
        return body.decode("utf-8", "replace") if status == 200 else ""

    def ask(self, path: Path, prompt: str, **settings: Any) -> Answer | Refusal:
        """Send one request and return its answer; settings are fields of the request's body."""
        if path == CHAT and "max_tokens" in settings:
            settings[self.limit_name] = settings.pop("max_tokens")
        prompted = {"messages": [{"role": "user", "content": prompt}]} if path == CHAT else {"prompt": prompt}
        body = msgspec.json.encode({"model": self.model, **prompted, **settings, **self._extra_body})
        for attempt in range(ATTEMPTS):
            is_last = attempt == ATTEMPTS - 1
            began = time.monotonic()
            try:
                status, content, wait = self._exchange("POST", f"{self.base_url}/{path}", body)
            except httpx.HTTPError as error:
                if is_last:
                    reason = self._key.redact(str(error)) or type(error).__name__
                    raise EngineError(f"there must be a server at {self.base_url}, but: {reason}") from None
                wait = 0.0
            else:
                found = self._read(status, content, time.monotonic() - began)
                # A status of 500 and a spoilt answer may pass; where they stay, it is the question's fault.
                if isinstance(found, Answer) or status not in _BUSY | {200, 500}:
                    return found
                if is_last and status in _BUSY:
                    raise EngineError(f"the endpoint {self.base_url} is too busy to be probed: {found.words}")
                if is_last:
                    return found
            time.sleep(min(MAX_WAIT_SECONDS, wait or FIRST_WAIT_SECONDS * 2**attempt))
        raise AssertionError("the last attempt returns or raises")

    def ask_all(self, path: Path, questions: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Answer | Refusal]:
        """Send (prompt, settings) side by side, a few at a time, and return the answers in their order."""
        with ThreadPoolExecutor(self._in_flight) as pool:
            return list(pool.map(lambda question: self.ask(path, question[0], **question[1]), questions))

    def _exchange(self, method: str, url: str, body: bytes | None) -> tuple[int, bytes, float]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        timeout = httpx.USE_CLIENT_DEFAULT if body is not None else GET_SECONDS
        with self._client.stream(method, url, content=body, headers=headers, timeout=timeout) as response:
            content = b""
            for part in response.iter_bytes():
                content += part
                if len(content) > MAX_BODY_BYTES:
                    break
            wait = response.headers.get("Retry-After", "")
        return response.status_code, content, float(wait) if wait.isdigit() else 0.0

    def _read(self, status: int, content: bytes, seconds: float) -> Answer | Refusal:
        self.n_requests += 1
        words = "" if status == 200 else said(httpx.Response(status, content=content), self._key)
        if status in (401, 403):
            raise EngineError(
                f"{self.base_url} rejects the API key, or needs one: {words}; "
                "set it with --api-key-env or --api-key-file"
            )
        if words:
            return Refusal(status=status, words=words)
        try:
            answer = read_answer(content, seconds)
        except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as error:
            return Refusal(status=status, words=clean(f"an answer of another form: {error}"))
        self.prompt_tokens += answer.prompt_tokens or 0
        self.completion_tokens += answer.completion_tokens or 0
        return answer


class _Top(msgspec.Struct):
    token: str
    logprob: float


class _Token(msgspec.Struct):
    logprob: float
    top_logprobs: list[_Top] | None = None


class _Logprobs(msgspec.Struct):
    """Of a chat choice in ``content``, of a plain one in the other two."""

    content: list[_Token] | None = None
    token_logprobs: list[float] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    text: str | None = None
    message: _Message | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None
    token_ids: list[int] | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Body(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


def read_answer(content: bytes, seconds: float) -> Answer:
    """Return a response body as an Answer, its choices in the order of their indices.

    Raises:
        ValueError: Indices are missing or doubled, or a log probability is none. (msgspec's errors are ValueErrors.)
    """
    body = msgspec.json.decode(content, type=_Body)
    choices = sorted(body.choices, key=lambda choice: choice.index)
    if [choice.index for choice in choices] != list(range(len(choices))):
        raise ValueError(f"choices must be numbered from 0, but are {[choice.index for choice in choices]}")
    usage = body.usage or _Usage()
    return Answer(
        choices=tuple(_choice(choice) for choice in choices),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        keys=frozenset(msgspec.json.decode(content)),
        seconds=seconds,
    )


def _choice(choice: _Choice) -> Choice:
    message = choice.message
    thought = "" if message is None else message.reasoning_content or message.reasoning or ""
    said = choice.text if message is None else message.content
    return Choice(
        text=thought + (said or ""),
        finish_reason=choice.finish_reason,
        token_ids=None if choice.token_ids is None else tuple(choice.token_ids),
        logprobs=None if choice.logprobs is None else _logprobs(choice.logprobs),
    )


def _logprobs(found: _Logprobs) -> tuple[TokenLogprob, ...] | None:
    if found.content is not None:
        tokens = [
            TokenLogprob(logprob=token.logprob, top={top.token: top.logprob for top in token.top_logprobs or ()})
            for token in found.content
        ]
    elif found.token_logprobs is not None:
        tops = found.top_logprobs or [None] * len(found.token_logprobs)
        tokens = [
            TokenLogprob(logprob=logprob, top=top or {})
            for logprob, top in zip(found.token_logprobs, tops, strict=True)
        ]
    else:
        return None
    if not all(math.isfinite(token.logprob) for token in tokens):
        raise ValueError("log probabilities must be finite")
    return tuple(tokens)
