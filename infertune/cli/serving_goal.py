"""What ``tune-serving`` seeks and may spend, from the words of its options."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infertune.load.slo import Slo
    from infertune.serving.measure.goal import Goal


def goal(
    slo: "Slo",
    maximize: str | None,
    minimize: str | None,
    rate: float | None,
    concurrency: int | None,
    price: float | None,
) -> "Goal":
    """Return what is sought.

    Raises:
        InvalidInputError: Options that do not go together, or a word that nothing is called.
    """
    from infertune.errors import InvalidInputError, nearest
    from infertune.load.load import Load
    from infertune.serving.measure.goal import LATENCIES, Goal

    if maximize is not None and minimize is not None:
        raise InvalidInputError("give --maximize or --minimize, not both")
    load: Load | None = Load(rate=rate, concurrency=concurrency) if rate or concurrency else None
    if minimize is not None:
        if minimize == "cost":
            return Goal(kind="cost", slo=slo, load=load, hour_price=price)
        if minimize not in LATENCIES:
            raise InvalidInputError(f"--minimize has no '{minimize}'{nearest(minimize, ('cost', *LATENCIES))}")
        return Goal(kind="latency", slo=slo, load=load, latency=minimize)
    kind = maximize or ("goodput" if slo.promises else "throughput")
    if kind == "goodput":
        return Goal(kind="goodput", slo=slo, load=load)
    if kind == "throughput":
        return Goal(kind="throughput", slo=slo, load=load)
    raise InvalidInputError(f"--maximize has no '{kind}'{nearest(kind, ('goodput', 'throughput'))}")


def seconds(text: str) -> float:
    """Return the seconds of ``--budget-seconds``, above 0.

    Raises:
        InvalidInputError: It is no duration.
    """
    from infertune.budget import parse_seconds
    from infertune.errors import InvalidInputError

    try:
        found = parse_seconds(text)
    except InvalidInputError as error:
        raise InvalidInputError(f"--budget-seconds {error}") from None
    if found <= 0:
        raise InvalidInputError("--budget-seconds must be above 0")
    return found
