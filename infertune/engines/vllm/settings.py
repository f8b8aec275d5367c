"""Which settings of a vLLM server are worth searching, in which range, and which cannot stand together.

The table says what is worth it; the installed version says what there is (`infertune.engines.vllm.installed`): its
names, choices and defaults, its devices. What either lacks is not searched.
"""

from collections.abc import Mapping, Sequence

from infertune.engines.vllm.arguments import OURS
from infertune.engines.vllm.installed import Flag, Installed
from infertune.engines.vllm.search_ranges import TABLE, Row
from infertune.engines.vllm.serve_arguments import LOOKUP_METHODS, PREFIX, SPECULATIVE, UNSET
from infertune.errors import InvalidInputError, nearest
from infertune.space import Condition, Constraint, Parameter, SearchSpace
from infertune.types import Scalar

_MOST_UNSPLIT_TOKENS = 65_536


_SPECULATIVE_DEFAULTS: Mapping[str, Scalar] = {
    "speculative_method": "none",
    "speculative_tokens": 4,
    "prompt_lookup_max": 4,
}
_SPECULATES = Condition(f"{PREFIX}speculative_method", "!=", "none")
_LOOKS_UP = Condition(f"{PREFIX}speculative_method", "in", LOOKUP_METHODS)
_WHEN = {"speculative_tokens": _SPECULATES, "prompt_lookup_max": _LOOKS_UP}


def parameters(
    installed: Installed, *, given: Mapping[str, Scalar], changing_answers: bool = False
) -> tuple[Parameter, ...]:
    """Return what is worth searching here: named ``engine.NAME``, with the defaults of the installed version.

    Args:
        installed: What it has, with the given flags already in its configuration.
        given: Flags that are fixed, and so not searched.
        changing_answers: Also what may change what is generated, such as the types of weights and cache.
    """
    rows = [row for row in TABLE if changing_answers or not row.changes_answers]
    made = [_parameter(row, installed) for row in rows if not {row.name, *row.not_beside} & set(given)]
    # A parameter with one value left is no choice; it stays what it is.
    kept = [parameter for parameter in made if parameter is not None and len(parameter.choices) > 1]
    names = {parameter.name for parameter in kept}
    return tuple(parameter for parameter in kept if parameter.when is None or parameter.when.name in names)


