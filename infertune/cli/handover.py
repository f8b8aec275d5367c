"""``infertune handover``: chosen settings as what starts a server elsewhere."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from infertune.cli import limits

_IMAGES = {"cpu": "public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo", "gpu": "vllm/vllm-openai"}
_DEFAULTS: dict[str, str | int] = {"host": "127.0.0.1", "port": 8000, "name": "infertune-server"}
_FOR = {
    "host": ("command", "systemd"),
    "port": ("command", "systemd", "kubernetes"),
    "name": ("kubernetes", "helm"),
    "image": ("kubernetes", "helm"),
    "gpus": ("kubernetes", "helm"),
}


def handover(
    file: Annotated[
        Path,
        typer.Argument(help="File with the settings of a server, such as tune-serving writes.", callback=limits.path),
    ],
    form: Annotated[
        Literal["command", "systemd", "kubernetes", "helm"], typer.Option("--as", help="Form to write.")
    ] = "command",
    model: Annotated[
        str | None,
        typer.Option(
            help="Name or path of the model where the server will run; default the file's.", callback=limits.line
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            help=f"Address to listen on, of command and systemd; default {_DEFAULTS['host']}.", callback=limits.host
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help=f"Port to listen on, of command, systemd and kubernetes; default {_DEFAULTS['port']}.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help=f"Name of the deployment, of kubernetes and helm; default {_DEFAULTS['name']}.", callback=limits.line
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            help="Container image with its tag, of kubernetes and helm; default vLLM's of the file's version.",
            callback=limits.image,
        ),
    ] = None,
    gpus: Annotated[
        int | None,
        typer.Option(min=0, help="GPUs of one server, of kubernetes and helm; default what the settings need."),
    ] = None,
) -> None:
    """Write the command, the unit or the files that start a server with these settings, on standard output."""
    import sys

    from infertune.engines import models
    from infertune.engines.launch.command_template import CommandTemplate
    from infertune.errors import InvalidInputError
    from infertune.recipes import serving_recipe
    from infertune.serving import handover as handovers

    given = {"host": host, "port": port, "name": name, "image": image, "gpus": gpus}
    for option, forms in _FOR.items():
        if given[option] is not None and form not in forms:
            raise InvalidInputError(f"--{option} needs --as {' or '.join(forms)}, not {form}")
    recipe = serving_recipe.read(file)
    if recipe.engine != "vllm":
        if form == "helm":
            raise InvalidInputError("--as helm is for vllm, whose chart it is, but the file's engine is a command")
        if form == "kubernetes" and image is None:
            raise InvalidInputError("--as kubernetes needs --image where the file's engine is a command")
    if image is not None and ":" not in image:
        raise InvalidInputError(f"--image must have a tag, as in {image}:latest")
    on_cpu = recipe.device.startswith("cpu")
    model = model or recipe.model
    repository = _IMAGES["cpu" if on_cpu else "gpu"]
    service = handovers.Service(
        model=str(models.resolve(model)) if model.startswith("bundled:") else model,
        settings=recipe.settings,
        decoding=recipe.decoding,
        command=CommandTemplate(recipe.command) if recipe.command else None,
        host=host or str(_DEFAULTS["host"]),
        port=port or int(_DEFAULTS["port"]),
        name=name or str(_DEFAULTS["name"]),
        image=image or f"{repository}:{f'v{recipe.engine_version}' if recipe.engine_version else 'latest'}",
        n_gpus=handovers.n_gpus(recipe.settings, device="cpu" if on_cpu else "gpu") if gpus is None else gpus,
    )
    print(handovers.FORMS[form](service), end="")
    for setting in handovers.left_to_clients(recipe.decoding):
        print(f"Note: no server sets {setting} = {recipe.decoding[setting]}: each request must.", file=sys.stderr)
    if service.command is not None and recipe.decoding:
        print("Note: each request must bring all of the decoding settings.", file=sys.stderr)
