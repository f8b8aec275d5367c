"""The options of our engines: one typed value for each engine. The commands' options are made from these fields."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, NamedTuple, get_type_hints

from infertune.types import Scalar

DEFAULT_MODEL = "bundled:smollm2-135m"


class Said(NamedTuple):
    """What a command says of an option.

    Attributes:
        help: One sentence.
        metavar: Of its value; by default its type.
        several: Whether it is ``NAME=VALUE``, given as often as one likes.
    """

    help: str
    metavar: str | None = None
    several: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HF:
    """Of the engine ``hf``."""

    engine: ClassVar[str] = "hf"

    device: Annotated[str | None, Said("Device: cuda, mps or cpu [default: the first available].")] = None
    dtype: Annotated[str | None, Said("Weight type: float32, bfloat16 or float16 [default: the engine's choice].")] = (
        None
    )
    batch_size: Annotated[int | None, Said("Maximum batch size, in samples [default: 256 on cuda, 64 elsewhere].")] = (
        None
    )
    threads: Annotated[int | None, Said("CPU threads [default: chosen by PyTorch].")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VLLM:
    """Of the engine ``vllm``."""

    engine: ClassVar[str] = "vllm"

    dtype: Annotated[str | None, Said("Weight type: float32, bfloat16 or float16 [default: the engine's choice].")] = (
        None
    )
    engine_args: Annotated[
        str | None,
        Said(
            "Argument for the server, such as max_num_seqs=64 or enforce_eager; repeatable.",
            metavar="NAME=VALUE",
            several=True,
        ),
    ] = None
    vllm_python: Annotated[
        str | None, Said("Python interpreter with vLLM installed [default: this one, then $INFERTUNE_VLLM_PYTHON].")
    ] = None
    concurrency: Annotated[int | None, Said("Maximum samples in flight [default: found by measurement].")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAI:
    """Of the engine ``openai``: any OpenAI-compatible endpoint."""

    engine: ClassVar[str] = "openai"

    base_url: Annotated[str | None, Said("Endpoint, such as http://127.0.0.1:8000/v1.", metavar="URL")] = None
    api_key_env: Annotated[
        str | None, Said("Environment variable that holds the API key [default: OPENAI_API_KEY].", metavar="NAME")
    ] = None
    api_key_file: Annotated[str | None, Said("File that holds the API key.", metavar="PATH")] = None
    concurrency: Annotated[int | None, Said("Maximum samples in flight [default: found by measurement].")] = None
    extra_body: Annotated[str | None, Said("JSON object merged into the body of every request.", metavar="JSON")] = (
        None
    )
    seeds_safe: Annotated[
        bool | None, Said("Declare that a seeded request cannot crash the server (docs/doctor.md).")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Of the engine ``replay``: none."""

    engine: ClassVar[str] = "replay"


EngineOptions = HF | VLLM | OpenAI | Replay
OURS: Mapping[str, type[EngineOptions]] = {kind.engine: kind for kind in (HF, VLLM, OpenAI, Replay)}
REQUIRED = {"openai": ("base_url",)}


def given(options: EngineOptions) -> dict[str, Scalar]:
    """Return the options that are not None."""
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    return {name: value for name, value in values.items() if value is not None}


def described() -> dict[str, tuple[Any, Said, tuple[str, ...]]]:
    """Return for each option its type, what is said of it, and the engines that take it."""
    found: dict[str, tuple[Any, Said, tuple[str, ...]]] = {}
    for name, kind in OURS.items():
        hints = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            hint = hints[field.name]
            _, _, engines = found.get(field.name, (None, None, ()))
            found[field.name] = (hint.__origin__, hint.__metadata__[0], (*engines, name))
    return found
