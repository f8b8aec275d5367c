"""Which models an endpoint says it serves (``GET /models``)."""

import time
from dataclasses import dataclass

import httpx
import msgspec

from infertune.engines.endpoint.api_key import Key
from infertune.errors import EngineError
from infertune.wire.body import TooLarge
from infertune.wire.fetch import fetch
from infertune.wire.words import clean, said

_N_TRIES = 3
_WAIT_SECONDS = 0.5
_SECONDS = 30.0
_MOST_BYTES = 2**22


class _Model(msgspec.Struct):
    id: str
    root: str | None = None
    owned_by: str | None = None


class _Models(msgspec.Struct):
    data: list[_Model]


@dataclass(frozen=True, slots=True)
class Listing:
    """The models of an endpoint; empty where it keeps them to itself."""

    models: tuple[_Model, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all models."""
        return tuple(model.id for model in self.models)

    def root(self, name: str) -> str:
        """Return what a model is made from, where the server tells and it is not the name again."""
        found = next((model.root for model in self.models if model.id == name), None)
        return "" if found is None or found == name else clean(found)


def served(client: httpx.Client, key: Key) -> Listing:
    """Ask an endpoint for its models, and so whether it is there at all.

    Raises:
        EngineError: Nothing answers, or it wants another key.
    """
    for n_left in range(_N_TRIES - 1, -1, -1):
        try:
            reply = fetch(client, "GET", "/models", seconds=_SECONDS, limit=_MOST_BYTES)
            break
        except TooLarge:
            return Listing()
        except (httpx.TransportError, TimeoutError) as error:
            if not n_left:
                reason = key.redact(str(error)) or type(error).__name__
                raise EngineError(f"there must be a server at {client.base_url}, but: {reason}") from None
            time.sleep(_WAIT_SECONDS)
    if reply.status in (401, 403):
        words = said(reply.status, reply.content, key.redact)
        raise EngineError(
            f"the endpoint {client.base_url} rejects the API key, or needs one: {words}; "
            "set it with `api_key_env` or `api_key_file`"
        )
    try:
        return Listing(tuple(msgspec.json.decode(reply.content, type=_Models).data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Listing()
