"""Where the shipped tasks and prompts lie: inside the wheel, or at the top of a checkout."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from infertune.errors import DataUnavailableError


def shipped(kind: str) -> Traversable:
    """Return the folder of shipped ``tasks`` or ``prompts``."""
    inside = files("infertune") / "data" / kind
    if inside.is_dir():
        return inside
    checkout = Path(__file__).resolve().parents[2] / kind
    if checkout.is_dir():
        return checkout
    raise DataUnavailableError(f"this installation of infertune has no {kind}: looked in {inside} and {checkout}")
