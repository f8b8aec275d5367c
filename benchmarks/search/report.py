"""What all runs of the suite say, as a text of tables."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from benchmarks.search import ask_time, reached, results

LEAST_RUNS = 3  # of a method that is to be compared


def compared(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of methods that have enough runs to be compared."""
    enough = _n_runs(found)
    return [each for each in found if each["method"] in enough]


def _n_runs(found: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many runs at the largest budget each method has that has enough of them to be compared."""
    full = max(each["budget"] for each in found)
    counted = Counter(each["method"] for each in found if each["budget"] == full)
    return {name: n for name, n in counted.items() if n >= min(LEAST_RUNS, max(counted.values()))}


def report(
    panels: Mapping[str, Sequence[dict[str, Any]]],
    notes: Mapping[str, str],
    asks: Mapping[str, ask_time.AskTime],
    peers: Collection[str],
    missing: Sequence[str],
) -> str:
    """Return the tables.

    Args:
        panels: Rows of one kind of problem and one number of workers, by title.
        notes: What is to be said of the panels with these titles.
        asks: By method.
        peers: Names of methods.
        missing: Those of peers that are not installed.
    """
    parts = ["# Results of the search benchmark", "Regret in points: median [quartiles], mean."]
    if missing:
        parts.append(f"Not installed, and so left out: {', '.join(missing)}.")
    for title, found in panels.items():
        its_runs = _n_runs(found)
        parts += [f"## {title}", results.table(compared(found))]
        if title in notes:
            parts.append(notes[title])
        # Peers are compared with those that have as many runs; and ours with all, on the runs that they have.
        for n in sorted(set(its_runs.values()), reverse=True):
            group = {name for name, its in its_runs.items() if its == n} | (its_runs.keys() & {"value"})
            rivals = group & set(peers)
            if not rivals:
                continue
            target, ways = reached.reached([each for each in found if each["method"] in group], rivals)
            parts.append(reached.table(target, ways))
            if "value" in group:
                parts.append(reached.one_by_one(found, "value", target))
    if asks:
        parts += ["## Milliseconds per ask", "Of processor time, one thread, one worker.", ask_time.table(asks)]
    return "\n\n".join(parts)
