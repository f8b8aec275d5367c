"""The options that several commands share: one name, one meaning, one help text."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_MODEL = "bundled:smollm2-135m"

Data = Annotated[Path | None, typer.Option(help="Read this file or folder instead of the task's own data.")]
Model = Annotated[str, typer.Option(help="bundled:NAME, a local folder or a hub id.")]
Engine = Annotated[
    str,
    typer.Option(help="hf runs the model in this process, vllm in a server of its own, openai at any endpoint."),
]
Device = Annotated[str | None, typer.Option(help="cuda, mps or cpu; by default the first that is there.")]
Dtype = Annotated[str | None, typer.Option(help="float32, bfloat16 or float16; by default the fastest there.")]
BatchSize = Annotated[int | None, typer.Option(help="Most samples generated at once.")]
Threads = Annotated[int | None, typer.Option(help="CPU threads of the engine.")]
EngineArgs = Annotated[
    list[str] | None,
    typer.Option(
        "--engine-arg",
        metavar="NAME=VALUE",
        help="Argument of the vllm server, such as max_num_seqs=64 or enforce_eager; may be repeated.",
    ),
]
VLLMPython = Annotated[
    str | None,
    typer.Option(
        "--vllm-python", help="Python that has vLLM; by default this one, then the one in $INFERTUNE_VLLM_PYTHON."
    ),
]
BaseUrl = Annotated[
    str | None, typer.Option(help="Endpoint of the engine openai, such as http://127.0.0.1:8000/v1.", metavar="URL")
]
ApiKeyEnv = Annotated[
    str | None,
    typer.Option(help="Environment variable that holds the key; by default OPENAI_API_KEY.", metavar="NAME"),
]
ApiKeyFile = Annotated[str | None, typer.Option(help="File that holds the key.", metavar="PATH")]
Concurrency = Annotated[int | None, typer.Option(help="Most samples in flight; by default it is found out.")]
ExtraBody = Annotated[str | None, typer.Option(help="JSON object that becomes part of every request.", metavar="JSON")]
Database = Annotated[str, typer.Option("--db", help="SQLite file or PostgreSQL URL of samples and trials.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUES", help="temperature=0.2..1.2, n=1,3,5 or top_p=1; may be repeated."),
]
SpaceFile = Annotated[Path | None, typer.Option("--space", help="YAML file of changes to the search space.")]
Json = Annotated[bool, typer.Option("--json", help="For scripts: plain data on standard output, nothing else.")]
SeedsSafe = Annotated[
    bool, typer.Option("--seeds-safe", help="It is known that a seed cannot stop the server: see docs/doctor.md.")
]
