"""The text forms of workloads: ``task:gsm8k``, ``synthetic:input=200,output=50,prefix=0.5``, ``trace:FILE.jsonl``."""

import math
import re
from collections.abc import Mapping
from pathlib import Path

from infertune import plugins, tasks
from infertune.errors import InvalidInputError, nearest
from infertune.files import text_file
from infertune.load import lengths, trace, trace_blocks
from infertune.load.synthetic import Synthetic
from infertune.load.workload import Workload
from infertune.serving.task_workload import TaskWorkload
from infertune.space import SearchSpace
from infertune.space.default_space import STRATEGIES, default_space
from infertune.space.extra_settings import with_extras
from infertune.space.names import ENGINE, PROMPT
from infertune.tasks.task import Task
from infertune.types import Configuration

_BLOCK = re.compile(r"(?P<file>.+),block=(?P<block>[^,]*)")
_KINDS = ("task", "synthetic", "trace")
_SYNTHETIC = ("input", "output", "prefix", "prefixes", "vocabulary", "temperature")
_DEFAULT_LENGTHS = {"input": "200", "output": "50"}


def parse(text: str, *, configuration: Mapping[str, object] | None = None, vocabulary: int | None = None) -> Workload:
    """Return the workload that a text means.

    Args:
        text: ``KIND:REST``, as in docs/load.md.
        configuration: Of a task: the decoding configuration that was chosen for it, such as that of ``best.yaml``, its
            ``engine.*`` values without effect here; without one, the task's default.
        vocabulary: Number of token ids of the model, where it is known and the text does not say it: prompts of which
            only the length is known are then made of tokens, otherwise of words.

    Raises:
        InvalidInputError: It means none, or its file or task is not as it must be.
        DataUnavailableError: The task's data are not on this machine.
    """
    kind, _, rest = text.partition(":")
    if kind not in _KINDS or not rest:
        raise InvalidInputError(
            "a workload must be task:NAME, synthetic:input=200,output=50 or trace:FILE.jsonl, "
            f"not '{text}'{nearest(kind, _KINDS) if kind not in _KINDS else ''}"
        )
    if kind == "task":
        return _task(rest, configuration)
    if configuration is not None:
        raise InvalidInputError(f"a decoding configuration goes with a workload task:NAME, not with '{text}'")
    return _trace(rest, vocabulary) if kind == "trace" else _synthetic(rest, vocabulary)


def _trace(text: str, vocabulary: int | None) -> trace.Trace:
    """Return the trace of ``FILE`` or ``FILE,block=512``; a file of that very name comes first."""
    match = None if text_file.exists(Path(text)) else _BLOCK.fullmatch(text)
    if match is None:
        return trace.read(Path(text), vocabulary=vocabulary)
    block = _whole("block", match["block"])
    if not 1 <= block <= trace_blocks.MOST:
        raise InvalidInputError(f"block must be a number of tokens from 1 to {trace_blocks.MOST:,}, not {block}")
    return trace.read(Path(match["file"]), vocabulary=vocabulary, block=block)


def _task(name: str, configuration: Mapping[str, object] | None) -> TaskWorkload:
    task = tasks.load(name)
    default = _space(task).default_configuration()
    if configuration is None:
        return TaskWorkload(task=task, configuration=default)
    own = {name: value for name, value in configuration.items() if not name.startswith(ENGINE)}
    template = own.get(PROMPT, default[PROMPT])
    if template not in task.prompts:
        raise InvalidInputError(
            f"the task '{task.name}' has no prompt '{template}'{nearest(str(template), task.prompts)}"
        )
    space = with_extras(_space(task), own, where="`config`")  # type: ignore[arg-type]
    known = {name: space[name].meaningful(value) for name, value in own.items()}
    whole = {**space.fixed(known).default_configuration(), **known}
    space.fixed(known).check_structure(whole)
    return TaskWorkload(task=task, configuration=Configuration(whole))


def _space(task: Task) -> SearchSpace:
    added = [name for name in plugins.names("strategies") if name not in STRATEGIES]
    return default_space(
        prompts=tuple(task.prompts),
        max_tokens=task.max_tokens_choices,
        strategies=(*STRATEGIES, *added),
        extractors=tuple(task.extractors),
    )


def _synthetic(text: str, vocabulary: int | None) -> Synthetic:
    values: dict[str, str] = {}
    for part in text.split(","):
        name, sign, value = (each.strip() for each in part.partition("="))
        if name not in _SYNTHETIC:
            raise InvalidInputError(f"a synthetic workload has no '{name}'{nearest(name, _SYNTHETIC)}")
        if not sign or not value:
            raise InvalidInputError(f"a synthetic workload must say NAME=VALUE, such as input=200, not '{part}'")
        if name in values:
            raise InvalidInputError(f"a synthetic workload says '{name}' twice")
        values[name] = value
    known = str(vocabulary) if vocabulary is not None else ""
    sizes = {name: lengths.parse(values.get(name, default), where=name) for name, default in _DEFAULT_LENGTHS.items()}
    vocabulary_text = values.get("vocabulary", known)
    return Synthetic(
        input=sizes["input"],
        output=sizes["output"],
        prefix=_number("prefix", values.get("prefix", "0")),
        n_prefixes=_whole("prefixes", values.get("prefixes", "1")),
        vocabulary=_whole("vocabulary", vocabulary_text) if vocabulary_text else None,
        temperature=_number("temperature", values.get("temperature", "0")),
    )


def _number(name: str, text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise InvalidInputError(f"{name} must be a number, not '{text}'")
    return found


def _whole(name: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise InvalidInputError(f"{name} must be a whole number, not '{text}'")
    return int(text)
