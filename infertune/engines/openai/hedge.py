"""When a request is a straggler, so that a second copy is worth its price (Dean and Barroso 2013, hedged requests)."""

from bisect import insort
from collections import deque

MIN_OBSERVED = 20
WINDOW = 200
PERCENTILE = 0.95
SLACK = 1.5  # times that percentile, for one request in twenty is beyond it in the best of worlds
FEW = 2  # requests under way, which fill no server
MAX_SHARE = 0.1  # of all requests, and one more


class Hedge:
    """Recent seconds per token of the limit, and how many copies were sent.

    A limit is used, not the length of the answer, which is not known in time; how early texts end here is in the
    observations.

    Args:
        floor_seconds: No request is a straggler before.

    Attributes:
        n_requests: Sent so far; ``n_done`` of them are over, answered or not.
        n_copies: Sent so far, beside these.
    """

    def __init__(self, *, floor_seconds: float) -> None:
        self._floor_seconds = floor_seconds
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self.n_requests = 0
        self.n_done = 0
        self.n_copies = 0

    def answered(self, seconds: float, *, max_tokens: int) -> None:
        """Observe a request that was answered."""
        value = seconds / max_tokens
        if len(self._recent) == WINDOW:
            self._sorted.remove(self._recent.popleft())
        self._recent.append(value)
        insort(self._sorted, value)

    def after_seconds(self, *, max_tokens: int) -> float | None:
        """Return after how long a request of this limit is a straggler; None while too little is known."""
        if len(self._sorted) < MIN_OBSERVED:
            return None
        late = self._sorted[int(PERCENTILE * len(self._sorted))]
        return max(self._floor_seconds, SLACK * late * max_tokens)

    def may_overtake(self, number: int) -> bool:
        """Whether a copy of a request that is under way may be faster: a later one was, or few others are under way.

        Where none was, the server is slow as a whole, or full, and a copy would only wait behind the request.

        Args:
            number: Of the request, the first that was sent being 1.
        """
        return self.n_done >= number or self.n_requests - self.n_done <= FEW

    @property
    def allowed(self) -> bool:
        """Whether one more copy keeps to the share: a server that is slow as a whole must not get twice the load."""
        return self.n_copies < 1 + MAX_SHARE * self.n_requests
