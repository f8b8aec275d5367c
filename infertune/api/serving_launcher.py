"""What ``tune-serving`` starts, and the space of its settings."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from infertune.errors import InvalidInputError, nearest

if TYPE_CHECKING:
    from infertune.load.workload import Workload
    from infertune.serving.launch.deployment import Launcher
    from infertune.space import SearchSpace
    from infertune.types import Scalar

ENGINES = ("vllm", "hf", "command")
_FOR = {
    "--engine-arg": ("vllm",),
    "--vllm-python": ("vllm",),
    "--dtype": ("vllm", "hf"),
    "--changing-answers": ("vllm", "hf"),
    "--only": ("vllm", "hf"),
    "--command": ("command",),
    "--reset-path": ("command",),
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
) -> "tuple[Launcher, SearchSpace]":
    """Return what starts the servers, and the space with the changes of ``--set`` and ``--only``.

    Raises:
        InvalidInputError: No such engine, options that do not belong to it, or nothing to choose between.
        DataUnavailableError: vLLM or the model is missing.
    """
    from infertune.space import SearchSpace, notation

    if engine not in ENGINES:
        raise InvalidInputError(f"tune-serving has no engine '{engine}'{nearest(engine, ENGINES)}")
    given = {
        "--engine-arg": engine_args is not None,
        "--vllm-python": vllm_python is not None,
        "--dtype": dtype is not None,
        "--changing-answers": changing_answers,
        "--only": only,
        "--command": command is not None,
        "--reset-path": reset_path is not None,
    }
    for option in (each for each, is_given in given.items() if is_given and engine not in _FOR[each]):
        raise InvalidInputError(f"{option} needs --engine {' or '.join(_FOR[option])}, not {engine}")
    if only and (changing_answers or not settings):
        raise InvalidInputError(
            "--only leaves --changing-answers without effect" if changing_answers else "--only needs --set"
        )
    if engine == "command":
        from infertune.serving.launch import command_settings
        from infertune.serving.launch.command_launcher import CommandLauncher
        from infertune.serving.launch.command_template import CommandTemplate

        if command is None:
            raise InvalidInputError(
                "--engine command needs --command, such as 'llama-server -m {model} --port {port}'"
            )
        template = CommandTemplate(command)
        parameters = command_settings.parameters(template, settings)
        started = CommandLauncher(template, model, workload, parameters=parameters, reset_path=reset_path or "")
        return started, SearchSpace(parameters)
    if engine == "hf":
        from infertune.serving.launch.hf_launcher import HFLauncher

        fixed = {"dtype": dtype} if dtype else {}
        _check_searched_or_given(settings, fixed)
        runners = HFLauncher(model, workload, fixed=fixed, changing_answers=changing_answers)
        space = notation.changed(SearchSpace(tuple(runners.parameters)), settings)
        return runners, only_named(space, settings) if only else space
    from infertune.engines.vllm import arguments as vllm_arguments
    from infertune.engines.vllm.settings import named_as_in, with_flags
    from infertune.serving.launch.vllm_launcher import vllm_launcher

    everywhere = vllm_arguments.read(engine_args)
    _check_searched_or_given(settings, {**everywhere, "dtype": dtype} if dtype else everywhere)
    server = vllm_launcher(
        model,
        workload,
        dtype=dtype,
        engine_args=everywhere,
        vllm_python=vllm_python,
        changing_answers=changing_answers,
    )
    space = with_flags(SearchSpace(tuple(server.parameters), tuple(server.constraints)), server.installed, settings)
    space = notation.changed(space, [named_as_in(space, setting) for setting in settings])
    return server, only_named(space, settings) if only else space


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
                f"{name} is {value} for every server, by --dtype or --engine-arg, so --set cannot search it"
            )
