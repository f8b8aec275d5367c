"""The file in which settings of a server are handed over: what to start, on what they were found, how sure it is."""

import shlex
from pathlib import Path
from typing import Any

import msgspec

from infertune.engines.launch.command_template import CommandTemplate
from infertune.errors import InvalidInputError, together
from infertune.files import yaml_file
from infertune.recipes import serving_values
from infertune.types import Scalar

_HEAD = """\
# Settings for a server, found by infertune.
# Start it: infertune export {path}    Is a running one as this says? infertune verify {path} --base-url URL
"""


class ServingEvidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the finals measured; an interval is ``[low, high]``.

    Attributes:
        objective: What was sought, with its unit: ``goodput (requests/s)``.
        slo: What had to be kept: ``p99_ttft<300ms, p99_itl<40ms``; empty for none.
        load: At which the figures hold: ``4.2 requests/s`` or ``16 in flight``.
        value: Of the objective, with these settings; ``default_value`` with the engine's own.
        n_repeats: Of the measurement, in turns with the default.
        n_requests: Of each repeat.
        clear: Whether the settings are clearly better than the default.
    """

    objective: str
    slo: str
    load: str
    value: float
    interval: tuple[float, float]
    default_value: float
    default_interval: tuple[float, float]
    n_repeats: int
    n_requests: int
    clear: bool


class ServingRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a server with all that is needed to start it again.

    Attributes:
        infertune: The version that wrote it.
        model: As given to the engine.
        engine: ``vllm``, or ``command`` for any server that a command starts.
        engine_version: On which the settings were found; empty where it is not known.
        device: Likewise.
        workload: What pressed it, in words.
        settings: By the names of the engine's parameters, ``engine.NAME``.
        command: Of the engine ``command``: the template, with ``{model}``, ``{port}`` and ``{engine.NAME}``.
        decoding: The decoding side, ``decoding.NAME``, where it was chosen too.
        evidence: None for a file that was written by hand.
    """

    model: str
    engine: str
    settings: dict[str, Scalar]
    infertune: str = ""
    engine_version: str = ""
    device: str = ""
    workload: str = ""
    command: str = ""
    decoding: dict[str, Scalar] = {}
    evidence: ServingEvidence | None = None


def write(path: Path, recipe: ServingRecipe) -> None:
    """Write the file whole or not at all; an earlier one of the same name is replaced.

    Raises:
        InvalidInputError: It cannot be written.
    """
    file = " ".join(shlex.quote(str(path)).split())  # a line break in a file name must not end the comment
    try:
        yaml_file.write(path, recipe, head=_HEAD.format(path=file))
    except InvalidInputError as error:
        raise InvalidInputError(
            f"the answer was not written: {error.text}; the same command with another `out` writes it and pays for "
            "nothing again"
        ) from error


def read(path: Path) -> ServingRecipe:
    """Return what a file holds.

    Raises:
        InvalidInputError: It cannot be read, or is something else.
    """
    plain = yaml_file.read(path, dict[str, Any])
    evidence = plain.get("evidence")
    if isinstance(evidence, dict) and "promise" in evidence:  # as earlier versions called it
        plain["evidence"] = {"slo" if name == "promise" else name: value for name, value in evidence.items()}
    recipe = yaml_file.convert(plain, ServingRecipe, where=str(path))
    if recipe.engine not in ("vllm", "command"):
        raise InvalidInputError(f"{path}: 'engine' must be vllm or command, not {recipe.engine}")
    if (recipe.engine == "command") != bool(recipe.command):
        raise InvalidInputError(f"{path}: there must be a command where the engine is 'command', and only there")
    found = [
        f"'{name}' must be one line of printable characters"
        for name in ("model", "engine_version", "device")
        if not getattr(recipe, name).isprintable()
    ]
    found += serving_values.problems(recipe.settings, recipe.decoding, is_vllm=recipe.engine == "vllm")
    if found:
        raise together(found, alone=f"{path}: ", head=f"{path} has {len(found)} errors")
    if recipe.command:
        _check_command(recipe.command, path)
    return recipe


def _check_command(command: str, path: Path) -> None:
    try:
        CommandTemplate(command)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error.text}") from None


def check_writable(path: Path) -> None:
    """Raise InvalidInputError now rather than after hours: no such folder, or a file there that is not ours."""
    yaml_file.check_place(path, "`out`")
    if not path.exists():
        return
    try:
        read(path)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"`out` must be a new file or an earlier answer, which it then replaces, but {path} is neither: "
            f"{error.text}"
        ) from None
