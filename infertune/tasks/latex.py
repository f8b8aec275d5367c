r"""The LaTeX of an answer without what only changes its looks."""

import re
from fractions import Fraction

from infertune.tasks import typography

_SYMBOLS = {
    "π": r"\pi",
    "∞": r"\infty",
    "√": r"\sqrt",
    "×": r"\times",
    "·": r"\cdot",
    "÷": r"\div",
    "±": r"\pm",
    "≤": r"\leq",
    "≥": r"\geq",
    "≠": r"\neq",
    "∪": r"\cup",
    "∩": r"\cap",
    "∈": r"\in",
    "∅": r"\emptyset",
    "θ": r"\theta",
    "°": r"^\circ",
    "²": "^2",
    "³": "^3",
    "½": r"\frac{1}{2}",
    "¼": r"\frac{1}{4}",
    "¾": r"\frac{3}{4}",
}
# A row break must be seen before a space is: \\ 2 is no backslash and a spaced 2.
_COMMANDS = re.compile(
    r"\s*(?P<row>(?:\\\\)+(?:\[[^\]]*\])?|\\cr(?![A-Za-z]))\s*"
    r"|(?P<escaped>\\[{}%&#_])"
    r"|\s*(?P<cell>&)\s*|(?P<begin>\\begin\s*\{\w+\*?\})\s+|\s+(?P<end>\\end\b)"
    r"|\\(?:left|right)\.?(?![A-Za-z])|\\(?:displaystyle|quad|qquad|limits|[bB]ig{1,2}[lr]?)(?![A-Za-z])"
    r"|\\[()\[\]!,;: ]|\\?\$|(?P<fraction>\\[dtc]frac)(?![A-Za-z])|(?P<empty>\\varnothing)(?![A-Za-z])|(?P<tie>~)"
)
# A backslash that was escaped twice, as in JSON; a row break is followed by a command's backslash.
_DOUBLED = re.compile(
    r"(?<!\\)\\(?=\\(?:[dt]?frac|sqrt|text|begin|end|left|right|pi|infty|pm|times|cdot|cup|in|boxed)(?![A-Za-z]))"
)
_ALL_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_WHOLE_NUMBER = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_REWRITTEN = (
    (re.compile(r", *(?! |\d{3}(?!\d))"), ", "),
    (re.compile(r"\\sqrt ?(\d{2,})"), r"\\sqrt{\1}"),
    (re.compile(r"\\sqrt ?\(([^()]*)\)"), r"\\sqrt{\1}"),
    (re.compile(r"(?<![\d.])(\d+) (\d+)/(\d+)(?!\d)"), r"\1\\frac{\2}{\3}"),  # a mixed number
    (
        re.compile(r"(?<=[\d}]) ([A-Za-z]{2,}(?: [A-Za-z]{2,})*|(?:k?m|mi|ft)/(?:s|h|hr|min))$"),
        r"\\text{ \1}",
    ),  # a unit
)


def plain(text: str) -> str:
    r"""Return the text without ``$``, spacing, ``\left``, ``\dfrac``, a final stop, and typeset symbols."""
    text = "".join(f"{_SYMBOLS[one]} " if one in _SYMBOLS else one for one in text)
    text = re.sub(r"\s+", " ", typography.plain(text))
    text = _DOUBLED.sub("", text).replace("smallmatrix", "pmatrix")
    text = re.sub(r",\\! ?|(?<=\d)\{,\}(?=\d{3})", "", text)  # the thousands' comma
    text = _COMMANDS.sub(_command, text).strip()
    text = text.removesuffix(".").strip().strip("*").strip()
    if whole := _ALL_TEXT.fullmatch(text):
        text = whole[1].strip()
    if _WHOLE_NUMBER.fullmatch(text):
        text = text.replace(",", "")
    text = re.sub(r"(\d{1,50})\.(\d{0,50})\\overline\{(\d{1,50})\}", _repeating, text)
    for pattern, by in _REWRITTEN:
        text = pattern.sub(by, text)
    return text


def base(text: str) -> str | None:
    """Return the base of a number that is written with one, ``2`` of 1011_2."""
    match = re.fullmatch(r"-?[0-9A-Z]+_\{?(\d+)\}?", text)
    return match[1] if match else None


def _repeating(match: re.Match[str]) -> str:
    r"""Return 0.1\overline{6} as a fraction."""
    whole, fixed, repeated = match[1], match[2], match[3]
    value = Fraction(
        int(whole + fixed + repeated) - int(whole + fixed), 10 ** len(fixed + repeated) - 10 ** len(fixed)
    )
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}"


def _command(match: re.Match[str]) -> str:
    if match["row"]:
        return r"\\"
    if match["fraction"]:
        return r"\frac"
    if match["empty"]:
        return r"\emptyset"
    return match["escaped"] or match["cell"] or match["begin"] or match["end"] or (" " if match["tie"] else "")
