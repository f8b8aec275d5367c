"""How many samples to have in flight at an endpoint of unknown size: as many as make it faster, fewer when it refuses.

Growth follows the measured tokens per second: a step is kept only when it pays. A refusal takes a share of the limit
away (Chiu and Jain 1989, multiplicative decrease), and from then on it grows by small steps only.
"""

import time
from collections.abc import Callable

START = 16
CEILING = 256
MIN_GAIN = 1.08  # of tokens per second; less is within the noise of a window
MAX_SAMPLES_WAITED = 2  # times the limit: samples that end a window
WINDOWS_AT_REST = 8  # before another step is tried, for the work may have changed
KEPT_AT_REFUSAL = 0.7  # of the limit
SMALL_STEP = 1 / 8  # of the limit


class ConcurrencyLimit:
    """The limit, counted in samples in flight, and its memory. Not thread-safe.

    Args:
        ceiling: The limit never exceeds it; at least 1.
        start: The first limit.
        clock: Seconds, for tests.

    Attributes:
        limit: Most samples in flight now.
        in_flight: Samples in flight now. May exceed the limit after a refusal, or by one large request.
    """

    def __init__(
        self, *, ceiling: int = CEILING, start: int = START, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ceiling = ceiling
        self.limit = min(start, ceiling)
        self.in_flight = 0
        self._clock = clock
        self._was_full = False  # in this window, so that its speed says something about the limit
        self._was_refused = False
        self._before: tuple[int, float] | None = None  # limit and tokens per second before the step under trial
        self._n_resting = 0
        self._n_of_before = 0  # samples still to finish that started under another limit: they tell of that one
        self._new_window()

    @property
    def has_room(self) -> bool:
        """Whether a request may start. One that is larger than the limit starts when it is alone."""
        return self.in_flight < self.limit

    def started(self, n_samples: int) -> None:
        """Count a request of so many samples in."""
        self.in_flight += n_samples
        self._was_full = self._was_full or self.in_flight >= self.limit

    def finished(self, n_samples: int, *, tokens: int) -> None:
        """Count a request out that was answered with so many tokens."""
        self.in_flight -= n_samples
        if self._n_of_before > 0:
            self._n_of_before -= n_samples
            if self._n_of_before <= 0:
                self._new_window()
            return
        self._n_finished += n_samples
        self._tokens += tokens
        seconds = self._clock() - self._window_start
        if self._n_finished >= MAX_SAMPLES_WAITED * self.limit and seconds > 0:
            limit = self.limit
            if self._was_full:
                self._judge(self._tokens / seconds)
            self._new_window()
            self._n_of_before = self.in_flight if self.limit != limit else 0

    def failed(self, n_samples: int) -> None:
        """Count a request out whose failure says nothing about the load."""
        self.in_flight -= n_samples

    def refused(self, n_samples: int, *, started_at: float) -> None:
        """Count a request out that the endpoint was too busy for; lower the limit, once for all that were under way.

        Args:
            n_samples: Of the request.
            started_at: By the clock, when it was sent: a refusal of what was sent before the last lowering is no news.
        """
        self.in_flight -= n_samples
        if started_at >= self._window_start or not self._was_refused:
            self._was_refused = True
            self._before = None
            self._n_resting = 0
            self.limit = max(1, int(KEPT_AT_REFUSAL * self.limit))
            self._new_window()

    def _judge(self, tokens_per_second: float) -> None:
        if self._before is None:
            self._n_resting += 1
            if self._n_resting == 1 or self._n_resting > WINDOWS_AT_REST or self._was_refused:
                self._step(tokens_per_second)
            return
        limit, speed = self._before
        if tokens_per_second >= MIN_GAIN * speed or self._was_refused:
            self._step(tokens_per_second)
        else:
            self.limit = limit
            self._before = None
            self._n_resting = 1

    def _step(self, tokens_per_second: float) -> None:
        larger = self.limit + max(1, int(SMALL_STEP * self.limit)) if self._was_refused else 2 * self.limit
        self._before = (self.limit, tokens_per_second) if self.limit < self._ceiling else None
        self._n_resting = 1
        self.limit = min(larger, self._ceiling)

    def _new_window(self) -> None:
        self._window_start = self._clock()
        self._n_finished = 0
        self._tokens = 0
        self._was_full = self.in_flight >= self.limit
