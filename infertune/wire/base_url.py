"""The base URL of an endpoint in every form in which people have it: with what is below it, with or without /v1."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import msgspec

from infertune.wire.body import TooLarge
from infertune.wire.fetch import fetch

_BELOW = re.compile(r"(/+(chat/completions|completions|models|embeddings|responses))?/*$")
_VERSION = re.compile(r"/v\d+\w*$")
_SECONDS = 10.0
_MOST_BYTES = 2**22
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def tidied(base_url: str) -> str:
    """Return the URL without spaces around it, and without the paths that are below it."""
    stripped = base_url.strip()
    scheme, mark, rest = stripped.partition("://")
    return f"{scheme}{mark}{re.sub('/{2,}', '/', _BELOW.sub('', rest))}" if mark else stripped


def without_version(base_url: str) -> str:
    """Return the URL below which a server has its own pages."""
    return _VERSION.sub("", tidied(base_url))


def reached(client: httpx.Client) -> str:
    """Return the base URL of a client, with /v1 behind it where the endpoint is there, or without where it is not.

    What lists models, or answers a chat, is the endpoint. Where neither of the two is, the URL stays as it is.
    """
    given = str(client.base_url).rstrip("/")
    other = without_version(given) if _VERSION.search(urlsplit(given).path) else f"{given}/v1"
    try:
        return next((url for looks in (_lists, _answers) for url in (given, other) if looks(client, url)), given)
    except (httpx.HTTPError, TimeoutError):
        return given


def reached_from(base_url: str, headers: Mapping[str, str]) -> str:
    """Return the base URL of a tidied one that has no version, as `reached`; one that has one is taken at its word."""
    parts = urlsplit(base_url)
    if _VERSION.search(parts.path):
        return base_url
    is_local = parts.hostname in _LOOPBACK
    with httpx.Client(base_url=base_url, headers=headers, trust_env=not is_local) as client:
        return reached(client)


def _lists(client: httpx.Client, url: str) -> bool:
    """Whether there is a list of models, or a door before it."""
    try:
        reply = fetch(client, "GET", f"{url}/models", seconds=_SECONDS, limit=_MOST_BYTES)
        if reply.status in (401, 403):
            return True
        found = msgspec.json.decode(reply.content)
    except (TooLarge, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return reply.status == 200 and isinstance(found, dict) and isinstance(found.get("data"), list)


def _answers(client: httpx.Client, url: str) -> bool:
    """Whether something is there that takes, or refuses, an empty chat or completion."""
    return any(_is_there(client, f"{url}/{path}") for path in ("chat/completions", "completions"))


def _is_there(client: httpx.Client, url: str) -> bool:
    try:
        reply = fetch(client, "POST", url, content=b"{}", seconds=_SECONDS, limit=_MOST_BYTES)
    except (TimeoutError, TooLarge):  # something is
        return True
    return reply.status not in (404, 405)
