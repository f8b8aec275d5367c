"""Valid input made wrong: a text torn and mended with what people and programs put into files by mistake or malice."""

import copy
import json
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

WORDS = [
    *("", " ", "nan", "NaN", ".nan", "inf", "-inf", ".inf", "null", "~", "None", "true", "yes", "0", "-1", "1e400"),
    *("9" * 300, "-" + "9" * 40, "1e-9", "1_0", "0x10", "٣", "1..2", "0..1:1e-9", "1..0", "..", ",", ",,", "=", ":"),
    *("x" * 300, "é", "😀", "\u202e", "\u2028", "\x1b[2J", "\x07", "\r", "\t", "\n", "\\", "'", '"', "`", "$(id)"),
    *("{", "}", "{{", "[", "]", "[" * 3000, "{a: " * 3000, "- ", "&a", "*a", "!!int", "!x", "#", "|", ">", "<", "@"),
    *("../none/x", "/dev/null/x", "http://[", "\\ud83d", '"\\ud83d"', "(?P<x", "(a+)+$", "\ufeff", "engine.x"),
    *("%s", "{}", "::", "?", "a.b.c"),
]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 0.5, -0.5, 1e308, 10**30, -(10**30), 10**300, float("nan"), float("inf")),
    *("", " ", "x", "1", "nan", "x" * 300, "a\nb", "\x00", "\u202e", "{x}", "{", "1..2", "0..1:1e-9", "é", "[[["),
    *([], {}, [[]], [None], {"": 1}, {"x": {}}, [1, "a"], ["", ""], [{}], {"conversation": 1}, {"column": "a"}),
]
_ODD_BYTES = [b"\x00", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1f\x8b", b"\r\r", b"\xc3", b"PAR1", b"\x80" * 40]


@st.composite
def texts(draw: DrawFn, valid: str) -> str:
    """Return a text like a valid one, with one to three places changed."""
    text = valid
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 1, 2, 5, 20, 400])))
        text = text[:start] + draw(st.sampled_from([*WORDS, text[start:end] * 2, "\n"])) + text[end:]
    return text


@st.composite
def parts(draw: DrawFn, valid: str, marks: str = "=,:.<~ ") -> str:
    """Return an option's value like a valid one, of which a part between marks is another."""
    cuts = [0, *(at for at, letter in enumerate(valid) if letter in marks), len(valid)]
    which = draw(st.integers(0, len(cuts) - 2))
    start, end = cuts[which] + (which > 0), cuts[which + 1]
    return valid[:start] + draw(st.sampled_from(WORDS)) + valid[end:]


@st.composite
def trees(draw: DrawFn, valid: Any) -> Any:
    """Return plain data like valid ones, with one to three values, keys or entries changed."""
    tree = copy.deepcopy(valid)
    for _ in range(draw(st.integers(1, 3))):
        places = _places(tree)
        if not places:
            return draw(st.sampled_from(VALUES))
        holder, key = draw(st.sampled_from(places))
        kind = draw(st.integers(0, 5))
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[draw(st.sampled_from(["", "x" * 300, f"{key}x", f"{key}"[1:], "\u202e", "n"]))] = holder.pop(key)
        elif kind == 1:
            holder.append(copy.deepcopy(holder[key]))
        elif kind == 2:
            holder[key] = [copy.deepcopy(holder[key])]
        elif kind == 3:
            holder[key] = str(holder[key])
        else:
            holder[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    return tree


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every place of a value: what holds it, and its key there."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else []
    return [place for key in keys for place in [(tree, key), *_places(tree[key])]]


def yaml_files(valid: str) -> SearchStrategy[bytes]:
    """Return YAML like a valid text, changed as text or as data."""
    changed = trees(yaml.safe_load(valid)).map(lambda tree: yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))
    return _encoded(st.one_of(texts(valid), changed, changed))


def json_lines(valid: list[Any]) -> SearchStrategy[bytes]:
    """Return JSON Lines like valid rows, changed as text or as data."""
    text = "".join(json.dumps(row) + "\n" for row in valid)
    changed = trees(valid).map(
        lambda tree: "".join(json.dumps(row) + "\n" for row in (tree if isinstance(tree, list) else [tree]))
    )
    return _encoded(st.one_of(texts(text), changed, changed, trees(valid).map(json.dumps)))


@st.composite
def blobs(draw: DrawFn, valid: bytes) -> bytes:
    """Return bytes like valid ones: some others, cut, or with some twice."""
    data = valid
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 1, 1, 4, 50, len(valid)])))
        data = (
            data[:start] + draw(st.sampled_from([b"", bytes([draw(st.integers(0, 255))]), *_ODD_BYTES])) + data[end:]
        )
    return data


def _encoded(text: SearchStrategy[str]) -> SearchStrategy[bytes]:
    return text.map(lambda each: each.encode("utf-8", "surrogatepass"))
