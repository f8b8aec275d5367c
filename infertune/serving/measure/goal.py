"""What is sought of a server."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from infertune.errors import InvalidInputError, nearest
from infertune.load import metric_names
from infertune.load.arrival_load import Load
from infertune.load.slo import Slo
from infertune.types import Scalar

Kind = Literal["goodput", "throughput", "cost", "latency"]
KINDS: tuple[Kind, ...] = ("goodput", "throughput", "cost", "latency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is sought.

    Attributes:
        kind: ``goodput``: the highest rate of requests that keeps the SLO. ``throughput``: tokens generated per
            second, at that rate, or with everything sent at once without an SLO. ``cost``: money per
            million generated tokens, likewise. ``latency``: a latency under a given load.
        slo: What must be kept; may be empty but for ``goodput``.
        load: Of ``latency``.
        latency: Of ``latency``: one of `infertune.load.metric_names.NAMES`.
        hour_price: Of ``cost``: of one device, per hour.

    Raises:
        InvalidInputError: Something that the kind needs is missing.
    """

    kind: Kind
    slo: Slo
    load: Load | None = None
    latency: str = "p50_e2e"
    hour_price: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInputError(f"nothing is called '{self.kind}' that could be sought{nearest(self.kind, KINDS)}")
        if self.kind == "goodput" and not self.slo.promises:
            raise InvalidInputError("goodput needs an SLO: give `slo`, such as `slo` 'p99_ttft<300ms'")
        if self.kind == "latency" and self.load is None:
            raise InvalidInputError("latency needs a load: give `rate` or `concurrency`")
        if self.kind != "latency" and self.load is not None:
            raise InvalidInputError(f"a load is given for latency only: for {self.kind} it is what is searched")
        if self.kind == "cost" and not (self.hour_price and 0 < self.hour_price < math.inf):
            raise InvalidInputError("cost needs a price above 0: give `gpu_hour_price`")
        if self.latency not in metric_names.NAMES:
            raise InvalidInputError(
                f"no latency is called '{self.latency}'{nearest(self.latency, metric_names.NAMES)}"
            )

    @property
    def is_of_capacity(self) -> bool:
        """Whether the load is searched; otherwise it is given."""
        return self.kind != "latency" and bool(self.slo.promises)

    @property
    def less_is_better(self) -> bool:
        """Of cost and latency."""
        return self.kind in ("cost", "latency")

    @property
    def unit(self) -> str:
        """Of the value."""
        return {
            "goodput": "requests/s",
            "throughput": "tokens/s",
            "cost": "per million tokens",
            "latency": "s",
        }[self.kind]

    def __str__(self) -> str:
        name = self.latency if self.kind == "latency" else self.kind
        return f"{name} ({self.unit})"

    def score(self, value: float) -> float:
        """Return the logarithm of how good a value is: more is better, and differences are ratios."""
        return -math.log(value) if self.less_is_better else math.log(value)

    def value(self, score: float) -> float:
        """Return the value of a score."""
        return math.exp(-score if self.less_is_better else score)


def n_devices(settings: Mapping[str, Scalar]) -> int:
    """Return on how many devices a server runs, as far as its settings say."""
    return math.prod(int(settings.get(f"engine.{name}_parallel_size", 1)) for name in ("tensor", "pipeline"))
