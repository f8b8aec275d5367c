"""What ``tune_serving`` may spend, and what that will buy."""

from infertune.budget import parse_seconds
from infertune.errors import InvalidInputError
from infertune.report.table import duration
from infertune.serving.search.split import SEARCH_SHARE, Split

_OPTION = "`budget_seconds`"
# Of a start, until the first has shown it.
_START_SECONDS = {"vllm": 60.0, "hf": 20.0, "command": 20.0}


def seconds(text: str | float, *, burst: float) -> float:
    """Return the seconds of a budget, above 0 and above those of a burst.

    Raises:
        InvalidInputError: It is no duration, or too short.
    """
    try:
        found = parse_seconds(text) if isinstance(text, str) else float(text)
    except InvalidInputError as error:
        raise InvalidInputError(f"{_OPTION} {error.text}") from None
    if found <= 0:
        raise InvalidInputError(f"{_OPTION} must be above 0")
    if not burst < found:
        raise InvalidInputError(f"`burst_seconds` must be less than {_OPTION}, but {burst:g} is not below {found:g}")
    return found


def outlook(budget: float, burst_seconds: float, *, engine: str, start: float, spent: float, schedule: float) -> str:
    """Return what a budget will buy, in a few lines, before anything is started.

    Args:
        budget: Seconds, those of the schedule among them.
        burst_seconds: Of the search.
        engine: As ``--engine`` has it.
        start: Seconds of a start, where one is known; else 0.
        spent: Seconds that earlier runs of the study have spent.
        schedule: Share of the budget that is kept for speculative lengths; 0 for none.
    """
    guess = start or _START_SECONDS[engine]
    own = budget * (1 - schedule)
    split = Split(budget=own, burst_seconds=burst_seconds, usual_burst=burst_seconds, start_seconds=guess)
    known = "as before" if start else "a guess"
    parts = [
        ("search", f"{split.n_trials} servers", f"2 to 7 of {burst_seconds:g} s", SEARCH_SHARE * own),
        (
            "finals",
            f"{2 * split.n_rounds} servers in turns",
            f"3 or more of {burst_seconds:g} to {2 * burst_seconds:g} s",
            (1 - SEARCH_SHARE) * own,
        ),
        *([("schedule", "one for each length", "3 a load", schedule * budget)] if schedule else []),
    ]
    rows = [f"  {name:9}{servers:22}{bursts:26}{duration(part)}" for name, servers, bursts, part in parts]
    gone = f", of which {duration(spent)} are spent" if spent else ""
    return "\n".join(
        (
            f"At most {duration(budget)} of server time{gone}.",
            f"A start takes {guess:.0f} s ({known}), so there is room for about:",
            f"  {'':9}{'servers':22}{'bursts a server':26}together",
            *rows,
        )
    )
