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


def launcher(
    engine: str,
    model: str,
    workload: "Workload",
    *,
    command: str | None,
    settings: Sequence[str],
    dtype: str | None,
    engine_args: str | None,
    vllm_python: str | None,
    changing_answers: bool,
    reset_path: str | None,
) -> "tuple[Launcher, SearchSpace]":
    """Return what starts the servers, and the space with the changes of ``--set``.

    Raises:
        InvalidInputError: No such engine, or options that do not belong to it.
        DataUnavailableError: vLLM or the model is missing.
    """
    from infertune import space_text
    from infertune.space import SearchSpace

    if engine not in ENGINES:
        raise InvalidInputError(f"tune-serving has no engine '{engine}'{nearest(engine, ENGINES)}")
    if engine == "command":
        from infertune.serving.launch import command_settings
        from infertune.serving.launch.command_launcher import CommandLauncher
        from infertune.serving.launch.command_template import CommandTemplate

        if command is None:
            raise InvalidInputError(
                "--engine command needs --command, such as 'llama-server -m {model} --port {port}'"
            )
        if dtype or engine_args or vllm_python or changing_answers:
            raise InvalidInputError(
                "--dtype, --engine-arg, --vllm-python and --changing-answers are not for --engine command"
            )
        template = CommandTemplate(command)
        parameters = command_settings.parameters(template, settings)
        started = CommandLauncher(template, model, workload, parameters=parameters, reset_path=reset_path or "")
        return started, SearchSpace(parameters)
    if command is not None or reset_path is not None:
        raise InvalidInputError("--command and --reset-path are for --engine command")
    if engine == "hf":
        from infertune.serving.launch.hf_launcher import HFLauncher

        if engine_args or vllm_python:
            raise InvalidInputError("--engine-arg and --vllm-python are for --engine vllm")
        fixed = {"dtype": dtype} if dtype else {}
        _check_searched_or_given(settings, fixed)
        runners = HFLauncher(model, workload, fixed=fixed, changing_answers=changing_answers)
        return runners, space_text.changed(SearchSpace(tuple(runners.parameters)), settings)
    from infertune.engines.vllm import arguments as vllm_arguments
    from infertune.engines.vllm.settings import named_as_in, with_flags
    from infertune.serving.launch.vllm_launcher import vllm_launcher

    given = vllm_arguments.read(engine_args)
    _check_searched_or_given(settings, {**given, "dtype": dtype} if dtype else given)
    server = vllm_launcher(
        model,
        workload,
        dtype=dtype,
        engine_args=given,
        vllm_python=vllm_python,
        changing_answers=changing_answers,
    )
    space = with_flags(SearchSpace(tuple(server.parameters), tuple(server.constraints)), server.installed, settings)
    return server, space_text.changed(space, [named_as_in(space, setting) for setting in settings])


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
