"""What ``tune-serving`` seeks, from the words of its options."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infertune.serving.measure.goal import Goal


def goal(
    *,
    slo: str | None,
    maximize: str | None,
    minimize: str | None,
    rate: float | None,
    concurrency: int | None,
    price: float | None,
) -> "Goal":
    """Return what is sought.

    Raises:
        InvalidInputError: There is no goal, an option has no use for it, or a word that nothing is called.
    """
    from infertune.errors import InvalidInputError, nearest
    from infertune.load import metric_names
    from infertune.load import slo as slos
    from infertune.load.arrival_load import Load
    from infertune.serving.measure.goal import Goal

    if not slo and maximize is None and minimize is None:
        raise InvalidInputError(
            "there must be a goal: an SLO, such as `slo` 'p99_ttft<300ms, p99_itl<40ms', or an objective, such as "
            "`maximize` throughput"
        )
    if maximize is not None and minimize is not None:
        raise InvalidInputError("`maximize` and `minimize` must not be given together")
    if rate is not None and concurrency is not None:
        raise InvalidInputError("`rate` and `concurrency` must not be given together")
    kept = slos.parse(slo) if slo else slos.Slo(())
    latency = metric_names.turned(minimize) if minimize is not None else ""
    if minimize not in (None, "cost") and latency not in metric_names.NAMES:
        raise InvalidInputError(f"`minimize` has no '{minimize}'{nearest(latency, ('cost', *metric_names.NAMES))}")
    if latency not in metric_names.NAMES and (rate is not None or concurrency is not None):
        raise InvalidInputError("`rate` and `concurrency` need `minimize` with a latency, such as `minimize` p50_e2e")
    if price is not None and minimize != "cost":
        raise InvalidInputError("`gpu_hour_price` needs `minimize` cost")
    if minimize == "cost":
        return Goal(kind="cost", slo=kept, hour_price=price)
    if minimize is not None:
        load = None if rate is None and concurrency is None else Load(rate=rate, concurrency=concurrency)
        return Goal(kind="latency", slo=kept, load=load, latency=latency)
    kind = maximize or "goodput"
    if kind == "goodput":
        return Goal(kind="goodput", slo=kept)
    if kind == "throughput":
        return Goal(kind="throughput", slo=kept)
    raise InvalidInputError(f"`maximize` has no '{kind}'{nearest(kind, ('goodput', 'throughput'))}")
