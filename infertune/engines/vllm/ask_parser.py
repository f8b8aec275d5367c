"""Tells what an installed vLLM is: the flags of its own parser, and the configuration that it makes of some arguments.

Run by the interpreter that has vLLM, as text (``python -c``), so that nothing of infertune is imported there::

    python -c "$(cat ask_parser.py)" --model FOLDER [ARGUMENT ...]

The last line of its output is one JSON object, which `infertune.engines.vllm.installed` reads.
"""

import argparse
import enum
import importlib.metadata
import importlib.util
import json
import sys
from collections.abc import Callable
from typing import Any

_OPTIONAL_MODULES = ("flashinfer", "arctic_inference")


def main(words: list[str]) -> None:
    """Print what there is to know."""
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.platforms import current_platform
    from vllm.usage.usage_lib import UsageContext
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    try:
        from vllm.entrypoints.launchers.cli_args import make_arg_parser
    except ImportError:  # before 0.32
        from vllm.entrypoints.openai.cli_args import make_arg_parser

    parser = make_arg_parser(FlexibleArgumentParser())
    arguments = AsyncEngineArgs.from_cli_args(parser.parse_args(words))
    config = arguments.create_engine_config(usage_context=UsageContext.OPENAI_API_SERVER)
    kind = current_platform.device_type
    print()
    print(
        json.dumps(
            {
                "device": kind,
                "device_name": str(_or(current_platform.get_device_name, kind)),
                "memory_bytes": int(_or(current_platform.get_device_total_memory, 0)),
                "n_devices": 1 if kind == "cpu" else int(_or(current_platform.device_count, 1)),
                "flags": [flag for action in parser._actions if (flag := _flag(action)) is not None],
                "config": _plain(config),
                "n_heads": int(_or(lambda: config.model_config.hf_text_config.num_attention_heads, 1)),
                "n_layers": int(_or(lambda: config.model_config.hf_text_config.num_hidden_layers, 1)),
                "modules": [name for name in _OPTIONAL_MODULES if importlib.util.find_spec(name) is not None],
            }
        )
    )


def _or(ask: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return ask()
    except Exception:  # a platform that cannot say
        return otherwise


def _flag(action: argparse.Action) -> dict[str, Any] | None:
    long = [word for word in action.option_strings if word.startswith("--") and not word.startswith("--no-")]
    if not long or action.dest in ("help", "version"):
        return None
    default = action.default.value if isinstance(action.default, enum.Enum) else action.default
    return {
        "name": long[0][2:].replace("-", "_"),
        "kind": _kind(action),
        "choices": [choice for choice in action.choices or () if isinstance(choice, str | int | float)],
        "default": default if isinstance(default, bool | int | float | str) and default != argparse.SUPPRESS else None,
    }


def _kind(action: argparse.Action) -> str:
    """Tell the type of a flag by what its converter makes of some texts; most converters are closures."""
    if action.nargs == 0:
        return "bool"
    if action.nargs in ("+", "*") or isinstance(action.nargs, int):
        return "list"
    if action.choices:
        return "text"
    convert: Any = action.type or str
    if isinstance(_or(lambda: convert('{"a": 1}'), None), dict):
        return "json"
    whole, part = _or(lambda: convert("7"), None), _or(lambda: convert("0.5"), None)
    if type(part) is float:
        return "float"
    if type(whole) is int:
        return "int"
    return "text" if isinstance(_or(lambda: convert("word"), None), str) else "json"


def _plain(config: Any) -> Any:
    """Return a configuration as ``/server_info?config_format=json`` shows it."""
    import pydantic

    return pydantic.TypeAdapter(type(config)).dump_python(config, mode="json", fallback=str)


if __name__ == "__main__":
    main(sys.argv[1:])
