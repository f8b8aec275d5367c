"""When one request was due, sent, answered and done."""

from dataclasses import dataclass

CUT = "cut: the load was ended before the answer was"
"""The error of a request that was in flight when its load was ended early: how it would have gone is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One request of a load, all its moments in seconds since the load began.

    Attributes:
        due: When it should have been sent; equal to ``sent`` in a closed loop.
        sent: When it was; the difference is the generator's own lateness.
        chunks: When each piece of the stream came that brought tokens; empty for a request that failed.
        done: When the stream ended, or the request failed.
        prompt_tokens: As the server counts them; 0 where it failed.
        completion_tokens: Likewise.
        error: Why it failed; empty when it did not.
    """

    due: float
    sent: float
    chunks: tuple[float, ...]
    done: float
    prompt_tokens: int
    completion_tokens: int
    error: str = ""

    @property
    def ttft(self) -> float:
        """Time to first token, from the moment that the request was due, so that a late generator hides nothing."""
        return self.chunks[0] - self.due

    @property
    def itl(self) -> tuple[float, ...]:
        """Inter-token latencies: the gaps between pieces of the stream, which may bring several tokens each."""
        return tuple(after - before for before, after in zip(self.chunks, self.chunks[1:], strict=False))

    @property
    def tpot(self) -> float:
        """Time per output token after the first; 0 for a single token."""
        return (self.chunks[-1] - self.chunks[0]) / (self.completion_tokens - 1) if self.completion_tokens > 1 else 0.0

    @property
    def e2e(self) -> float:
        """From due to done."""
        return self.done - self.due
