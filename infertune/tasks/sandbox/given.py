"""What of the text that a program begins with is the tests' own, so that the program cannot give it another meaning.

The tests of a function often use what stands before it: imports, and whole functions that help to check it.
"""

import ast
import builtins
import contextlib


def tests_own(given: str) -> str:
    """Return the text of its imports and of those of its functions that need nothing else of it.

    The last statement is not among them: that one the program continues. A text that cannot be read has none.
    """
    statements = _parse(given)
    imports = [one for one in statements if isinstance(one, ast.Import | ast.ImportFrom) and not _of_the_future(one)]
    functions = [one for one in statements[:-1] if isinstance(one, ast.FunctionDef) and _is_written(one)]
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
    # A package that is not there cannot be imported by the program either.
    lines = [f"try:\n    {ast.unparse(one)}\nexcept ImportError:\n    pass" for one in imports]
    return "\n".join([*lines, *map(ast.unparse, functions)])


def _parse(given: str) -> list[ast.stmt]:
    text = given.rstrip()
    for whole in (given, f"{text} pass\n", f"{text}\n    pass\n"):  # a function without its body
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            return ast.parse(whole).body
    return []


def _of_the_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _is_written(function: ast.FunctionDef) -> bool:
    """Return whether the function has a body that does something, and no decorator that could do another thing."""
    body = [one for one in function.body if not isinstance(one, ast.Pass | ast.Raise) and not _is_constant(one)]
    return bool(body) and not function.decorator_list


def _is_constant(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _used(function: ast.FunctionDef) -> set[str]:
    """Return the names that the function uses and does not set."""
    used: set[str] = set()
    own: set[str] = set()
    for one in ast.walk(function):
        if isinstance(one, ast.Name):
            (used if isinstance(one.ctx, ast.Load) else own).add(one.id)
        elif isinstance(one, ast.arg):
            own.add(one.arg)
        elif isinstance(one, ast.Global):
            used |= {f"global {name}" for name in one.names}  # which is no name that is known
    return used - own
