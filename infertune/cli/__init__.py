"""The commands. Each imports what it needs when it runs, so that `--help` answers at once."""

from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from infertune import __version__
from infertune.cli import archive, models, tasks
from infertune.cli.check import check
from infertune.cli.doctor import doctor
from infertune.cli.evaluate import evaluate
from infertune.cli.explain import explain
from infertune.cli.export import HELP, export
from infertune.cli.load import load
from infertune.cli.optimize import optimize
from infertune.cli.report import report
from infertune.cli.space import space
from infertune.cli.tune_serving import tune_serving
from infertune.cli.verify import verify
from infertune.cli.watch import watch


class Grouped(TyperCommand):
    """Lists a command's options in groups: those without one first, those of engines last."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "rich_help_panel", None) or "Options", []).append(record)
        last = len(groups["Options"]) == 1  # with nothing but the help

        def place(name: str) -> int:
            return (3 if last else 0) if name == "Options" else 2 if name.startswith("Engine") else 1

        for name in sorted(groups, key=place):
            with formatter.section(name):
                formatter.write_dl(groups[name])


class WholeSentences(TyperGroup):
    """Lists each command with the whole first sentence of its help; a narrow terminal wraps it and cuts nothing."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands."""
        rows = [(name, command.get_short_help_str(limit=10_000)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


app = typer.Typer(
    name="infertune",
    cls=WholeSentences,
    help="Finds the inference configuration that buys the most utility per token, and says how sure it is.",
    epilog="Example: infertune optimize --task capitals --model bundled:smollm2-135m --budget-tokens 100k",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"infertune {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


app.command(
    cls=Grouped,
    short_help="Find the configuration that buys the most utility per token.",
    epilog="Example: infertune optimize --task gsm8k --model ./my-model --budget-tokens 200k --set n=1,5,9",
)(optimize)
app.command(
    cls=Grouped,
    short_help="Measure one configuration.",
    epilog="Example: infertune evaluate --config capitals.yaml --set temperature=0",
)(evaluate)
app.command(
    cls=Grouped,
    short_help="Tell whether an answer still holds, for a CI pipeline.",
    epilog="Example: infertune check capitals.yaml --junit check.xml",
)(check)
app.command(
    cls=Grouped,
    short_help="List the studies of a database.",
    epilog="Example: infertune studies --db infertune.db",
)(archive.studies)
app.command(
    cls=Grouped,
    short_help="Show the answer of a finished study again.",
    epilog="Example: infertune show capitals --out capitals.yaml",
)(archive.show)
app.command(
    cls=Grouped,
    short_help="List what a study tried.",
    epilog="Example: infertune trials capitals --csv trials.csv",
)(archive.trials)
app.command(
    cls=Grouped,
    short_help="Show which examples fail under the recommended configuration.",
    epilog="Example: infertune failures capitals -n 10",
)(archive.failures)
app.command(
    cls=Grouped,
    short_help="Show what each change is worth, and which settings matter.",
    epilog="Example: infertune importance capitals",
)(archive.importance)
app.command(
    cls=Grouped,
    short_help="Pick the best configuration of a study within limits.",
    epilog="Example: infertune pick capitals --max-cost-tokens 60 --min-utility 0.4",
)(archive.pick)
app.command(
    cls=Grouped,
    short_help="Compare two configurations or studies on the same examples.",
    epilog="Example: infertune compare small-model large-model",
)(archive.compare)
app.command(
    cls=Grouped,
    short_help="Write a study as one HTML page, or as Markdown, JSON or CSV.",
    epilog="Example: infertune report capitals",
)(report)
app.command(
    cls=Grouped,
    short_help="Show the page of a study while it runs.",
    epilog="Example: infertune watch capitals",
)(watch)
app.command(
    cls=Grouped,
    short_help="Show the search space of a task.",
    epilog="Example: infertune space --task capitals --set temperature=0.2..1.2",
)(space)
app.command(
    cls=Grouped,
    short_help="Say what a setting does.",
    epilog="Example: infertune explain min_p",
)(explain)
app.command(
    cls=Grouped,
    short_help="Check which settings a server honours, or this machine.",
    epilog="Example: infertune doctor --engine openai --base-url http://127.0.0.1:8000/v1 --model NAME",
)(doctor)
app.command(
    name="tune-serving",
    cls=Grouped,
    short_help="Find the best settings of a server under an SLO.",
    epilog="Example: infertune tune-serving --model ./my-model --workload task:gsm8k --slo 'p99_ttft<300ms' "
    "--budget-seconds 30m",
)(tune_serving)
app.command(
    cls=Grouped,
    help=HELP,
    short_help="Write an answer as what other tools load.",
    epilog="Example: infertune export capitals.yaml --as openai-python --out ask.py",
)(export)
app.command(
    name="handover",
    cls=Grouped,
    help=HELP,
    short_help="The same as export.",
    epilog="Example: infertune handover serving.yaml --as systemd",
)(export)
app.command(
    cls=Grouped,
    short_help="Check that a running server has the settings of a file.",
    epilog="Example: infertune verify serving.yaml --base-url http://127.0.0.1:8000",
)(verify)
app.command(
    cls=Grouped,
    short_help="Measure latency, throughput and goodput of a server.",
    epilog="Example: infertune load --base-url http://127.0.0.1:8000/v1 --model NAME --rate 1,2,4",
)(load)
app.add_typer(
    tasks.app, name="tasks", cls=WholeSentences, short_help="List the shipped tasks; create or check your own."
)
app.add_typer(models.app, name="models", cls=WholeSentences, short_help="List the bundled models; fetch or clear one.")
