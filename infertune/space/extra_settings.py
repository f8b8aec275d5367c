"""Settings beyond the engine-neutral ones: any ``decoding.NAME`` of a user's space file, for servers that know it.

They travel in `Decoding.extra` and into the body of a server's request under their own name.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import fields

from infertune.errors import InvalidInputError, nearest
from infertune.space.names import DECODING
from infertune.space.parameter import Parameter
from infertune.space.search_space import SearchSpace
from infertune.types import Decoding, Scalar

_NAME = re.compile(r"decoding\.([A-Za-z]\w{0,63})")
_OWN = {field.name for field in fields(Decoding)} - {"extra"}
# What the engine itself says in a request: a second voice would change what is asked, or what comes back.
RESERVED = {
    *("model", "messages", "prompt", "extra", "seed", "n", "best_of", "use_beam_search", "max_completion_tokens"),
    *("logprobs", "top_logprobs", "prompt_logprobs", "return_token_ids", "echo", "stream", "stream_options"),
}
_ALIKE = 0.9


def is_extra(name: str) -> bool:
    """Whether this is the dotted name of a setting that only some engines know."""
    match = _NAME.fullmatch(name)
    return match is not None and match[1] not in _OWN


def check_extra(parameter: Parameter, *, where: str) -> None:
    """Raise InvalidInputError unless a new parameter can be an extra setting, and is no misspelt known one."""
    match = _NAME.fullmatch(parameter.name)
    name = match[1] if match else ""
    if not name or name in _OWN:
        known = sorted(f"decoding.{own}" for own in _OWN)
        near = nearest(parameter.name, known)
        raise InvalidInputError(f"{where}: '{parameter.name}' must change what is generated, but nothing does{near}")
    if name in RESERVED:
        raise InvalidInputError(f"{where}: '{parameter.name}' must be left to the engine, which sets it itself")
    alike = difflib.get_close_matches(name, _OWN, n=1, cutoff=_ALIKE)
    if alike:
        raise InvalidInputError(
            f"{where}: '{parameter.name}' must not be so like a known setting; did you mean 'decoding.{alike[0]}'?"
        )
    if parameter.tier != "request":
        raise InvalidInputError(f"{where}: '{parameter.name}' must be of the tier request, but is of {parameter.tier}")


def extra_ends(space: SearchSpace) -> dict[str, tuple[Scalar, Scalar]]:
    """Return for each extra setting of a space, without its prefix, the two values that lie furthest apart."""
    return {
        parameter.name.removeprefix(DECODING): _ends(parameter)
        for parameter in space.parameters
        if is_extra(parameter.name)
    }


def _ends(parameter: Parameter) -> tuple[Scalar, Scalar]:
    if parameter.kind != "choice":
        assert parameter.low is not None and parameter.high is not None
        return parameter.low, parameter.high
    if isinstance(parameter.default, str):
        return parameter.choices[0], parameter.choices[-1]
    return min(parameter.choices), max(parameter.choices)


def with_extras(space: SearchSpace, configuration: Mapping[str, Scalar], *, where: str) -> SearchSpace:
    """Return the space with a fixed parameter for each extra setting of a configuration that it does not have."""
    added = [
        Parameter(name=name, tier="request", kind="choice", choices=(value,), default=value)
        for name, value in configuration.items()
        if is_extra(name) and name not in space
    ]
    for parameter in added:
        check_extra(parameter, where=where)
    return space.replaced(added)
