"""Finds the Python program in an answer: a file, one or more functions, or a body that continues the prompt."""

import ast
import itertools
import re
import textwrap
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infertune.tasks.fences import blocks, outside

_LONGEST = 30_000  # characters that are looked at, the last ones
_N_CUTS = 12  # of one text, each at a syntax error
_N_BEGINNINGS = 30  # of code in prose
_BEGINNING = re.compile(
    r"^(?P<margin>[ \t]*)(?:(?:import|from)\b|(?:@[^\n]*\n[ \t]*){0,9}(?:def|class|async)\b)", re.MULTILINE
)
_TAG = re.compile(r"^[ \t]*(?:</?(?:pre|code)\b[^<>\n]{0,100}>)+|(?:</?(?:pre|code)>)+[ \t]*$", re.MULTILINE)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_warnings_lock = threading.Lock()


@dataclass(frozen=True)
class _Piece:
    """A stretch of code that can be parsed.

    Attributes:
        defined: Functions, classes and lambdas at its top.
        bound: Names that it binds: functions and classes at its top, imports, variables.
        used: Names that it reads.
    """

    code: str
    defined: frozenset[str]
    bound: frozenset[str]
    used: frozenset[str]


def find(text: str) -> str | None:
    """Return the program, or None for a text with neither code nor anything else.

    What begins indented continues the function of the prompt, up to where that ends. Else it is the last complete
    block that defines something, with earlier ones that define something else; else such a block that is cut off;
    else a file without fences; else a body in a block. Usage at a file's end is left out.
    """
    text = text[-_LONGEST:].replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "").replace("\u00a0", " ")
    text = _TAG.sub("", text)
    fenced = list(blocks(text))
    first = text.lstrip("\n")
    opens_fenced = fenced and not text[: fenced[0].start].strip()
    if not opens_fenced and (continued := _body(first) if first[:1] in (" ", "\t") else _first_line_moved(first)):
        return continued
    closed = [_typed(inner) for block in fenced if block.closed for inner in _unwrapped(block.text)]
    cut_off = [block.text for block in fenced if not block.closed]
    unfenced = outside(text, fenced)
    within = itertools.chain.from_iterable(map(_pieces, closed))  # after words
    for pieces in (map(_piece, closed), map(_beginning, closed), within, map(_beginning, cut_off), _pieces(unfenced)):
        if program := _joined([piece for piece in pieces if piece is not None]):
            return program
    others = [block for block in (*reversed(closed), *cut_off, unfenced) if block.strip()]
    return next(filter(None, map(_body, others)), others[0] if others else None)


def parsed(code: str) -> ast.Module | None:
    """Return the tree of a program that can be compiled as far as its grammar goes, else None."""
    tree = _parsed(code)
    return tree if isinstance(tree, ast.Module) else None


def _parsed(code: str) -> ast.Module | int:
    """Return the tree, or the line of the first error, counted from 1."""
    try:
        with _warnings_lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an answer's invalid escapes
            return ast.parse(code)
    except SyntaxError as error:
        return error.lineno or 1
    except (ValueError, RecursionError, MemoryError):
        return 1


def _longest(code: str) -> tuple[str, ast.Module]:
    """Return the beginning of the code that can be parsed, by whole lines, and its tree."""
    lines = code.split("\n")
    for _ in range(_N_CUTS):
        found = _parsed("\n".join(lines))
        if isinstance(found, ast.Module):
            return "\n".join(lines), found
        lines = lines[: min(found - 1, len(lines) - 1)]
    return "", ast.Module(body=[], type_ignores=[])


def _body(text: str) -> str | None:
    """Return the lines of a function's body, None where they are none.

    One may have lost the indentation of its first line, or of all; the reading that takes in most is right.
    """
    text = re.sub(r"\A(?:[ \t]*\n)+", "", text)
    indented = textwrap.indent(text, "    ")
    readings = [text] if text[:1] in (" ", "\t") else [indented, f"    {text}"]
    bodies = [body for body in map(_statements, readings) if body]
    return max(bodies, key=lambda body: body.count("\n")) if bodies else None


