"""What was picked of a study, in a terminal and as plain data."""

from typing import Any

from rich.console import Console

from infertune.archive.pick import Pick, Picked
from infertune.report.mappings import as_mapping
from infertune.report.table import plain
from infertune.report.text import safe


def as_json(found: Picked) -> dict[str, Any]:
    """Return everything in lists, mappings and scalars."""
    return as_mapping(found)


def show(found: Picked, console: Console, *, confirms: str) -> None:
    """Print the choice, what it gives up, and how to measure it.

    Args:
        confirms: The command that measures it on ``confirm``.
    """

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    chosen, best = found.chosen, found.best
    say(f"Picked, with {_figures(chosen)}, tried on {chosen.n_examples} examples:")
    for name, value in chosen.configuration.items():
        say(f"  {safe(name)}={safe(plain(value))}")
    if chosen.configuration == best.configuration:
        say("The limits cost nothing: it is the best that is known.")
    else:
        lost = best.utility - chosen.utility
        say(f"It gives up {lost:.3f} of utility; without limits the best has {_figures(best)}.")
    if not chosen.confirmed:
        say("It was not confirmed on unseen examples. To measure it there:")
        say(f"  {confirms}")


def _figures(pick: Pick) -> str:
    latency = "" if pick.latency_seconds is None else f" in {pick.latency_seconds:.3g} s"
    return f"an expected utility of {pick.utility:.3f} at {pick.cost_tokens:.0f} tokens per request{latency}"
