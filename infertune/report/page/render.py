"""The page as one file: data, style, script and the charting library, and a policy that lets nothing else run."""

import importlib.util
from base64 import b64encode
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

from infertune.errors import DataUnavailableError
from infertune.report.page.encoding import script_json

MOST_BYTES = 6_000_000
SCRIPTS = ("dom.js", "theme.js", "chart.js", "front.js", "compare.js", "curve.js", "sections.js", "page.js")
_LIBRARY = ("bokeh.min.js", "bokeh-api.min.js")


def page(data: dict[str, Any], *, refresh_seconds: float = 0.0) -> str:
    """Return the page.

    Args:
        data: Of `infertune.report.page.data.page_data`.
        refresh_seconds: How often the page asks its server for newer data; 0 for a file, which asks nobody.

    Raises:
        DataUnavailableError: The charting library is not installed.
    """
    library = [_library(name) for name in _LIBRARY]
    script = "(() => {\n'use strict';\n" + "\n".join(_part(name) for name in SCRIPTS) + "\n})();"
    scripts = [*library, script]
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            "style-src 'unsafe-inline'",  # the charts put styles into their own shadow trees as they are drawn
            "img-src data:",
            f"connect-src {chr(39)}{'self' if refresh_seconds else 'none'}{chr(39)}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    parts = {
        "POLICY": policy,
        "STYLE": _part("page.css"),
        "DATA": script_json(data | {"refresh_seconds": refresh_seconds}),
        "SCRIPTS": "\n".join(f"<script>{each}</script>" for each in scripts),
    }
    before, *rest = _part("page.html").split("{{")
    pieces = [before]
    for piece in rest:
        name, _, after = piece.partition("}}")
        pieces += [parts[name], after]
    return "".join(pieces)


def check_library() -> None:
    """Raise DataUnavailableError unless the charting library is installed."""
    _folder()


def _folder() -> Path:
    found = importlib.util.find_spec("bokeh")
    if found is None or not found.submodule_search_locations:
        raise DataUnavailableError("the page needs the extra [report]: pip install 'infertune[report]'")
    return Path(found.submodule_search_locations[0], "server", "static", "js")


def _library(name: str) -> str:
    try:
        text = (_folder() / name).read_text(encoding="utf-8")
    except OSError as error:
        raise DataUnavailableError(f"the charting library of the page is not whole: {error}") from error
    if "</script" in text.lower() or "<!--" in text:
        raise DataUnavailableError(f"{name} of the charting library cannot stand in a page")
    return text


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
