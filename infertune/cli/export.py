"""``infertune export``: an answer as what other tools load; ``handover`` is its older name."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from infertune.cli import limits, shared_options

HELP = """Write an answer as what other tools load; printed unless --out is given.

\b
Of any answer:
  command          the server's command line
  vllm             a script with `vllm serve`, generation_config.json
  systemd          a unit
  kubernetes       a Deployment and a Service
  helm             values for vLLM's production stack

\b
Of an answer of optimize:
  llama.cpp        a script with llama-server, sampling.json
  sampling-params  vLLM's SamplingParams
  hf               transformers' generation_config.json, a script
  python           a script with prompt, samples and vote
  openai-python    a script with the package openai
  curl             a shell script with curl
  langchain        LangChain's model
  litellm          the proxy's config.yaml, a script
  lm-eval          a script with lm_eval and --gen_kwargs
"""


def export(
    answer: Annotated[
        Path,
        typer.Argument(help="File of an answer, of optimize or of tune-serving.", callback=limits.path),
    ],
    as_: Annotated[str, typer.Option("--as", metavar="FORMAT", help="Format to write.")] = "command",
    model: Annotated[
        str | None,
        typer.Option(
            help="Name or path of the model where the files will be used; default the answer's.", callback=limits.line
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            help="Endpoint that requests go to; default the answer's, or http://127.0.0.1:8000/v1.",
            metavar="URL",
            callback=limits.line,
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address a server listens on; default 127.0.0.1.", callback=limits.host)
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port, likewise; default 8000.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of a deployment; default infertune-server.", callback=limits.line)
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            help="Container image with its tag; default vLLM's of the answer's version.", callback=limits.image
        ),
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(min=0, help="GPUs of one server; default what the settings need.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write, or a folder where there are several.", callback=limits.path, rich_help_panel="Output"
        ),
    ] = None,
    as_json: shared_options.Json = False,
) -> None:
    """Write an answer as what other tools load."""
    from infertune.api import export as api
    from infertune.exports.quoting import one_line

    found = api.export(
        answer, as_, model=model, base_url=base_url, host=host, port=port, name=name, image=image, gpus=gpus
    )
    written = [] if out is None else api.write(found, out)
    if as_json:
        files = {file.name: file.text for file in found.files}
        print(json.dumps({"format": as_, "files": files, "notes": list(found.notes)}, indent=2))
    elif out is None:
        print("\n".join(_shown(file.name, file.text, alone=len(found.files) == 1) for file in found.files), end="")
    for note in found.notes:
        print(f"Note: {one_line(note)}", file=sys.stderr)
    for path in written:
        print(f"Written to {path}.", file=sys.stderr)


def _shown(name: str, text: str, *, alone: bool) -> str:
    """Return a file as it is printed: below its name where there are several."""
    return text if alone else f"==> {name} <==\n{text}"
