"""How two configurations differ on the same examples, in a terminal and as plain data."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.archive.comparison import Compared, StudyComparison
from infertune.report.mappings import as_mapping
from infertune.report.table import interval, plain
from infertune.report.text import safe

_MOST_EXAMPLES = 8  # of those that differ, that are listed


def as_json(found: StudyComparison) -> dict[str, Any]:
    """Return everything in lists, mappings and scalars."""
    return as_mapping(found)


def show(found: StudyComparison, console: Console) -> None:
    """Print the verdict in a sentence, both sides, and the examples on which they differ most."""

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    say(sentence(found))
    console.print()
    console.print(_sides(found.a, found.b))
    if found.examples:
        better = sum(b > a for _, a, b in found.examples)
        say(
            f"\n{len(found.examples)} of {found.difference.n} examples differ: {better} are better under the second, "
            f"{len(found.examples) - better} under the first. Most:"
        )
        table = Table(box=None, pad_edge=False, header_style="bold")
        for head in ("example", "first", "second"):
            table.add_column(head, justify="left" if head == "example" else "right")
        for name, a, b in found.examples[:_MOST_EXAMPLES]:
            table.add_row(Text(safe(name)), f"{a:.2f}", f"{b:.2f}")
        console.print(table)
    for note in found.notes:
        say(f"Note: {note}.")


def sentence(found: StudyComparison) -> str:
    """Return what is known of the difference."""
    by = f"{found.difference.mean:+.3f} [{found.difference.low:+.3f}, {found.difference.high:+.3f}]"
    how = f"95%, paired, {found.difference.n} {found.split} examples"
    names = safe(found.b.name), safe(found.a.name)
    if found.difference.low > 0:
        return f"{names[0]} is better than {names[1]}: {by} in utility ({how})."
    if found.difference.high < 0:
        return f"{names[0]} is worse than {names[1]}: {by} in utility ({how})."
    if found.examples_to_decide is None:
        more = "no practical number of examples would decide"
    else:
        more = f"about {found.examples_to_decide:,} more examples would decide"
    return f"Undecided: {names[0]} beside {names[1]}, {by} in utility ({how}); {more}."


def _sides(a: Compared, b: Compared) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column(Text(safe(a.name)), overflow="fold")
    table.add_column(Text(safe(b.name)), overflow="fold")
    if a.model != b.model:
        table.add_row("model", Text(safe(a.model)), Text(safe(b.model)))
    for name in dict.fromkeys([*a.configuration, *b.configuration]):
        values = [plain(each.configuration[name]) if name in each.configuration else "-" for each in (a, b)]
        if values[0] != values[1]:
            table.add_row(name, *(Text(safe(value)) for value in values))
    table.add_row("utility, 95% interval", interval(a.utility), interval(b.utility))
    table.add_row("tokens per request", f"{a.cost_tokens:.1f}", f"{b.cost_tokens:.1f}")
    return table
