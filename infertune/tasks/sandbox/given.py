"""What of the text that a program begins with is the tests' own, so that the program cannot give it another meaning.

The tests of a function often use what stands before it: imports, and whole functions that help to check it.
"""

from __future__ import annotations

import _ast
import builtins
from types import CodeType


def own_statements(given: str) -> list[CodeType]:
    """Return the code of its imports and of those of its functions that need nothing else of it.

    The last statement is not among them: that one the program continues. A text that cannot be read has none.
    """
    statements = _parse(given)
    imports = [one for one in statements if isinstance(one, _ast.Import | _ast.ImportFrom)]
    functions = [one for one in statements[:-1] if isinstance(one, _ast.FunctionDef) and _is_written(one)]
    known = {
        *vars(builtins),
        *(alias.asname or alias.name.partition(".")[0] for one in imports for alias in one.names),
    }
    while True:
        names = known | {one.name for one in functions}
        whole = [one for one in functions if _used(one) <= names]
        if len(whole) == len(functions):
            break
        functions = whole
    return [
        compile(_ast.Module(body=[one], type_ignores=[]), "given.py", "exec")
        for one in statements
        if one in imports or one in functions
    ]


def _parse(given: str) -> list[_ast.stmt]:
    for text in (given, f"{given.rstrip()} pass\n", f"{given.rstrip()}\n    pass\n"):  # a function without its body
        try:
            return compile(text, "given.py", "exec", _PARSE_ONLY).body  # type: ignore[attr-defined, no-any-return]
        except (SyntaxError, ValueError, RecursionError):
            continue
    return []


_PARSE_ONLY = 0x400  # ast.PyCF_ONLY_AST; the module ast takes long to load


def _is_written(function: _ast.FunctionDef) -> bool:
    """Return whether the function has a body that does something, and no decorator that could do another thing."""
    empty = (_ast.Pass, _ast.Raise)
    body = [one for one in function.body if not isinstance(one, empty) and not _is_constant(one)]
    return bool(body) and not function.decorator_list


def _is_constant(statement: _ast.stmt) -> bool:
    return isinstance(statement, _ast.Expr) and isinstance(statement.value, _ast.Constant)


def _used(function: _ast.FunctionDef) -> set[str]:
    """Return the names that the function uses and does not set."""
    used: set[str] = set()
    own: set[str] = set()
    rest: list[object] = [function]
    while rest:
        one = rest.pop()
        if isinstance(one, list):
            rest += one
        elif isinstance(one, _ast.AST):
            if isinstance(one, _ast.Name):
                (used if isinstance(one.ctx, _ast.Load) else own).add(one.id)
            elif isinstance(one, _ast.Global):
                used |= {"global " + name for name in one.names}
            elif isinstance(one, _ast.arg):
                own.add(one.arg)
            rest += [getattr(one, field, None) for field in one._fields]
    return used - own
