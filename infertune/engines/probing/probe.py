"""Finds out by effect which settings an endpoint honours: a status of 200 says only that a setting was accepted.

A setting that is refused, ignored or of which nothing can be said is not honoured; it is not sent, nor searched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from infertune.engines.openai.honours import Honours
from infertune.engines.openai.keys import Key
from infertune.engines.probing.endpoint import IN_FLIGHT, Endpoint, Path
from infertune.engines.probing.experiments import NARROWING, NEWER_LIMIT, Experiments, Row
from infertune.engines.probing.server_kind import ServerKind, identify
from infertune.engines.probing.texts import SAMPLES_PER_REQUEST, Texts
from infertune.types import Scalar

_SAME_NAME = (
    *("chat", "completions", "temperature", "top_p", "top_k", "min_p", "repetition_penalty"),
    *("stop", "n", "seed", "seed_nests", "token_ids"),
)
_SETTINGS = {*_SAME_NAME, "max_tokens", "logprobs", "raw_logprobs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was found out about an endpoint, with the evidence.

    Attributes:
        path: Where the settings were probed: chat where there is chat.
        limit_name: How a chat's ``max_tokens`` is called there.
        rows: One for each setting.
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
    def honours(self) -> Honours:
        """The settings that were seen to be honoured."""
        honoured = {row.setting for row in self.rows if row.verdict == "honoured"}
        return Honours(
            server="" if self.server.name == "other" else self.server.name,
            version=self.server.version,
            warpers=self.server.warpers,
            max_completion_tokens=self.limit_name == NEWER_LIMIT,
            logprobs={"logprobs", "raw_logprobs"} <= honoured,
            extra=tuple(sorted(honoured - _SETTINGS)),
            **{name: name in honoured for name in _SAME_NAME},
        )

    def row(self, setting: str) -> Row:
        """Return the row of one setting."""
        return next(row for row in self.rows if row.setting == setting)


def probe(
    client: httpx.Client,
    *,
    model: str,
    key: Key | None = None,
    extra_body: Mapping[str, Any] | None = None,
    extra: Mapping[str, tuple[Scalar, Scalar]] | None = None,
    seeds_safe: bool = False,
    concurrency: int | None = None,
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

    Raises:
        EngineError: Nothing answers, the model is not served, or the length of answers cannot be limited.
    """
    in_flight = IN_FLIGHT if concurrency is None else max(1, min(IN_FLIGHT, concurrency // SAMPLES_PER_REQUEST))
    endpoint = Endpoint(client, model=model, key=key, extra_body=extra_body, in_flight=in_flight)
    experiments = Experiments(Texts(endpoint))
    experiments.paths()
    server = identify(endpoint)
    experiments.max_tokens()
    experiments.several_and_hot()
    for name, value in NARROWING.items():
        experiments.narrowing(name, value)
    experiments.greedy_setting("repetition_penalty", 2.0)
    experiments.stop()
    experiments.logprobs()
    experiments.token_ids()
    if seeds_safe or not server.may_be_cpu:
        experiments.seeds()
    else:
        why = f"a vLLM on a CPU can be stopped by a seed, and {server.evidence}"
        experiments.say("seed", "not tried", why)
        experiments.say("seed_nests", "not tried", "no seeds")
    for name, ends in (extra or {}).items():
        experiments.extra(name, ends)
    return Probe(
        base_url=endpoint.base_url,
        model=endpoint.model,
        server=server,
        path=experiments.texts.path,
        limit_name=endpoint.limit_name,
        rows=tuple(experiments.rows.values()),
        seconds=experiments.seconds,
        n_requests=endpoint.n_requests,
        prompt_tokens=endpoint.prompt_tokens,
        completion_tokens=endpoint.completion_tokens,
    )
