"""The front as a picture: utility against tokens per request, with the intervals of the confirmation."""

import importlib.util
from pathlib import Path

from infertune.errors import DataUnavailableError, InvalidInputError, nearest
from infertune.files import yaml_file
from infertune.report.answer import Answer
from infertune.statistics.intervals import Interval

FORMATS = (".pdf", ".png", ".svg")


def check_drawable(path: Path) -> None:
    """Raise now rather than after hours: an unknown format, no such folder, or no matplotlib."""
    if path.suffix not in FORMATS:
        near = nearest(path.suffix, FORMATS) if path.suffix else f"; valid: {', '.join(FORMATS)}"
        raise InvalidInputError(f"`picture` must be a .png, .svg or .pdf file, but is '{path}'{near}")
    yaml_file.check_place(path, "`picture`")
    if importlib.util.find_spec("matplotlib") is None:
        raise DataUnavailableError("`picture` needs the extra [report]: pip install 'infertune[report]'")


def draw(answer: Answer, path: Path) -> None:
    """Write the picture; its format is that of the file's suffix."""
    from matplotlib.figure import Figure  # without pyplot: no global state, and no window system is looked for

    found, verdict = answer.recommendation, answer.recommendation.verdict
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
    if found.explored:
        costs, utilities = zip(*found.explored, strict=True)
        axes.scatter(costs, utilities, s=8, color="0.75", label="tried, few examples", zorder=1)
    front = [(one.cost_tokens, one.utility) for one in found.front]
    axes.step(
        *zip(*front, strict=True),
        where="post",
        marker="o",
        markersize=4,
        color="tab:blue",
        label=f"front, {found.n_tune} examples of the search",
        zorder=2,
    )
    seen = "best seen" if verdict.recommends_default else "recommended"
    for label, colour, marker, cost, utility in (
        ("default", "tab:orange", "D", verdict.default.cost_tokens, verdict.default.utility),
        (seen, "tab:green", "*", verdict.seen.cost_tokens, verdict.seen.utility),
    ):
        axes.errorbar(
            [cost],
            [utility.mean],
            yerr=_error(utility),
            fmt=marker,
            markersize=11 if marker == "*" else 6,
            capsize=4,
            color=colour,
            label=f"{label}, {utility.n} unseen examples, 95%",
            zorder=3,
        )
    axes.set(
        xlabel=answer.cost,
        ylabel="utility",
        ylim=(-0.02, 1.02),
        title=f"{answer.recipe.task} with {Path(answer.recipe.model).name}",
    )
    axes.set_xscale("log")
    axes.grid(alpha=0.3, which="both")
    axes.xaxis.set_major_formatter(lambda value, position: f"{value:g}")
    axes.xaxis.set_minor_formatter(lambda value, position: f"{value:g}")
    axes.legend(fontsize="small")
    try:
        figure.savefig(path, dpi=144)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror}") from error


def _error(value: Interval) -> list[list[float]]:
    return [[value.mean - value.low], [value.high - value.mean]]
