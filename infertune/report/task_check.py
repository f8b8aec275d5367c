"""What ``infertune tasks check`` found, in a terminal."""

from rich.console import Console

from infertune.report.text import rendered
from infertune.tasks import TaskReport


def show(report: TaskReport, console: Console) -> None:
    """Print rendered prompts with their perfect answers, then what is wrong."""

    def say(text: str = "", style: str | None = None) -> None:
        # The task's own text may hold anything: neither markup nor numbers in it are ours to colour.
        console.print(text, style=style, markup=False, highlight=False)

    say(f"{report.name}, version {report.version}: {report.n_tune} tune and {report.n_confirm} confirm examples")
    for shown in report.shown:
        say(f"\nprompt {shown.template}, example {shown.example_id}", style="bold")
        say(rendered(shown.prompt))
        say()  # the prompt may end like a line of ours
        if shown.ideal != shown.reference:
            say(f"reference: {shown.reference}")
        if shown.ideal is not None:
            say(f"{'reference and ' if shown.ideal == shown.reference else ''}perfect answer: {shown.ideal}")
            say(f"score: {shown.score:g}")
    say()
    if report.n_ideals:
        say(f"{report.ideal_share:.1%} of the perfect answers score 1.")
    for note in report.notes:
        say(f"Note: {note}.")
    for problem in report.problems:
        say(f"Problem: {problem}", style="red")
    if report.holds:
        say("Task OK", style="green")
