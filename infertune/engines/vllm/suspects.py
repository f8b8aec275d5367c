"""Who killed the server: requests that were in flight at its death go on one decoding setting at a time."""

from collections import Counter, deque
from collections.abc import Sequence

from infertune.types import Decoding, Request

MAX_DEATHS = 3


class Suspects:
    """Requests under suspicion, and the settings that were found guilty.

    A setting in whose sole company the server died three times is guilty: none of its requests is asked again.
    """

    def __init__(self) -> None:
        self._groups: deque[tuple[Request, ...]] = deque()
        self._deaths: Counter[Decoding] = Counter()
        self._guilty: dict[Decoding, str] = {}

    def died(self, in_flight: Sequence[Request], cause: str) -> None:
        """Note that the server died of a cause of its own while these were unanswered."""
        groups: dict[Decoding, list[Request]] = {}
        for request in in_flight:
            groups.setdefault(request.decoding, []).append(request)
        if len(groups) == 1:
            (decoding,) = groups
            self._deaths[decoding] += 1
            if self._deaths[decoding] >= MAX_DEATHS:
                self._guilty[decoding] = cause
        # Those that were never alone with a death come first: an answer among them shows that the server works.
        self._groups.extend(tuple(group) for group in groups.values())
        self._groups = deque(sorted(self._groups, key=lambda group: self._deaths[group[0].decoding]))

    def again(self, group: Sequence[Request]) -> None:
        """Put back a group whose server ended for another reason."""
        if group:
            self._groups.appendleft(tuple(group))

    def dismiss(self) -> None:
        """Forget the requests, and remember the guilty settings."""
        self._groups.clear()

    def next_group(self) -> tuple[Request, ...]:
        """Take the requests of one setting, to be asked with no others beside them; none when all are cleared."""
        return self._groups.popleft() if self._groups else ()

    def verdict(self, request: Request) -> str:
        """Return why a request must not be asked; empty when it may."""
        cause = self._guilty.get(request.decoding)
        return "" if cause is None else f"its decoding settings killed the server {MAX_DEATHS} times: {cause}"
