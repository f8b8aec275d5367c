"""Puts loads on a server of a step for as long as the step has room."""

from collections.abc import Callable

from infertune.load.arrival_load import Load
from infertune.load.saturation import hopeless
from infertune.load.slo import Slo
from infertune.serving.measure.account import PaidServer
from infertune.serving.measure.figures import Figures, held
from infertune.serving.measure.score import FEWEST_REQUESTS, Press
from infertune.serving.search.result import words

_SECOND_SEED = 1000  # further than any load is tried


def pressing(
    server: PaidServer,
    slo: Slo,
    *,
    room: float,
    burst_seconds: float,
    shortest: float,
    seed: int,
    say: Callable[[str], None],
    void: list[str],
) -> Press:
    """Return what presses a server; the same seeds for every server of a step.

    A burst that would last longer than there is room for is made shorter, but not shorter than ``shortest``.

    Args:
        server: Open.
        slo: Ends a burst early that cannot keep it.
        room: Seconds for the server, its start included.
        burst_seconds: That a burst lasts whose requests are all sent at once or one after another, as far as is known.
        shortest: Seconds.
        seed: Of arrivals.
        say: Told what is done, but not what is only read from the log.
        void: Gets the reason of every void burst.
    """

    def fitting(load: Load, n: int) -> int:
        """Return how many of the requests there is room for; 0 for too few."""
        lasts = n / load.rate if load.rate is not None and load.rate < float("inf") else burst_seconds
        left = room - server.used
        if lasts <= left:
            return n
        fewer = int(n * left / lasts)
        return fewer if left >= shortest and fewer >= max(FEWEST_REQUESTS, load.concurrency or 0) else 0

    def press(load: Load, n_requests: int, turn: int) -> Figures | None:
        n = fitting(load, n_requests)
        if not n:
            return None
        early = hopeless(slo, n) if slo.promises else None
        if server.is_running:
            say(f"{words(load)}, {n} requests")
        found = server.press(load, n_requests=n, seed=seed + turn, hopeless=early)
        if found.void and not held(found) and fitting(load, n) == n:
            # A late generator makes latencies longer, so what was held was held; what was broken is asked again.
            void.append(found.void)
            found = server.press(load, n_requests=n, seed=seed + turn + _SECOND_SEED, hopeless=early)
        if found.void:
            void.append(found.void)
        return found

    return press
