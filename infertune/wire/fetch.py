"""One exchange over HTTP, the whole of it within limits of time and size."""

from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread

import httpx

from infertune.wire.body import HEADERS, Body, Room


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A whole reply; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def fetch(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    seconds: float,
    limit: int,
    content: bytes | None = None,
    room: Room | None = None,
) -> Fetched:
    """Send a request and return the whole reply.

    httpx limits the time between two pieces only, so it is another thread that waits for them.

    Args:
        client: Carries the key; stays the caller's.
        method: Such as GET.
        url: Whole, or below the client's base URL.
        seconds: Most for all of it.
        limit: Most bytes of the reply, unpacked.
        content: JSON that is sent.
        room: Shared by all that are read at once.

    Raises:
        httpx.HTTPError: There is no reply.
        TimeoutError: It has not come whole in time.
        TooLarge: It is larger than it may be.
    """
    found: SimpleQueue[Fetched | BaseException] = SimpleQueue()
    headers = {**HEADERS, **({"Content-Type": "application/json"} if content is not None else {})}

    def work() -> None:
        try:
            with (
                client.stream(method, url, content=content, headers=headers, timeout=seconds) as reply,
                Body(reply.headers, limit=limit, room=room or Room()) as held,
            ):
                for piece in [reply.content] if reply.is_stream_consumed else reply.iter_raw():
                    held.keep(piece)
                found.put(Fetched(status=reply.status_code, headers=dict(reply.headers), content=held.content))
        except BaseException as error:
            found.put(error)

    Thread(target=work, name="infertune-fetch", daemon=True).start()
    try:
        outcome = found.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"no whole answer in {seconds:g} s") from None
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
