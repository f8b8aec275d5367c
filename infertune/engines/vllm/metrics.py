"""What a vLLM server counts of its own work, read from ``/metrics`` (Prometheus text format 0.0.4).

Counters belong to one run of a server and to all of its clients: they start again at zero with a restart, and another
client of the same server is in them.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, fields

_SAMPLE = re.compile(r"^vllm:(?P<name>\w+)(?:\{.*\})? (?P<value>\S+)")

_COUNTERS = {
    "prompt_tokens_total": "prompt_tokens",
    "generation_tokens_total": "generation_tokens",
    "prefix_cache_queries_total": "prefix_queried_tokens",
    "prefix_cache_hits_total": "prefix_hit_tokens",
    "num_preemptions_total": "n_preemptions",
    "spec_decode_num_drafts_total": "n_drafts",
    "spec_decode_num_draft_tokens_total": "draft_tokens",
    "spec_decode_num_accepted_tokens_total": "accepted_tokens",
}
_GAUGES = {"num_requests_running": "n_running", "num_requests_waiting": "n_waiting"}
_KV_USAGE = "kv_cache_usage_perc"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMetrics:
    """Counts since a moment, and what is under way now; 0 for what the server does not count.

    Attributes:
        prompt_tokens: Of all prompts, those found in the prefix cache included.
        generation_tokens: Generated.
        prefix_queried_tokens: Prompt tokens looked for in the prefix cache.
        prefix_hit_tokens: Those found there, in whole blocks.
        n_preemptions: How often a request lost its cache to others and was computed again.
        n_drafts: Speculative drafts.
        draft_tokens: Tokens in them.
        accepted_tokens: Those that the model agreed with.
        n_running: Requests being generated now.
        n_waiting: Requests queued now.
        kv_usage: Share of the key-value cache in use now, in [0, 1].
    """

    prompt_tokens: int = 0
    generation_tokens: int = 0
    prefix_queried_tokens: int = 0
    prefix_hit_tokens: int = 0
    n_preemptions: int = 0
    n_drafts: int = 0
    draft_tokens: int = 0
    accepted_tokens: int = 0
    n_running: int = 0
    n_waiting: int = 0
    kv_usage: float = 0.0

    @property
    def prefix_hit_share(self) -> float | None:
        """Share of the prompt tokens that were in the prefix cache; None when none was looked for."""
        return self.prefix_hit_tokens / self.prefix_queried_tokens if self.prefix_queried_tokens else None

    @property
    def acceptance_rate(self) -> float | None:
        """Share of the drafted tokens that were accepted; None without speculative decoding."""
        return self.accepted_tokens / self.draft_tokens if self.draft_tokens else None

    @property
    def accepted_length(self) -> float | None:
        """Tokens per step of the model, the one it adds itself included; None without speculative decoding."""
        return 1 + self.accepted_tokens / self.n_drafts if self.n_drafts else None

    def since(self, earlier: "ServerMetrics") -> "ServerMetrics":
        """Return the counts between an earlier reading of the same run and this one; gauges are this one's."""
        return self._with_counts(earlier, -1)

    def plus(self, other: "ServerMetrics") -> "ServerMetrics":
        """Return the counts of two spans together, such as of two runs; gauges are this one's."""
        return self._with_counts(other, 1)

    def _with_counts(self, other: "ServerMetrics", sign: int) -> "ServerMetrics":
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in _COUNTERS.values():
            values[name] += sign * getattr(other, name)
        return ServerMetrics(**values)


def parse(text: str) -> ServerMetrics:
    """Return the metrics in the text of ``/metrics``, summed over the engines of the server; others are skipped."""
    sums: dict[str, float] = defaultdict(float)
    usage = 0.0
    for line in text.splitlines():
        if found := _SAMPLE.match(line):
            try:
                value = float(found["value"])
            except ValueError:
                continue
            if found["name"] == _KV_USAGE:
                usage = max(usage, value)
            elif name := _COUNTERS.get(found["name"]) or _GAUGES.get(found["name"]):
                sums[name] += value
    return ServerMetrics(kv_usage=usage, **{name: int(value) for name, value in sums.items()})


def as_json(metrics: ServerMetrics) -> dict[str, float | int | None]:
    """Return counts and shares under their names; gauges are of no use afterwards."""
    counts = {name: getattr(metrics, name) for name in _COUNTERS.values()}
    shares = {name: getattr(metrics, name) for name in ("prefix_hit_share", "acceptance_rate", "accepted_length")}
    return counts | shares
