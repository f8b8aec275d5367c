"""How hard a server is pressed: an open loop of arrivals, or a closed loop of so many callers."""

from dataclasses import dataclass

from infertune.errors import InvalidInputError

_LEAST_RATE = 1e-4
_MOST_BURSTINESS = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """An open loop (``rate``) or a closed one (``concurrency``); just one of the two is given.

    Attributes:
        rate: Mean arrivals per second, at least 0.0001; infinity sends everything at once.
        concurrency: Requests in flight at any time, at least 1: the next is sent when one has ended.
        burstiness: Of the open loop: the gaps between arrivals are gamma distributed with this squared coefficient of
            variation; 1 is a Poisson process, 0 a constant rate, above 1 comes in bursts.
    """

    rate: float | None = None
    concurrency: int | None = None
    burstiness: float = 1.0

    def __post_init__(self) -> None:
        if (self.rate is None) == (self.concurrency is None):
            raise InvalidInputError("a load must have a rate or a concurrency, and not both")
        if self.rate is not None and not self.rate >= _LEAST_RATE:
            raise InvalidInputError(
                f"the rate must be above 0, at least {_LEAST_RATE:g} requests/s, not {self.rate:g}"
            )
        if self.concurrency is not None and self.concurrency < 1:
            raise InvalidInputError(f"the concurrency must be at least 1, not {self.concurrency}")
        if not 0 <= self.burstiness <= _MOST_BURSTINESS:
            raise InvalidInputError(f"the burstiness must be from 0 to {_MOST_BURSTINESS:g}, not {self.burstiness:g}")