def _first_line_moved(text: str) -> str | None:
    """Return the body of which only the first line, such as that of a function inside, lost its indentation."""
    code, _ = _longest(text)
    if not code or text[len(code) :].lstrip("\n")[:1] not in (" ", "\t"):
        return None
    body = _statements(f"    {text}")
    return body if body and body.count("\n") > code.count("\n") else None


def _statements(text: str) -> str | None:
    _, tree = _longest("def function():\n" + text)
    if not tree.body:
        return None
    function = tree.body[0]
    inside = function.body if isinstance(function, ast.FunctionDef) else []
    code = "\n".join(text.split("\n")[: (function.end_lineno or 1) - 1])
    if all(isinstance(node, (*_DEFINITIONS, ast.Import, ast.ImportFrom)) for node in inside):
        return textwrap.dedent(code)  # a whole file
    words = (isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Constant) for node in inside)
    return None if all(words) else code


def _piece(code: str) -> _Piece | None:
    tree = parsed(code)
    return None if tree is None else _described(code, tree)


def _beginning(code: str) -> _Piece | None:
    return _described(*_longest(code))


def _unwrapped(block: str) -> list[str]:
    """Return the blocks within a block of Markdown, or the block."""
    inner = [] if parsed(block) else [one.text for one in blocks(block) if one.closed]
    return inner or [block]


def _typed(block: str) -> str:
    """Return what was typed in a block that shows Python's prompt, ``>>> f(1)``; other blocks as they are."""
    if not re.match(r"\s*>>>", block):
        return block
    return "\n".join(line[4:] for line in block.split("\n") if re.match(r"(?:>>>|\.\.\.)(?: |$)", line))


def _pieces(text: str) -> Iterator[_Piece]:
    """Yield each stretch of code in a text of code and prose; one may be indented, as Markdown has it."""
    at = 0
    for _ in range(_N_BEGINNINGS):
        match = _BEGINNING.search(text, at)
        if match is None:
            return
        rest = text[match.start() :]
        if margin := match["margin"]:
            end = re.search(rf"^(?!{margin})[ \t]*\S", rest, re.MULTILINE)
            rest = textwrap.dedent(rest[: end.start()] if end else rest)
        code, tree = _longest(rest)
        for _ in range(code.count("\n") + 1):
            at = text.find("\n", max(at, match.start())) + 1 or len(text)
        if code:
            yield _described(code, tree)


def _described(code: str, tree: ast.Module) -> _Piece:
    defined = frozenset(name for node in tree.body for name in _defined(node))
    last = next((node for node in reversed(tree.body) if not _is_usage(node)), None)
    if defined and last is not None:
        code = "\n".join(code.split("\n")[: last.end_lineno])
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    bound = {name.id for name in names if isinstance(name.ctx, ast.Store)} | defined
    bound |= {(alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names}
    used = {name.id for name in names if isinstance(name.ctx, ast.Load)}
    return _Piece(code, defined, frozenset(bound), frozenset(used))


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, _DEFINITIONS):
        yield node.name
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _is_usage(node: ast.stmt) -> bool:
    """Return whether a statement only tries what was defined before it."""
    return isinstance(node, ast.Expr | ast.Assert) or (
        isinstance(node, ast.If)
        and any(isinstance(name, ast.Name) and name.id == "__name__" for name in ast.walk(node.test))
    )


def _joined(pieces: Sequence[_Piece]) -> str | None:
    """Return the last piece that defines something, after those that define or import something else for it."""
    places = [at for at, piece in enumerate(pieces) if piece.defined]
    if not places:
        return None
    chosen = [pieces[places[-1]]]
    for piece in reversed(pieces[: places[-1]]):
        bound = frozenset().union(*(one.bound for one in chosen))
        lacking = frozenset().union(*(one.used for one in chosen)) - bound
        if piece.defined - bound or piece.bound & lacking:
            chosen.insert(0, piece)
    return "\n\n".join(piece.code.strip("\n") for piece in chosen) + "\n"
