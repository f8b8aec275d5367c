"""The options that several commands share: one name, one meaning, one help text."""

from pathlib import Path
from typing import Annotated

import typer

from infertune.cli import limits

DEFAULT_MODEL = "bundled:smollm2-135m"

Data = Annotated[
    Path | None,
    typer.Option(help="File or folder with the examples [default: the task's own data].", callback=limits.path),
]
Model = Annotated[
    str,
    typer.Option(
        help="Model: bundled:NAME, a local folder, a Hugging Face Hub id, or its name at an endpoint.",
        callback=limits.path,
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        help="What runs the model: hf (transformers, in this process), vllm (starts a vLLM server), openai (any "
        "OpenAI-compatible endpoint) or replay (recorded samples)."
    ),
]
Device = Annotated[
    str | None, typer.Option(help="Device for --engine hf: cuda, mps or cpu [default: the first available].")
]
Dtype = Annotated[
    str | None,
    typer.Option(
        help="Weight type for --engine hf or vllm: float32, bfloat16 or float16 [default: the engine's choice]."
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(help="Maximum batch size for --engine hf, in samples [default: 256 on cuda, 64 elsewhere]."),
]
Threads = Annotated[int | None, typer.Option(help="CPU threads for --engine hf [default: chosen by PyTorch].")]
EngineArgs = Annotated[
    list[str] | None,
    typer.Option(
        "--engine-arg",
        metavar="NAME=VALUE",
        help="Argument for the vLLM server, such as max_num_seqs=64 or enforce_eager; repeatable.",
    ),
]
VLLMPython = Annotated[
    str | None,
    typer.Option(
        "--vllm-python",
        help="Python interpreter with vLLM installed [default: this one, then $INFERTUNE_VLLM_PYTHON].",
    ),
]
BaseUrl = Annotated[
    str | None, typer.Option(help="Endpoint for --engine openai, such as http://127.0.0.1:8000/v1.", metavar="URL")
]
ApiKeyEnv = Annotated[
    str | None,
    typer.Option(help="Environment variable that holds the API key [default: OPENAI_API_KEY].", metavar="NAME"),
]
ApiKeyFile = Annotated[str | None, typer.Option(help="File that holds the API key.", metavar="PATH")]
Concurrency = Annotated[
    int | None,
    typer.Option(help="Maximum samples in flight, for --engine openai or vllm [default: found by measurement]."),
]
ExtraBody = Annotated[
    str | None, typer.Option(help="JSON object merged into the body of every request.", metavar="JSON")
]
Database = Annotated[
    str, typer.Option("--db", help="SQLite file or PostgreSQL URL for samples and trials.", callback=limits.path)
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUES",
        help="Values of one parameter, such as temperature=0.2..1.2, n=1,3,5 or top_p=1; repeatable.",
    ),
]
SpaceFile = Annotated[
    Path | None, typer.Option("--space", help="YAML file with changes to the search space.", callback=limits.path)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to standard output, and nothing else there.")]
SeedsSafe = Annotated[
    bool,
    typer.Option("--seeds-safe", help="Declare that a seeded request cannot crash the server (docs/doctor.md)."),
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
