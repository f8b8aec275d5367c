"""Speculative lengths about the settings that a search has found, at several loads, with the rest of the budget."""

from collections.abc import Callable

from infertune.errors import InvalidInputError
from infertune.serving.measure.account import LoadAccount
from infertune.serving.search.speculation import LENGTH, METHOD, Schedule, loads_to_measure, measured, schedule
from infertune.space import SearchSpace
from infertune.types import Configuration

SHARE = 0.2  # of a budget, where there are lengths to choose between
REPEATS = 3
PURPOSE = "schedule"  # of the account, followed by whose schedule it is
_MOST_IN_FLIGHT = 64
_LOOKUP = "engine.prompt_lookup_max"


def are_searched(space: SearchSpace) -> bool:
    """Whether there are speculative lengths to choose between."""
    if METHOD not in space or LENGTH not in space:
        return False
    return any(each != "none" for each in space[METHOD].values())


def about(
    settings: Configuration,
    space: SearchSpace,
    account: LoadAccount,
    *,
    budget: float,
    seed: int,
    say: Callable[[str], None],
) -> tuple[Schedule | None, str]:
    """Return the schedule about some settings, and what the user should know of it.

    Args:
        settings: The winner's.
        space: That was searched: its lengths are measured, by the winner's method or else the first.
        account: Of the search.
        budget: Seconds of the whole study; what is left of them is spent here.
        seed: Of the arrivals.
        say: Told what is done.
    """
    method = str(settings.get(METHOD, "none"))
    if method == "none":
        method = next(str(each) for each in space[METHOD].values() if each != "none")
    values = dict(settings)
    if _LOOKUP in space:
        values.setdefault(_LOOKUP, space[_LOOKUP].default)
    most = min(int(settings.get("engine.max_num_seqs", _MOST_IN_FLIGHT)), _MOST_IN_FLIGHT)
    purpose = f"{PURPOSE} {settings.digest}"
    evidence, complete = measured(
        account,
        Configuration(values),
        method=method,
        lengths=[0, *(int(each) for each in space[LENGTH].values())],
        loads=loads_to_measure(most),
        repeats=REPEATS,
        room=budget - (account.spent - account.of(purpose)),
        seed=seed,
        say=say,
        purpose=purpose,
    )
    try:
        found = schedule(evidence, complete=complete)
    except InvalidInputError:
        return None, "the budget had no room for a schedule of speculative lengths"
    return found, "" if complete else "the schedule lacks lengths: the budget ended, or a server failed with one"
