"""Finds out by effect which settings an endpoint honours: status 200 only says that a setting was accepted.

A setting that is refused, ignored or unclear is not honoured: it is neither sent nor searched.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import httpx

from infertune.decoding.settings import NAMES, NEUTRAL
from infertune.engines.endpoint.api_key import Key
from infertune.engines.endpoint.capabilities import Capabilities
from infertune.engines.openai.dialects import dialect
from infertune.engines.probing.experiments import NARROWING, NEWER_LIMIT, Experiments, Row
from infertune.engines.probing.probe_client import IN_FLIGHT, Endpoint, Path
from infertune.engines.probing.server_kind import ServerKind, identify
from infertune.engines.probing.texts import SAMPLES_PER_REQUEST, Texts
from infertune.types import Scalar

_SAME_NAME = (
    *("chat", "completions", *NAMES),
    *("stop", "n", "seed", "seed_nests", "logprobs", "raw_logprobs", "token_ids"),
)
_SETTINGS = {*_SAME_NAME, "max_tokens"}
_ORDER = (
    *("chat", "completions", "max_tokens", "temperature", "n", *NEUTRAL),
    *("stop", "logprobs", "raw_logprobs", "token_ids", "seed", "seed_nests"),
)
# About how many requests a probe sends, by which the time left is judged.
_N_REQUESTS = 80
_N_ONE_BY_ONE = 115  # where one request brings one sample
_N_EXTRA = 30  # for each setting of the user's own
_N_NEEDED = 2  # of the steps, without which a server is of no use
LONGEST_SECONDS = 90.0  # after which nothing more is tried, so that a slow server is looked at for minutes only


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeLimits:
    """What a server takes of a setting that it honours; as in `Capabilities`, where each means the same."""

    least_max_tokens: int = 1
    least_temperature: float = 0.0
    most_temperature: float | None = None
    most_stops: int = 0
    most_n: int = 0
    bills_each: bool = False
    counts_one: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was found out about an endpoint, with the evidence.

    Attributes:
        path: Where the settings were probed: chat where there is chat.
        limit_name: How a chat's ``max_tokens`` is called there.
        rows: One for each setting.
        limits: Of the settings that are honoured.
        seconds: Of one small request.
        prompt_tokens: Paid for probing, by the server's own count; completion_tokens likewise.
        is_recalled: Whether this was found out earlier, and so cost nothing now.
    """

    base_url: str
    model: str
    server: ServerKind
    path: Path
    limit_name: str
    rows: tuple[Row, ...]
    limits: ProbeLimits
    seconds: float
    n_requests: int
    prompt_tokens: int
    completion_tokens: int
    is_recalled: bool = False

    @property
    def tokens(self) -> int:
        """All that the probing cost."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def capabilities(self) -> Capabilities:
        """The settings that were seen to be honoured."""
        honoured = {row.setting for row in self.rows if row.verdict == "honoured"}
        # Seeds that do not nest allow one sample a call, and so pay for the prompt with each: n is worth more.
        if "n" in honoured and "seed_nests" not in honoured:
            honoured -= {"seed"}
        return Capabilities(
            server="" if self.server.name == "other" else self.server.name,
            version=self.server.version,
            warpers=self.server.warpers,
            max_completion_tokens=self.limit_name == NEWER_LIMIT,
            extra=tuple(sorted(honoured - _SETTINGS)),
            **asdict(self.limits),
            **{name: name in honoured for name in _SAME_NAME},
        )

    def row(self, setting: str) -> Row:
        """Return the row of one setting."""
        return next(row for row in self.rows if row.setting == setting)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeStep:
    """Where a probe stands: what it tries next.

    Attributes:
        setting: Tried next; one step may try two that belong together.
        number: Of the step, from 1 to ``n_steps``.
        seconds_left: About how long the rest takes at the pace so far, or at that of the first requests.
    """

    setting: str
    number: int
    n_steps: int
    seconds_left: float


def probe(
    client: httpx.Client,
    *,
    model: str,
    key: Key | None = None,
    extra_body: Mapping[str, Any] | None = None,
    extra: Mapping[str, tuple[Scalar, Scalar]] | None = None,
    seeds_safe: bool = False,
    concurrency: int | None = None,
    on_step: Callable[[ProbeStep], None] = lambda step: None,
    on_paid: Callable[[int, int], None] = lambda prompt_tokens, completion_tokens: None,
) -> Probe:
    """Probe an endpoint; costs some thousands of tokens and about a hundred small requests, eight at a time.

    Args:
        client: Its ``base_url`` is what the paths are below; it carries the key.
        model: As the endpoint calls it.
        key: Struck out of all that is quoted from the endpoint.
        extra_body: Sent with every request.
        extra: Further arguments of the request by name, with the two values that differ most.
        seeds_safe: Whether it is known that a seeded request cannot stop the server; see `ServerKind.may_be_cpu`.
        concurrency: Most samples in flight, where the user limits them; one request may bring a dozen.
        on_step: Called before each step.
        on_paid: Is told the prompt and completion tokens paid so far, after every few requests.

    Raises:
        EngineError: Nothing answers, the model is not served, or the length of answers cannot be limited.
    """
    in_flight = IN_FLIGHT if concurrency is None else max(1, min(IN_FLIGHT, concurrency // SAMPLES_PER_REQUEST))
    endpoint = Endpoint(client, model=model, key=key, extra_body=extra_body, in_flight=in_flight, on_paid=on_paid)
    experiments = Experiments(Texts(endpoint))
    experiments.paths()
    server = identify(endpoint)
    endpoint.dialect = dialect(server.name)

    def seeds() -> None:
        if not endpoint.dialect.own_seeds:
            experiments.say("seed", "not tried", "requests side by side would mix their seeds")
            experiments.say("seed_nests", "not tried", "needs seed")
        elif seeds_safe or not server.may_be_cpu:
            experiments.seeds()
        else:
            experiments.say("seed", "not tried", f"a seed can stop vLLM on a CPU, and {server.evidence}")
            experiments.say("seed_nests", "not tried", "needs seed")

    own = extra or {}
    # What is worth most first, for a slow server is not asked for the rest.
    steps: list[tuple[tuple[str, ...], Callable[[], None]]] = [
        (("max_tokens",), experiments.max_tokens),
        (("n", "temperature"), experiments.several_and_hot),
        (("stop",), experiments.stop),
        (("logprobs", "raw_logprobs"), experiments.logprobs),
        *(((name,), partial(experiments.narrowing, name, values)) for name, values in NARROWING.items()),
        (("seed", "seed_nests"), seeds),
        *(((name,), partial(experiments.extra, name, ends)) for name, ends in own.items()),
        (("repetition_penalty",), partial(experiments.penalty, "repetition_penalty")),
        (("token_ids",), experiments.token_ids),
    ]
    began, n_before = time.monotonic(), endpoint.n_requests
    for number, (settings, take) in enumerate(steps, start=1):
        n_done, seconds = endpoint.n_requests - n_before, time.monotonic() - began
        one_by_one = "n" in experiments.rows and not experiments.honours("n")
        n_left = max(0, (_N_ONE_BY_ONE if one_by_one else _N_REQUESTS) + _N_EXTRA * len(own) - n_done)
        pace = seconds / n_done if n_done else experiments.seconds  # it may take one request at a time
        on_step(
            ProbeStep(
                setting=" and ".join(settings[:2]),
                number=number,
                n_steps=len(steps),
                seconds_left=min(n_left * pace, max(LONGEST_SECONDS - seconds, pace)),
            )
        )
        endpoint.until = math.inf if number <= _N_NEEDED else began + LONGEST_SECONDS
        if time.monotonic() <= endpoint.until:
            take()
            continue
        for setting in settings:
            experiments.say(setting, "not tried", experiments.slow)
    order = {name: place for place, name in enumerate(_ORDER)}
    return Probe(
        base_url=endpoint.base_url,
        model=endpoint.model,
        server=server,
        path=experiments.texts.path,
        limit_name=endpoint.limit_name,
        rows=tuple(sorted(experiments.rows.values(), key=lambda row: order.get(row.setting, len(order)))),
        limits=ProbeLimits(
            least_max_tokens=experiments.texts.least,
            least_temperature=experiments.texts.cold.get("temperature", 0.0),
            most_temperature=experiments.most_temperature,
            most_stops=experiments.most_stops,
            most_n=experiments.most_n,
            bills_each=experiments.bills_each,
            counts_one=experiments.counts_one,
        ),
        seconds=experiments.seconds,
        n_requests=endpoint.n_requests,
        prompt_tokens=endpoint.prompt_tokens,
        completion_tokens=endpoint.completion_tokens,
    )
