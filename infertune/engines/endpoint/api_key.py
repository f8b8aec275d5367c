"""API keys: read from the environment or a file, held in memory, and struck out of every text that goes further."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

import httpx

from infertune.errors import InvalidInputError

DEFAULT_ENVIRONMENT_NAME = "OPENAI_API_KEY"
REDACTED = "[key]"
_MOST_KEY_BYTES = 100_000
_LONGEST_URL, _MOST_SHOWN = 2000, 100  # characters
_HOST = re.compile(r"[a-z0-9._-]{1,253}|(?=.*:)[0-9a-f:.]{2,45}(%[a-z0-9.%]+)?", re.IGNORECASE)
_MIN_SECRET = 4  # striking out every shorter run of letters would leave no text


class Key:
    """A secret, or none. It is never in a ``repr``, and a copy for another process is refused.

    Args:
        secret: The key itself; empty for an endpoint that wants none.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str = "") -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return f"Key({REDACTED if self._secret else ''})"

    def __reduce__(self) -> str:
        raise TypeError("a key stays in the process that read it")

    @property
    def headers(self) -> Mapping[str, str]:
        """The HTTP header that carries the key; nothing without one."""
        return {"Authorization": f"Bearer {self._secret}"} if self._secret else {}

    def redact(self, text: str) -> str:
        """Return a text from outside with the key struck out, as it is and as a URL writes it."""
        if len(self._secret) < _MIN_SECRET:
            return text
        for form in {self._secret, quote(self._secret, safe="")}:
            text = text.replace(form, REDACTED)
        return text


def read(*, api_key_env: str | None = None, api_key_file: str | None = None) -> Key:
    """Return the key that the user points at; by default what OPENAI_API_KEY holds, if anything.

    Raises:
        InvalidInputError: Both are given, the variable is not set, or the file cannot be read or is no key.
    """
    if api_key_env is not None and api_key_file is not None:
        raise InvalidInputError("`api_key_env` and `api_key_file` must not be given together")
    if api_key_file is not None:
        return Key(_checked(_read_file(api_key_file), f"the file {api_key_file}"))
    if api_key_env is not None:
        if not os.environ.get(api_key_env):
            raise InvalidInputError(
                f"`api_key_env` must name an environment variable that holds the key, but {_shown(api_key_env)} "
                "is not set"
            )
        return Key(_checked(os.environ[api_key_env], f"the environment variable {api_key_env}"))
    default = os.environ.get(DEFAULT_ENVIRONMENT_NAME, "")
    return Key(_checked(default, f"the environment variable {DEFAULT_ENVIRONMENT_NAME}") if default else "")


def check_base_url(base_url: str) -> str:
    """Return the URL without a slash at its end; it must be http(s), one that can be asked, and hold no secret.

    Raises:
        InvalidInputError: It is no such URL.
    """
    shown = ascii(base_url if len(base_url) <= _MOST_SHOWN else f"{base_url[:_MOST_SHOWN]}...")
    wanted = f"`base_url` must be a URL such as http://127.0.0.1:8000/v1, but is {shown}"
    if not base_url.isprintable() or " " in base_url.strip() or len(base_url) > _LONGEST_URL:
        raise InvalidInputError(wanted)
    base_url = base_url.strip()
    try:
        parts = urlsplit(base_url)
        if "@" in parts.netloc:
            raise InvalidInputError(
                "`base_url` must not hold a user or a password: give the key by `api_key_env` or `api_key_file`"
            )
        asked = httpx.URL(base_url)
        host = (parts.hostname or "").encode("idna").decode() if asked.host else ""
    except (ValueError, httpx.InvalidURL):  # of names, a label too long or empty
        raise InvalidInputError(wanted) from None
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host) or not _has_port(parts):
        raise InvalidInputError(wanted)
    if parts.query or parts.fragment:
        raise InvalidInputError("`base_url` must end before any '?' or '#': what follows may be a secret")
    return base_url.rstrip("/")


def _has_port(parts: SplitResult) -> bool:
    """Whether the port is one, or left out."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _read_file(path: str) -> str:
    """Return what a file holds; its name is not repeated where there is none, for it may be the key itself."""
    try:
        with Path(path).expanduser().open("rb") as file:
            return file.read(_MOST_KEY_BYTES).decode().strip()
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "it cannot be read as text"
        raise InvalidInputError(f"`api_key_file` must name a file that holds the key, but: {reason}") from None


def _checked(secret: str, place: str) -> str:
    """Return a key that an HTTP header can carry."""
    if not secret or any(not "!" <= character <= "~" for character in secret):
        raise InvalidInputError(f"{place} must hold one key of visible ASCII characters, and nothing else")
    return secret


def _shown(name: str) -> str:
    """Return the name of a variable, unless it looks as if the key itself was given for it."""
    return name if name.isidentifier() and len(name) <= 40 else "what was given"
