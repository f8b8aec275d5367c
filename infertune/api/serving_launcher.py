"""What ``tune-serving`` starts, and the space of its settings."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from infertune.errors import InvalidInputError, nearest

if TYPE_CHECKING:
    from infertune.engines.launch.launcher import ServerLauncher
    from infertune.load.workload import Workload
    from infertune.serving.launch.deployment import Deployment
    from infertune.space import SearchSpace
    from infertune.types import Scalar

ENGINES = ("vllm", "hf", "command")
_FOR = {
    "engine_args": ("vllm",),
    "vllm_python": ("vllm",),
    "dtype": ("vllm", "hf"),
    "changing_answers": ("vllm", "hf"),
    "only": ("vllm", "hf"),
    "command": ("command",),
    "reset_path": ("command",),
}


def launcher(
    engine: str,
    model: str,
    workload: "Workload",
    *,
    command: str | None,
    settings: Sequence[str],
    only: bool,
    dtype: str | None,
    engine_args: str | None,
    vllm_python: str | None,
    changing_answers: bool,
    reset_path: str | None,
) -> "tuple[ServerLauncher[Deployment], SearchSpace]":
    """Return what starts the servers, and the space with the changes of ``--set`` and ``--only``.

    Raises:
        InvalidInputError: No such engine, options that do not belong to it, or nothing to choose between.
        DataUnavailableError: vLLM or the model is missing.
    """
    from infertune.serving.launch.under_load import UnderLoad
    from infertune.space import SearchSpace

    if engine not in ENGINES:
        raise InvalidInputError(f"tune-serving has no engine '{engine}'{nearest(engine, ENGINES)}")
    given = {
        "engine_args": engine_args is not None,
        "vllm_python": vllm_python is not None,
        "dtype": dtype is not None,
        "changing_answers": changing_answers,
        "only": only,
        "command": command is not None,
        "reset_path": reset_path is not None,
    }
    for option in (each for each, is_given in given.items() if is_given and engine not in _FOR[each]):
        raise InvalidInputError(f"`{option}` needs `engine` {' or '.join(_FOR[option])}, not {engine}")
    if only and (changing_answers or not settings):
        raise InvalidInputError(
            "`only` leaves `changing_answers` without effect" if changing_answers else "`only` needs `settings`"
        )
    if engine == "command":
        from infertune.engines.launch import command_settings
        from infertune.engines.launch.command_server import CommandLauncher
        from infertune.engines.launch.command_template import CommandTemplate

        if command is None:
            raise InvalidInputError(
                "`engine` command needs `command`, such as 'llama-server -m {model} --port {port}'"
            )
        template = CommandTemplate(command)
        parameters = command_settings.parameters(template, settings)
        started = CommandLauncher(template, model, parameters=parameters, reset_path=reset_path or "")
        return UnderLoad(started, workload), SearchSpace(parameters)
    if engine == "hf":
        from infertune.engines.launch.hf_server import HFServerLauncher

        fixed = {"dtype": dtype} if dtype else {}
        _check_searched_or_given(settings, fixed)
        runners = HFServerLauncher(model, fixed=fixed, changing_answers=changing_answers)
        space = runners.searched(settings)
        return UnderLoad(runners, workload), only_named(space, settings) if only else space
    from infertune.engines.launch.vllm_server import vllm_server_launcher
    from infertune.engines.vllm import arguments as vllm_arguments

    everywhere = vllm_arguments.read(engine_args)
    _check_searched_or_given(settings, {**everywhere, "dtype": dtype} if dtype else everywhere)
    servers = vllm_server_launcher(
        model, dtype=dtype, engine_args=everywhere, vllm_python=vllm_python, changing_answers=changing_answers
    )
    space = servers.searched(settings)
    return UnderLoad(servers, workload), only_named(space, settings) if only else space


def only_named(space: "SearchSpace", settings: Sequence[str]) -> "SearchSpace":
    """Return the space in which everything that was not named stays at its default."""
    named = _names(settings)
    fixed = {p.name: p.default for p in space.parameters if not {p.name, p.alias} & named}
    default = space.default_configuration()
    return space.fixed({name: default.get(name, value) for name, value in fixed.items()})


def _names(settings: Sequence[str]) -> set[str]:
    """Return what ``--set`` names, with underscores."""
    return {setting.partition("=")[0].strip().lstrip("-").replace("-", "_") for setting in settings}


def _check_searched_or_given(settings: Sequence[str], given: "Mapping[str, Scalar]") -> None:
    for name, value in given.items():
        if {name, f"engine.{name}"} & _names(settings):
            raise InvalidInputError(
                f"{name} is {value} for every server, by `dtype` or `engine_args`, so `settings` cannot search it"
            )
