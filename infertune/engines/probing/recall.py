"""Keeps what was found out about a server for as long as it is the same one, so that it is not paid for twice."""

import contextlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import httpx
import msgspec

from infertune.engines import cache
from infertune.engines.endpoint.api_key import Key
from infertune.engines.probing.probe import Probe, ProbeStep, probe
from infertune.engines.probing.probe_client import Endpoint
from infertune.types import Scalar

KEPT_SECONDS = 24 * 3600.0
_NOTING_SECONDS = 0.1
_STARTED = re.compile(r"^process_start_time_seconds (\S+)$", re.MULTILINE)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ProbeJournal(Protocol):
    """Where a study keeps its looks at servers."""

    def of(self, server: str) -> "ProbeJournal":
        """Return the part that is about servers that were started so."""

    def begin(self) -> None:
        """Book what an interrupted look has cost."""

    def known(self, told: str) -> str | None:
        """Return what was kept of the server that was told so of, if anything."""

    def spend(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Note what the look under way has cost so far."""

    def keep(self, told: str, found: str) -> None:
        """Keep what was found."""


def probed(
    client: httpx.Client,
    *,
    model: str,
    key: Key,
    extra_body: Mapping[str, Any],
    extra: Mapping[str, tuple[Scalar, Scalar]],
    seeds_safe: bool,
    concurrency: int | None,
    again: bool,
    on_step: Callable[[ProbeStep], None] = lambda step: None,
    journal: ProbeJournal | None = None,
) -> Probe:
    """Return what is known of an endpoint, or find it out; the arguments are those of `probe`.

    A study's own look is known for as long as the study lasts. Otherwise it is known while the server's process is the
    one that was probed, where its metrics tell when it began. Another machine that does not tell is believed a day.
    A server of this machine that does not tell may be any by now.

    Args:
        again: Find it out whatever is known.
        journal: Of a study.
    """
    is_local = client.base_url.host in _LOOPBACK
    where = "" if is_local else str(client.base_url)  # the port is not what a server of this machine is known by
    told = json.dumps([where, model, extra_body, {name: list(ends) for name, ends in extra.items()}, seeds_safe])
    if journal is not None:
        journal.begin()
        noted = None if again else journal.known(told)
        if noted is not None and (known := _decoded(noted.encode())) is not None:
            return known
    found = _recalled_or_found(
        client,
        model=model,
        key=key,
        extra_body=extra_body,
        extra=extra,
        seeds_safe=seeds_safe,
        concurrency=concurrency,
        again=again,
        on_step=on_step,
        on_paid=_unnoted if journal is None else _noting(journal),
    )
    if journal is not None:
        if not found.is_recalled:
            journal.spend(found.prompt_tokens, found.completion_tokens)
        journal.keep(told, msgspec.json.encode(found).decode())
    return found


def _unnoted(prompt_tokens: int, completion_tokens: int) -> None:
    pass


def _noting(journal: ProbeJournal) -> Callable[[int, int], None]:
    """Return what notes the cost of a look, but not more often than is of use."""
    last = 0.0

    def noting(prompt_tokens: int, completion_tokens: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _NOTING_SECONDS:
            journal.spend(prompt_tokens, completion_tokens)
            last = time.monotonic()

    return noting


def _recalled_or_found(
    client: httpx.Client,
    *,
    model: str,
    key: Key,
    extra_body: Mapping[str, Any],
    extra: Mapping[str, tuple[Scalar, Scalar]],
    seeds_safe: bool,
    concurrency: int | None,
    again: bool,
    on_step: Callable[[ProbeStep], None],
    on_paid: Callable[[int, int], None],
) -> Probe:
    """Return what the cache knows, or find it out."""
    started = _STARTED.search(Endpoint(client, model=model, key=key).get("metrics", root=True))
    file: Path | None = None
    if started is not None or client.base_url.host not in _LOOPBACK:
        told = [str(client.base_url), model, extra_body, extra, seeds_safe, started[1] if started else ""]
        digest = sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
        file = cache.folder() / "probes" / f"{digest}.json"
    if file is not None and not again:
        known = _read(file)
        if known is not None:
            return known
    found = probe(
        client,
        model=model,
        key=key,
        extra_body=extra_body,
        extra=extra,
        seeds_safe=seeds_safe,
        concurrency=concurrency,
        on_step=on_step,
        on_paid=on_paid,
    )
    if file is not None:
        _write(file, found)
    return found


def _read(file: Path) -> Probe | None:
    try:
        if time.time() - file.stat().st_mtime > KEPT_SECONDS:
            return None
        return _decoded(file.read_bytes())
    except OSError:
        return None


def _decoded(text: bytes) -> Probe | None:
    try:
        return replace(msgspec.json.decode(text, type=Probe), is_recalled=True)
    except msgspec.MsgspecError:
        return None


def _write(file: Path, found: Probe) -> None:
    """Write it whole or not at all; where the cache cannot be written, the next look is paid for again."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(msgspec.json.encode(found))
        Path(partial).replace(file)
