"""What a study tried, as a table, or the full records."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.report.table import plain
from infertune.report.text import cut, safe
from infertune.space import SearchSpace
from infertune.study.logged_trial import LoggedTrial
from infertune.types import Scalar

_LONGEST_ERROR = 80


def show(trials: Sequence[LoggedTrial], space: SearchSpace, console: Console) -> None:
    """Print a row for each trial, with what it changes of the default.

    Args:
        trials: Of one study.
        space: Of the study.
    """
    if not trials:
        console.print("Nothing was tried yet.")
        return
    default = space.default_configuration()
    shown = {
        name: value for name, value in default.items() if space[name].kind != "choice" or len(space[name].choices) > 1
    }
    said = "  ".join(f"{space[name].alias}={plain(value)}" for name, value in shown.items())
    console.print(f"The default: {safe(said)}\n", markup=False, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("trial", "utility", "tokens", "examples"):
        table.add_column(head, justify="right")
    table.add_column("changed from the default", overflow="fold")
    for trial in trials:
        failed = trial.utility is None or trial.cost_tokens is None
        table.add_row(
            str(trial.number),
            "failed" if failed else f"{trial.utility:.3f}",
            "" if failed else f"{trial.cost_tokens:.0f}",
            str(trial.n_examples),
            Text(cut(_line(trial.cause), _LONGEST_ERROR) if failed else _changed(trial, default, space)),
        )
    console.print(table)


def _changed(trial: LoggedTrial, default: Mapping[str, Scalar], space: SearchSpace) -> str:
    found = {name: value for name, value in trial.chosen.items() if default.get(name) != value}
    return safe("  ".join(f"{space[name].alias}={plain(value)}" for name, value in found.items())) or "nothing"


def _line(text: str) -> str:
    return " ".join(text.split())
