"""The options that several commands share: one name, one meaning, one help text."""

from pathlib import Path
from typing import Annotated

import typer

from infertune.cli import limits
from infertune.cli.engine import option
from infertune.engines.options import DEFAULT_MODEL as DEFAULT_MODEL

Data = Annotated[
    Path | None,
    typer.Option(
        help="File or folder with the examples [default: the task's own data].",
        callback=limits.path,
        rich_help_panel="Task",
    ),
]
Model = Annotated[
    str,
    typer.Option(
        help="Model: bundled:NAME, a local folder, a Hugging Face Hub id, or its name at an endpoint.",
        callback=limits.path,
        rich_help_panel="Task",
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        help="What runs the model: hf (transformers, in this process), vllm (starts a vLLM server), openai (any "
        "OpenAI-compatible endpoint) or replay (recorded samples).",
        rich_help_panel="Task",
    ),
]
Dtype = Annotated[str | None, option("dtype")]
EngineArgs = Annotated[list[str] | None, option("engine_args")]
VLLMPython = Annotated[str | None, option("vllm_python")]
ApiKeyEnv = Annotated[str | None, option("api_key_env")]
ApiKeyFile = Annotated[str | None, option("api_key_file")]
Database = Annotated[
    str,
    typer.Option(
        "--db",
        help="SQLite file or PostgreSQL URL for samples and trials.",
        callback=limits.path,
        rich_help_panel="Output",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUES",
        help="Values of one parameter, such as temperature=0.2..1.2, n=1,3,5 or top_p=1; repeatable.",
        rich_help_panel="Search",
    ),
]
SpaceFile = Annotated[
    Path | None,
    typer.Option(
        "--space",
        help="YAML file with changes to the search space.",
        callback=limits.path,
        rich_help_panel="Search",
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print JSON to standard output, and nothing else there.", rich_help_panel="Output"),
]
Workload = Annotated[
    str,
    typer.Option(
        help="Requests to send: task:NAME, synthetic:input=200,output=50,prefix=0.5 or trace:FILE.jsonl.",
    ),
]
WorkloadConfig = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="File of optimize with the decoding of a workload task:NAME; default the task's own.",
        callback=limits.path,
    ),
]
