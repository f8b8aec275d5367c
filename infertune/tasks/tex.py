r"""TeX's arguments: braces where they were left out, and none where a command only styles what is in them."""

import re

_TAKING = re.compile(r"\\sqrt(?: ?\[[^\]]*\]|(?![A-Za-z]))|\\(?:frac|binom)(?![A-Za-z])")
_TOKEN = re.compile(r"[A-Za-z0-9]|\\(?!frac|binom|sqrt|left|right|text|over|begin|end)[A-Za-z]+")
_RUN = re.compile(r"\d+|" + _TOKEN.pattern)
_STYLING = re.compile(
    r"\\(?:bold|boldsymbol|bm|mathbf|mathit|mathsf|mathtt|underline|emph|boxed|fbox|textcolor\s*\{[^{}]*\}) ?(?=\{)"
)

_Edit = tuple[int, int, str]  # from, to, by


def braced(text: str) -> str:
    r"""Return the text with the arguments of ``\frac``, ``\binom`` and ``\sqrt`` in braces.

    As in TeX, an argument without braces is one character or command, ``\frac12`` is a half; but a number after
    ``\sqrt`` or after an argument in braces is meant whole, as in ``\sqrt13`` and ``\frac{9}77``.
    """
    closing = _closing(text)
    edits: list[_Edit] = []
    for command in _TAKING.finditer(text):
        at, is_root = command.end(), command[0].startswith("\\sqrt")
        whole = is_root
        for _ in range(1 if is_root else 2):
            start = at
            while text.startswith(" ", at):
                at += 1
            if at in closing:
                edits.append((start, at, ""))
                at, whole = closing[at] + 1, True
            elif argument := (_RUN if whole else _TOKEN).match(text, at):
                edits.append((start, argument.end(), f"{{{argument[0]}}}"))
                at = argument.end()
            else:
                break
    return _edited(text, edits)


def unstyled(text: str) -> str:
    r"""Return the text without ``\mathbf{...}``, ``\boxed{...}``, ``\textcolor{red}{...}`` and the like."""
    closing = _closing(text)
    edits: list[_Edit] = []
    for command in _STYLING.finditer(text):
        if (end := closing.get(command.end())) is not None:
            edits += [(command.start(), command.end() + 1, ""), (end, end + 1, "")]
    return _edited(text, edits)


def _closing(text: str) -> dict[int, int]:
    """Return where each brace that is closed is closed."""
    opened: list[int] = []
    closing = {}
    for brace in re.finditer(r"\\.|[{}]", text):
        if brace[0] == "{":
            opened.append(brace.start())
        elif brace[0] == "}" and opened:
            closing[opened.pop()] = brace.start()
    return closing


def _edited(text: str, edits: list[_Edit]) -> str:
    parts, at = [], 0
    for start, end, by in sorted(edits):
        parts += [text[at:start], by]
        at = end
    return "".join([*parts, text[at:]])
