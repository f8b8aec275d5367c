"""The search space as a table and as plain data."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.space import Parameter, SearchSpace


def as_json(space: SearchSpace) -> dict[str, Any]:
    """Return the whole space in lists, mappings and scalars; equal spaces give equal data."""
    return {
        "parameters": [_plain(parameter) for parameter in space.parameters],
        "constraints": [str(constraint) for constraint in space.constraints],
    }


def show(space: SearchSpace, console: Console) -> None:
    """Print one line a parameter, then the constraints."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("name", "tier", "values", "default", "only when"):
        table.add_column(head, overflow="fold")
    for parameter in space.parameters:
        plain = _plain(parameter)
        when = (
            parameter.when and f"{space[parameter.when.name].alias} {parameter.when.operator} {parameter.when.value}"
        )
        values = plain["values"].replace(",", ", ")
        row = (parameter.alias, parameter.tier, values, plain["default"], when or "")
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(table)
    for constraint in space.constraints:
        console.print(f"Always: {constraint}.", markup=False, highlight=False)
    console.print(
        "Trying another value of the replay tier costs nothing, of the request tier tokens.", highlight=False
    )


def _plain(parameter: Parameter) -> dict[str, Any]:
    when = parameter.when
    return {
        "name": parameter.name,
        "tier": parameter.tier,
        "values": parameter.domain,
        "default": parameter.default,
        "when": "" if when is None else f"{when.name} {when.operator} {when.value}",
    }
