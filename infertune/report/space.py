"""The search space as a table and as plain data."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.space import Parameter, SearchSpace

_HEADS = ("name", "tier", "values", "default", "only when")
_VALUES = 2


def as_json(space: SearchSpace) -> dict[str, Any]:
    """Return the whole space in lists, mappings and scalars; equal spaces give equal data."""
    return {
        "parameters": [_plain(parameter) for parameter in space.parameters],
        "constraints": [str(constraint) for constraint in space.constraints],
    }


def show(space: SearchSpace, console: Console) -> None:
    """Print a table of the parameters, or a list where its words do not fit the screen; then the constraints."""
    rows = [_row(parameter, space) for parameter in space.parameters]
    columns = list(zip(_HEADS, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    widths[_VALUES] = max(map(len, " ".join(columns[_VALUES]).split()))  # the one column whose words may be wrapped
    gap = next((gap for gap in (2, 1) if sum(widths) + gap * (len(widths) - 1) <= console.width), None)
    if gap is not None:
        table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
        for head in _HEADS:
            table.add_column(head, no_wrap=head != _HEADS[_VALUES])
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
    else:
        for name, tier, values, default, when in rows:
            only = f", only when {when}" if when else ""
            console.print(f"{name}: {values} ({tier}, default {default}{only})", markup=False, highlight=False)
    for constraint in space.constraints:
        console.print(f"Constraint: {constraint}.", markup=False, highlight=False)
    console.print("Another value costs tokens in the request tier, nothing in the replay tier.", highlight=False)


def _row(parameter: Parameter, space: SearchSpace) -> tuple[str, str, str, str, str]:
    plain, when = _plain(parameter), ""
    if parameter.when is not None:
        value = parameter.when.value
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        when = f"{space[parameter.when.name].alias} {parameter.when.operator} {shown}"
    return parameter.alias, parameter.tier, plain["values"].replace(",", ", "), str(plain["default"]), when


def _plain(parameter: Parameter) -> dict[str, Any]:
    when = parameter.when
    return {
        "name": parameter.name,
        "tier": parameter.tier,
        "values": parameter.domain,
        "default": parameter.default,
        "when": "" if when is None else f"{when.name} {when.operator} {when.value}",
    }