def constraints(installed: Installed, parameters: Sequence[Parameter]) -> tuple[Constraint, ...]:
    """Return which values cannot stand together, of those parameters that are there."""
    values = {parameter.name.removeprefix(PREFIX): parameter.choices for parameter in parameters}
    made = []
    if {"max_num_seqs", "max_num_batched_tokens"} <= values.keys():
        made += _at_least_one_token_each(sorted(map(int, values["max_num_seqs"])))
    if {"enable_chunked_prefill", "max_num_batched_tokens"} <= values.keys():
        longest = int(installed.default("max_model_len") or 0)
        made.append(_pair("enable_chunked_prefill", "==", False, "max_num_batched_tokens", ">=", longest))
    if {"tensor_parallel_size", "pipeline_parallel_size"} <= values.keys():
        for size in values["tensor_parallel_size"]:
            most = max(installed.n_devices // int(size), 1)
            made.append(_pair("tensor_parallel_size", ">=", size, "pipeline_parallel_size", "<=", most))
    return tuple(made)


def with_flags(space: SearchSpace, installed: Installed, settings: Sequence[str]) -> SearchSpace:
    """Return the space with a parameter for each flag that ``--set`` names and the space does not have.

    Args:
        space: To be changed by the same settings afterwards (`infertune.space.notation.changed`), which gives the new
            parameters their values.
        installed: Whose parser knows the flags.
        settings: Each ``NAME=VALUES``; the name with or without ``engine.``, with dashes or underscores.

    Raises:
        InvalidInputError: No flag or parameter is called so, or it is not the user's to set.
    """
    added = []
    for setting in settings:
        given = setting.partition("=")[0].strip()
        name = given.removeprefix(PREFIX).lstrip("-").replace("-", "_")
        if given in space or f"{PREFIX}{name}" in space:
            continue
        if name in OURS and name != "dtype":
            raise InvalidInputError(f"`settings` {setting}: {name} cannot be set: {OURS[name]}")
        row = next((row for row in TABLE if row.name == name and _is_here(row, installed)), None)
        parameter = None if row is None else _parameter(row, installed)
        if parameter is None and name not in installed:
            known = {each for p in space.parameters for each in (p.name, p.alias)} | {f.name for f in installed.flags}
            raise InvalidInputError(f"`settings` {setting}: vLLM has no flag '{name}'{nearest(name, known)}")
        added.append(parameter or _of_flag(installed.flag(name), installed))
    return space.replaced(added)


def named_as_in(space: SearchSpace, setting: str) -> str:
    """Return a ``--set`` whose name is spelt as the space spells it: ``max-num-seqs=8`` as ``max_num_seqs=8``."""
    name, equals, values = setting.partition("=")
    plain = name.strip().lstrip("-").replace("-", "_")
    return f"{plain}{equals}{values}" if plain in space else setting


def _parameter(row: Row, installed: Installed) -> Parameter | None:
    if not _is_here(row, installed):
        return None
    default = _SPECULATIVE_DEFAULTS.get(row.name, installed.default(row.name))
    if default is None:
        default = UNSET.get(row.name)
    if default is None or (row.name == "quantization" and default != "none"):
        return None  # the engine decides when it starts; or the model brings its quantisation with it
    kind = type(row.choices[0])
    if kind is int and isinstance(default, str) and default.isdigit():
        default = int(default)
    choices = [choice for choice in row.choices if _can_be(row, choice, installed)]
    if default not in choices:
        choices.append(default)
    if not isinstance(default, str | bool):
        choices.sort(key=float)
    return _choice(row.name, tuple(choices), default, _allowed(row.name, installed))


def _choice(name: str, choices: tuple[Scalar, ...], default: Scalar, allowed: Sequence[Scalar]) -> Parameter:
    """Return a parameter whose values, whichever are searched, must be among the allowed ones if there are such."""
    name = f"{PREFIX}{name}"
    limits = (Condition(name, "in", tuple(dict.fromkeys((*choices, *allowed)))),) if allowed else ()
    when = _WHEN.get(name.removeprefix(PREFIX))
    return Parameter(
        name=name, tier="engine", kind="choice", choices=choices, default=default, when=when, limits=limits
    )


def _allowed(name: str, installed: Installed) -> tuple[Scalar, ...]:
    flag = "spec_method" if name == "speculative_method" else name
    return installed.flag(flag).choices if flag in installed else ()


def _is_here(row: Row, installed: Installed) -> bool:
    flag = "speculative_config" if row.name in SPECULATIVE else row.name
    return row.on in ("any", "cpu" if installed.device == "cpu" else "gpu") and flag in installed


def _can_be(row: Row, choice: Scalar, installed: Installed) -> bool:
    """Whether version, packages, devices and model have room for a choice."""
    if row.needs and choice in row.needs and row.needs[choice] not in installed.modules:
        return False
    if row.name == "speculative_method":
        known = _allowed(row.name, installed)
        return choice == "none" or not known or choice in known
    if row.name in SPECULATIVE:
        return True
    if row.name == "tensor_parallel_size":
        return int(choice) <= installed.n_devices and installed.n_heads % int(choice) == 0
    if row.name == "pipeline_parallel_size":
        return int(choice) <= min(installed.n_devices, installed.n_layers)
    if row.name == "enable_chunked_prefill" and choice is False:
        # A prompt that is not split must fit one step, and a step of so many tokens must be affordable.
        return int(installed.default("max_model_len") or 0) <= _MOST_UNSPLIT_TOKENS
    known = _allowed(row.name, installed)
    return not known or choice in known or choice == UNSET.get(row.name)


def _of_flag(flag: Flag, installed: Installed) -> Parameter:
    """Return a parameter of the flag's type; its values are still to be given."""
    placeholders: dict[str, Scalar] = {"bool": False, "int": 0, "float": 0.0}
    placeholder = placeholders.get(flag.kind, "")
    default = installed.default(flag.name)
    if flag.kind == "float" and type(default) is int:
        default = float(default)
    if type(default) is not type(placeholder):
        default = flag.choices[0] if flag.choices else placeholder
    return _choice(flag.name, (default,), default, flag.choices)


def _at_least_one_token_each(seqs: Sequence[int]) -> list[Constraint]:
    """Every step gives each running sequence at least one token; told by the values of the first that are there."""
    return [
        _pair("max_num_seqs", ">", smaller, "max_num_batched_tokens", ">=", larger)
        for smaller, larger in zip((0, *seqs), seqs, strict=False)
    ]


def _pair(name: str, operator: str, value: Scalar, other: str, must: str, limit: Scalar) -> Constraint:
    return Constraint(
        when=Condition(f"{PREFIX}{name}", operator, value),  # type: ignore[arg-type]
        must=Condition(f"{PREFIX}{other}", must, limit),  # type: ignore[arg-type]
    )
