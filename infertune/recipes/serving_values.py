"""What the values of a server's settings may be, as far as that is known without the server."""

import re
from collections.abc import Iterator, Mapping

from infertune.engines.vllm.search_ranges import TABLE
from infertune.engines.vllm.serve_arguments import PREFIX
from infertune.errors import InvalidInputError
from infertune.space.default_space import default_space
from infertune.space.extra_settings import is_extra, with_extras
from infertune.types import Scalar

_DECODING = "decoding."
_NAME = re.compile(r"[A-Za-z]\w{0,63}")
_SIZES = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
_MOST_DEVICES = 100_000
_KINDS: Mapping[str, type] = {
    **{row.name: type(row.choices[-1]) for row in TABLE},
    **dict.fromkeys((*_SIZES, "max_model_len"), int),
}
_WORDS = {bool: "true or false", int: "a whole number of at least 0", float: "a number of at least 0", str: "a text"}


def problems(settings: Mapping[str, Scalar], decoding: Mapping[str, Scalar], *, is_vllm: bool) -> Iterator[str]:
    """Yield what is wrong with the settings of a file.

    Args:
        settings: ``engine.NAME`` to values.
        decoding: ``decoding.NAME`` to values.
        is_vllm: Whether the settings are vLLM's, some of whose kinds are known.
    """
    for prefix, named in ((PREFIX, settings), (_DECODING, decoding)):
        for name, value in named.items():
            if not name.startswith(prefix) or not _NAME.fullmatch(name.removeprefix(prefix)):
                yield f"a setting must be named {prefix}NAME there, not {name[:60]!a}"
            elif isinstance(value, str) and not value.isprintable():
                yield f"'{name}' must be one line of printable characters"
            elif prefix == _DECODING:
                yield from _decoding_problem(name, value)
            elif is_vllm:
                yield from _vllm_problem(name, value)


def _vllm_problem(name: str, value: Scalar) -> Iterator[str]:
    kind = _KINDS.get(name.removeprefix(PREFIX))
    if kind is None:
        return
    fits = type(value) in (int, float) if kind is float else type(value) is kind
    if not fits or (isinstance(value, int | float) and not 0 <= value < float("inf")):
        yield f"'{name}' must be {_WORDS[kind]}, but is {value!r}"
    elif name.removeprefix(PREFIX) in _SIZES and not 1 <= int(value) <= _MOST_DEVICES:
        yield f"'{name}' must be from 1 to {_MOST_DEVICES:,}, but is {value}"


def _decoding_problem(name: str, value: Scalar) -> Iterator[str]:
    known = default_space(prompts=("any",), max_tokens=1)
    try:
        if is_extra(name):
            with_extras(known, {name: value}, where="decoding")
        elif name != f"{_DECODING}stop":
            known[name].meaningful(value)
    except InvalidInputError as error:
        yield str(error)
