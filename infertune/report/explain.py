"""What a setting is, in a terminal and as plain data."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from infertune.decoding.settings import BY_NAME, Setting
from infertune.errors import InvalidInputError, nearest
from infertune.space import SearchSpace
from infertune.space.names import DECODING, EXTRACTOR, MAX_TOKENS, PROMPT, VOTER, N

# The settings that are no sampling distribution's: dotted name, what it does, where there is more.
_OTHERS = {
    PROMPT: ("The prompt template of the task that is rendered.", "docs/prompts.md"),
    MAX_TOKENS: (
        "The most tokens of an answer; smaller values are replayed by cutting longer answers.",
        "docs/strategies.md",
    ),
    N: (
        "How many samples make one answer; smaller numbers are replayed from larger ones.",
        "docs/strategies.md",
    ),
    VOTER: ("How the samples of an example become one answer: the voter.", "docs/strategies.md"),
    EXTRACTOR: ("How an answer is found in a text, where a task has several ways.", "docs/tasks.md"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A setting of a search space.

    Attributes:
        name: Dotted; ``alias`` is what the command line takes as well.
        tier: What trying another value costs: ``replay`` nothing, ``request`` tokens, ``engine`` a restart.
        setting: Its entry in the table of decoding settings; None for another kind of setting.
    """

    name: str
    alias: str
    tier: str
    effect: str
    searched: str
    default: str
    more: str = ""
    setting: Setting | None = None


def explained(space: SearchSpace) -> list[Explained]:
    """Return every setting of a space, in its order."""
    found = []
    for parameter in space.parameters:
        setting = BY_NAME.get(parameter.name.removeprefix(DECODING))
        effect, more = _OTHERS.get(parameter.name, ("", ""))
        found.append(
            Explained(
                name=parameter.name,
                alias=parameter.alias,
                tier=parameter.tier,
                effect=setting.effect if setting else effect,
                searched=parameter.domain,
                default=str(parameter.default),
                more=more,
                setting=setting,
            )
        )
    return found


def one(space: SearchSpace, name: str) -> Explained:
    """Return the setting of that name or alias; raise InvalidInputError with the nearest where there is none."""
    for each in explained(space):
        if name in (each.name, each.alias):
            return each
    known = [name for each in explained(space) for name in (each.alias, each.name)]
    raise InvalidInputError(f"no setting is called '{name}'{nearest(name, known)}")


def as_json(found: Explained) -> dict[str, Any]:
    """Return all that is known of a setting."""
    plain = {name: value for name, value in asdict(found).items() if name != "setting"}
    if found.setting is None:
        return plain
    setting = found.setting
    return plain | {
        "domain": setting.domain,
        "neutral": setting.neutral,
        "needs_sampling": setting.needs_sampling,
        "rule": setting.rule,
        "source": setting.source,
        "called": {"default": setting.name, **setting.names},
    }


def show(found: Explained, console: Console) -> None:
    """Print one setting."""
    rows = {"what": found.effect}
    if (setting := found.setting) is not None:
        rows |= {"rule": setting.rule, "values": setting.domain, "does nothing at": f"{setting.neutral:g}"}
        rows |= {"needs": "temperature above 0"} if setting.needs_sampling else {}
    rows |= {"searched": found.searched, "begins at": found.default, "another value costs": _COSTS[found.tier]}
    if setting is not None:
        other = ", ".join(f"{name} at {server}" for server, name in setting.names.items())
        rows |= {"called": setting.name + (f"; {other}" if other else ""), "source": setting.source}
    rows |= {"more": found.more} if found.more else {}
    console.print(f"\n{found.name}" + (f"  (--set {found.alias}=...)" if found.alias else ""), markup=False)
    console.print(_table(list(rows.items())))


def show_all(found: list[Explained], console: Console) -> None:
    """Print every setting in a line."""
    console.print(_table([(each.alias or each.name, each.effect) for each in found]))
    console.print("\nMore of one: infertune explain NAME", highlight=False)


_COSTS = {
    "replay": "nothing: it is computed from stored samples",
    "request": "tokens",
    "engine": "a restart of the engine, and tokens",
}


def _table(rows: list[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, value)
    return table
