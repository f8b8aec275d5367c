"""What ``tune-serving`` starts, and the space of its settings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infertune.errors import InvalidInputError, nearest

if TYPE_CHECKING:
    from infertune.load.workload import Workload
    from infertune.serving.launch.deployment import Launcher
    from infertune.space import SearchSpace

ENGINES = ("vllm", "hf", "command")


def launcher(
    engine: str,
    model: str,
    workload: "Workload",
    *,
    command: str | None,
    settings: Sequence[str],
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
        if engine_args or vllm_python or changing_answers:
            raise InvalidInputError("--engine-arg, --vllm-python and --changing-answers are not for --engine command")
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
        runners = HFLauncher(model, workload, changing_answers=changing_answers)
        return runners, space_text.changed(SearchSpace(tuple(runners.parameters)), settings)
    from infertune.engines.vllm.settings import named_as_in, with_flags
    from infertune.serving.launch.vllm_launcher import vllm_launcher

    server = vllm_launcher(
        model, workload, engine_args=engine_args, vllm_python=vllm_python, changing_answers=changing_answers
    )
    space = with_flags(SearchSpace(tuple(server.parameters), tuple(server.constraints)), server.installed, settings)
    return server, space_text.changed(space, [named_as_in(space, setting) for setting in settings])


def only_named(space: "SearchSpace", settings: Sequence[str]) -> "SearchSpace":
    """Return the space in which everything that was not named stays at its default."""
    named = {setting.partition("=")[0].strip().lstrip("-").replace("-", "_") for setting in settings}
    fixed = {p.name: p.default for p in space.parameters if not {p.name, p.alias} & named}
    default = space.default_configuration()
    return space.fixed({name: default.get(name, value) for name, value in fixed.items()})
