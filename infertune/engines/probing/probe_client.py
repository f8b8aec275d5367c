"""One connection to an OpenAI-compatible endpoint for the few requests of a probe; counts every token they cost."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Literal

import httpx
import msgspec

from infertune.engines.endpoint.api_key import Key
from infertune.engines.openai.dialects import Dialect
from infertune.errors import EngineError
from infertune.wire import reply
from infertune.wire.blame import Blame, blame_of_status
from infertune.wire.body import Room, TooLarge
from infertune.wire.fetch import fetch
from infertune.wire.kept import was_closed
from infertune.wire.reply import ReplyChoice
from infertune.wire.usage import WireUsage, estimated
from infertune.wire.words import is_filtered, said

Path = Literal["chat/completions", "completions"]
CHAT: Path = "chat/completions"
PLAIN: Path = "completions"

IN_FLIGHT = 8
ATTEMPTS = 6
ATTEMPTS_IF_FLAKY = 12  # at an endpoint whose faults have passed before: of many questions, some have bad luck
FIRST_WAIT_SECONDS = 0.25
MAX_WAIT_SECONDS = 10.0
MAX_WAIT_IF_FLAKY_SECONDS = 2.0
GET_SECONDS = 10.0
ANSWER_SECONDS = 120.0  # the whole of one, which is some dozen tokens long
MAX_BODY_BYTES = 4 * 2**20  # what a server sends is untrusted, in size as well


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReply:
    """What an endpoint answered.

    Attributes:
        usage: What it says it counted.
        keys: Names of all that is in the body.
        fingerprint: By what mark it says which program made it; empty where it says nothing.
    """

    choices: tuple[ReplyChoice, ...]
    usage: WireUsage
    keys: frozenset[str]
    fingerprint: str
    seconds: float

    @property
    def n_visible(self) -> int | None:
        """Tokens that are no thoughts; None where it does not count."""
        counted = self.usage.completion_tokens
        return None if counted is None else counted - self.usage.reasoning_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An endpoint's no, or an answer that is none, in its own words.

    Attributes:
        blame: Whom it is about.
        is_spoilt: Whether it may have been an answer, and is paid.
    """

    status: int
    words: str
    blame: Blame = "request"
    is_spoilt: bool = False


class OutOfTime(Exception):
    """There was no time for all of some questions."""


