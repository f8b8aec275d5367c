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
from typing import Any

import httpx
import msgspec

from infertune import models
from infertune.engines.openai.keys import Key
from infertune.engines.probing.endpoint import Endpoint
from infertune.engines.probing.probe import Probe, Step, probe
from infertune.types import Scalar

KEPT_SECONDS = 24 * 3600.0
_STARTED = re.compile(r"^process_start_time_seconds (\S+)$", re.MULTILINE)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


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
    on_step: Callable[[Step], None] = lambda step: None,
) -> Probe:
    """Return what is known of an endpoint, or find it out; the arguments are those of `probe`.

    It is known while the server's process is the one that was probed, where its metrics tell when it began. Another
    machine that does not tell is believed for a day. A server of this machine that does not tell may be any by now.

    Args:
        again: Find it out whatever is known.
    """
    started = _STARTED.search(Endpoint(client, model=model, key=key).get("metrics", root=True))
    file: Path | None = None
    if started is not None or client.base_url.host not in _LOOPBACK:
        told = [str(client.base_url), model, extra_body, extra, seeds_safe, started[1] if started else ""]
        digest = sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
        file = models.cache_folder() / "probes" / f"{digest}.json"
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
    )
    if file is not None:
        _write(file, found)
    return found


def _read(file: Path) -> Probe | None:
    try:
        if time.time() - file.stat().st_mtime > KEPT_SECONDS:
            return None
        return replace(msgspec.json.decode(file.read_bytes(), type=Probe), is_recalled=True)
    except (OSError, msgspec.MsgspecError):
        return None


def _write(file: Path, found: Probe) -> None:
    """Write it whole or not at all; where the cache cannot be written, the next look is paid for again."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(msgspec.json.encode(found))
        Path(partial).replace(file)
