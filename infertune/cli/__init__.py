"""The commands. Each imports what it needs when it runs, so that ``--help`` answers at once."""

from typing import Annotated

import typer

from infertune import __version__
from infertune.cli import models, tasks
from infertune.cli.doctor import doctor
from infertune.cli.evaluate import evaluate
from infertune.cli.handover import handover
from infertune.cli.load import load
from infertune.cli.optimize import optimize
from infertune.cli.space import space
from infertune.cli.tune_serving import tune_serving
from infertune.cli.verify import verify

app = typer.Typer(
    name="infertune",
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
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    pass


app.command(epilog="Example: infertune optimize --task gsm8k --model ./my-model --budget-tokens 200k --set n=1,5,9")(
    optimize
)
app.command(epilog="Example: infertune evaluate --config capitals.yaml --set temperature=0")(evaluate)
app.command(epilog="Example: infertune space --task capitals --set temperature=0.2..1.2")(space)
app.command(epilog="Example: infertune doctor --engine openai --base-url http://127.0.0.1:8000/v1 --model NAME")(
    doctor
)
app.command(
    name="tune-serving",
    epilog="Example: infertune tune-serving --model ./my-model --workload task:gsm8k --slo 'p99_ttft<300ms' "
    "--budget-seconds 30m",
)(tune_serving)
app.command(epilog="Example: infertune handover serving.yaml --as systemd")(handover)
app.command(epilog="Example: infertune verify serving.yaml --base-url http://127.0.0.1:8000")(verify)
app.command(epilog="Example: infertune load --base-url http://127.0.0.1:8000/v1 --model NAME --rate 1,2,4")(load)
app.add_typer(tasks.app, name="tasks")
app.add_typer(models.app, name="models")