class Endpoint:
    """Asks one endpoint for one model, a few requests at a time; a busy endpoint is asked again a few times.

    Args:
        client: Its ``base_url`` is what the paths are below; it carries the key, and stays the caller's.
        model: As the endpoint calls it.
        key: Struck out of all that is quoted from the endpoint.
        extra_body: Sent with every request.
        in_flight: Most requests side by side.
        on_paid: Is told the two sums of what was paid, now and then.

    Attributes:
        prompt_tokens: Paid so far, by the endpoint's own count; `completion_tokens` likewise.
        n_requests: Sent so far.
        limit_name: How the endpoint calls ``max_tokens`` of a chat; some know ``max_completion_tokens`` only.
        dialect: In which it is asked.
        until: By the monotonic clock, after which none of several questions is begun.
        counts_one: Whether it counts the tokens of one only of the samples of a request.

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
        on_paid: Callable[[int, int], None] = lambda prompt_tokens, completion_tokens: None,
    ) -> None:
        self.base_url = str(client.base_url).rstrip("/")
        self.model = model
        self.limit_name = "max_tokens"
        self.dialect = Dialect()
        self.until = math.inf
        self.counts_one = False
        self.prompt_tokens = self.completion_tokens = self.n_requests = 0
        self._client = client
        self._key = key or Key()
        self._extra_body = dict(extra_body or {})
        self._in_flight = in_flight
        self._on_paid = on_paid
        self._lock = Lock()
        self._is_flaky = False  # whether a fault of it has passed
        self._room = Room()

    def get(self, path: str, *, root: bool = False) -> str:
        """Return what a path says, below ``base_url`` or at the server's ``root``; nothing unless it says 200."""
        base = self.base_url.removesuffix("/v1") if root else self.base_url
        try:
            status, body, _ = self._exchange("GET", f"{base}/{path}", None)
        except (httpx.HTTPError, TimeoutError, TooLarge):
            return ""
        return body.decode("utf-8", "replace") if status == 200 else ""

    def ask(self, path: Path, prompt: str, **settings: Any) -> ProbeReply | Refusal:
        """Send one request and return its answer; settings are fields of the request's body."""
        limit = settings.get("max_tokens", 1) * settings.get("n", 1)
        if path == CHAT and "max_tokens" in settings:
            settings[self.limit_name] = settings.pop("max_tokens")
        prompted = {"messages": [{"role": "user", "content": prompt}]} if path == CHAT else {"prompt": prompt}
        said = self.dialect.spoken(settings)
        body = msgspec.json.encode({"model": self.model, **prompted, **said, **self._extra_body})
        n_unknown = 0  # attempts that were paid at a price that is not known, which is taken to be the answer's own
        for attempt in range(ATTEMPTS_IF_FLAKY):
            began = time.monotonic()
            try:
                status, content, wait = self._exchange("POST", f"{self.base_url}/{path}", body)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if self._is_last(attempt):
                    self._pay_unknown(n_unknown, prompt, limit)
                    raise self._absent(error) from None
                wait = 0.0
            except (httpx.HTTPError, TimeoutError, TooLarge) as error:
                never_begun = isinstance(error, httpx.TransportError) and was_closed(
                    error, after=time.monotonic() - began
                )
                n_unknown += not never_begun
                if self._is_last(attempt):
                    self._pay_unknown(n_unknown, prompt, limit)
                    raise self._absent(error) from None
                wait = 0.0
            else:
                self._refuse_key(status, content)
                found, paid = self._read(status, content, time.monotonic() - began)
                paid = paid.believed(request_bytes=len(body), answer_bytes=len(content), limit=limit)
                if isinstance(found, ProbeReply):
                    found = replace(found, usage=paid)
                    self._book(found, prompt, limit, times=1 + n_unknown)
                    self._is_flaky |= attempt > 0
                    return found
                self._pay(paid.prompt_tokens or 0, paid.completion_tokens or 0)
                n_unknown += found.is_spoilt and paid.prompt_tokens is None
                # A status of 500 and a spoilt answer may pass; where they stay, it is the question's fault.
                is_last = self._is_last(attempt)
                if is_last or found.blame in ("request", "user"):
                    self._pay_unknown(n_unknown, prompt, limit)
                if found.blame in ("request", "user"):
                    return found
                if is_last and found.blame in ("load", "endpoint"):
                    raise EngineError(f"the endpoint {self.base_url} is too busy to be probed: {found.words}")
                if is_last:
                    return found
            longest = MAX_WAIT_IF_FLAKY_SECONDS if self._is_flaky else MAX_WAIT_SECONDS
            time.sleep(min(MAX_WAIT_SECONDS, wait) or min(longest, FIRST_WAIT_SECONDS * 2**attempt))
        raise AssertionError("the last attempt returns or raises")

    def ask_all(self, path: Path, questions: Sequence[tuple[str, Mapping[str, Any]]]) -> list[ProbeReply | Refusal]:
        """Send (prompt, settings) side by side, a few at a time, and return the answers in their order.

        Raises:
            OutOfTime: The time was over before the last was sent.
        """

        def ask(question: tuple[str, Mapping[str, Any]]) -> ProbeReply | Refusal:
            if time.monotonic() > self.until:
                raise OutOfTime
            return self.ask(path, question[0], **question[1])

        found = []
        with ThreadPoolExecutor(self._in_flight) as pool:
            for answer in pool.map(ask, questions):
                found.append(answer)
                self._on_paid(self.prompt_tokens, self.completion_tokens)
        return found

    def _is_last(self, attempt: int) -> bool:
        """Return whether an attempt is the last of its question."""
        return attempt + 1 >= (ATTEMPTS_IF_FLAKY if self._is_flaky else ATTEMPTS)

    def _book(self, answer: ProbeReply, prompt: str, limit: int, *, times: int) -> None:
        shown = sum(1 + estimated(choice.whole) for choice in answer.choices)
        several = self.counts_one and len(answer.choices) > 1
        usage = answer.usage.without_completion() if several else answer.usage
        prompt_tokens, completion_tokens = usage.counted(prompt=prompt, completion=min(limit, shown))
        self._pay(times * prompt_tokens, times * completion_tokens)

    def _pay_unknown(self, n_attempts: int, prompt: str, limit: int) -> None:
        """Book attempts whose price no answer will tell: the prompt as it is reckoned, and all they were allowed."""
        self._pay(n_attempts * estimated(prompt), n_attempts * limit)

    def _pay(self, prompt_tokens: int, completion_tokens: int) -> None:
        with self._lock:
            self.prompt_tokens += prompt_tokens
            self.completion_tokens += completion_tokens

    def _exchange(self, method: str, url: str, body: bytes | None) -> tuple[int, bytes, float]:
        """Return status, body and the wait that is asked for."""
        seconds = GET_SECONDS if body is None else ANSWER_SECONDS
        found = fetch(self._client, method, url, content=body, seconds=seconds, limit=MAX_BODY_BYTES, room=self._room)
        wait = found.headers.get("retry-after", "")
        return found.status, found.content, float(wait[:9]) if wait.isascii() and wait.isdigit() else 0.0

    def _refuse_key(self, status: int, content: bytes) -> None:
        if status in (401, 403) and not is_filtered(content):
            raise EngineError(
                f"{self.base_url} rejects the API key, or needs one: {said(status, content, self._key.redact)}; "
                "set it with `api_key_env` or `api_key_file`"
            )

    def _absent(self, error: Exception) -> EngineError:
        reason = self._key.redact(str(error)) or type(error).__name__
        return EngineError(f"there must be a server at {self.base_url}, but: {reason}")

    def _read(self, status: int, content: bytes, seconds: float) -> tuple[ProbeReply | Refusal, WireUsage]:
        self.n_requests += 1
        if not (200 <= status < 300 and content):
            words = said(status, content, self._key.redact)
            is_spoilt = status == 200  # and nothing in it
            return Refusal(status=status, words=words, blame=blame_of_status(status), is_spoilt=is_spoilt), WireUsage()
        try:
            found = reply.read(content)
        except reply.NoAnswer as no:
            words = self._key.redact(str(no) if no.is_error else f"an answer of another form: {no}")
            return Refusal(status=status, words=words, blame=no.blame, is_spoilt=not no.is_error), no.usage
        answer = ProbeReply(
            choices=found.choices,
            usage=found.usage,
            keys=reply.keys(content),
            fingerprint=reply.fingerprint(content),
            seconds=seconds,
        )
        return answer, found.usage
