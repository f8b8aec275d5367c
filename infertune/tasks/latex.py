r"""The LaTeX of an answer without what only changes its looks."""

import re
import unicodedata
from fractions import Fraction

from infertune.tasks import tex, typography

_SYMBOLS = {
    "π": r"\pi", "α": r"\alpha", "β": r"\beta", "θ": r"\theta", "λ": r"\lambda", "φ": r"\phi", "∞": r"\infty",
    "√": r"\sqrt", "∛": r"\sqrt[3]", "×": r"\times", "·": r"\cdot", "÷": r"\div", "±": r"\pm", "∓": r"\mp",
    "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "≈": r"\approx", "∪": r"\cup", "∩": r"\cap", "∈": r"\in",
    "∅": r"\emptyset", "∖": r"\setminus", "∨": r"\lor", "∧": r"\land", "→": r"\to", "∠": r"\angle", "…": r"\ldots",
    "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}", "⁄": "/",
    "°": r"^\circ",
}  # fmt: skip
_RAISED = re.compile("[⁰¹²³⁴-⁹⁺⁻ⁿ]+")
_LOWERED = re.compile("[₀-₉]+")
_VULGAR = re.compile("[¼-¾⅐-⅞]")
# A row break must be seen before a space is: \\ 2 is no backslash and a spaced 2.
_COMMANDS = re.compile(
    r"\s*(?P<row>(?:\\\\)+(?:\[[^\]]*\])?|\\cr(?![A-Za-z]))\s*"
    r"|(?P<escaped>\\[{}%&#_])"
    r"|\s*(?P<cell>&)\s*|(?P<begin>\\begin\s*\{\w+\*?\})\s+|\s+(?P<end>\\end\b)"
    r"|\\(?:left|right)\.?(?![A-Za-z])|\\(?:(?:display|text)style|q?quad|limits|[bB]ig{1,2}[lr]?)(?![A-Za-z])"
    r"|\\(?:[hv]space\*?|[hv]?phantom|color)\s*\{[^{}]*\}"
    r"|\\[()\[\]!,;: ]|\\?\$|(?P<tie>~)|\\(?P<name>[A-Za-z]+)"
)
_SAME = {
    "dfrac": r"\frac", "tfrac": r"\frac", "cfrac": r"\frac", "nicefrac": r"\frac", "sfrac": r"\frac",
    "dbinom": r"\binom", "tbinom": r"\binom", "varnothing": r"\emptyset", "degree": r"^\circ", "colon": ":",
    "le": r"\leq", "ge": r"\geq", "leqslant": r"\leq", "geqslant": r"\geq", "ne": r"\neq", "mid": "|",
    "vert": "|", "lvert": "|", "rvert": "|", "langle": "(", "rangle": ")", "dots": r"\ldots", "cdots": r"\ldots",
    "R": r"\mathbb{R}",
    "textrm": r"\text",
    "textnormal": r"\text", "textsf": r"\text", "mbox": r"\text",
}  # fmt: skip
# A backslash that was escaped twice, as in JSON; a row break is followed by a command's backslash.
_DOUBLED = re.compile(
    r"(?<!\\)\\(?=\\(?:[dt]?frac|sqrt|text|begin|end|left|right|pi|infty|pm|times|cdot|cup|in|boxed)(?![A-Za-z]))"
)
_ALL_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf)\s*\{([^{}]*)\}")
_WHOLE_NUMBER = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d{1,3}(?: \d{3})+(?:\.\d+)?")
_GOES_ON = re.compile(r"(\d\.\d*?)(\d)\2{2,} ?\\ldots")  # 0.333...
_REWRITTEN = (
    (re.compile(r", *(?! |\d{3}(?!\d))"), ", "),
    (re.compile(r"(?<!\\)sqrt ?(?=[(\d{])"), r"\\sqrt"),
    (re.compile(r"\\sqrt ?\(([^()]*)\)"), r"\\sqrt{\1}"),
    (re.compile(r"(?<![\d.])(\d+) (\d+)/(\d+)(?!\d)"), r"\1\\frac{\2}{\3}"),  # a mixed number
    (re.compile(r"(?<=\d) (?=\\frac)"), ""),
    (re.compile(r"(?<=\d) ?\^(?:\{\\circ\}|\\circ|\{o\}|o(?![A-Za-z]))"), r"^\\circ"),
    (re.compile(r"\^\{([^\W_])\}"), r"^\1"),
    (
        re.compile(r"(?<=[\d}]) ((?:[A-Za-z]{2,}(?: [A-Za-z]{2,})*|(?:k?m|mi|ft)/(?:s|h|hr|min))\.?)(\^\d)?$"),
        r"\\text{ \1}\2",
    ),  # a unit
)


def plain(text: str) -> str:
    r"""Return the text without ``$``, spacing, ``\left``, ``\dfrac``, a final stop, and typeset symbols."""
    text = "".join(f"{_SYMBOLS[one]} " if one in _SYMBOLS else one for one in _typed(text))
    text = re.sub(r"\s+", " ", typography.plain(text))
    text = _DOUBLED.sub("", text).replace("smallmatrix", "pmatrix")
    text = re.sub(r",\\! ?|(?<=\d)\{,\}(?=\d{3})", "", text)  # the thousands' comma
    text = re.sub(r"(?<=\d)\{:\}(?=\d)", ":", text)
    text = _COMMANDS.sub(_command, text.replace("...", r"\ldots ")).strip()
    text = tex.unstyled(text)
    text = _ended(text).strip("*`").strip()
    if whole := _ALL_TEXT.fullmatch(text):
        text = whole[1].strip()
    if _WHOLE_NUMBER.fullmatch(text):
        text = text.replace(",", "").replace(" ", "")
    for pattern, by in _REWRITTEN:
        text = pattern.sub(by, text)
    text = tex.braced(text)
    text = _GOES_ON.sub(r"\1\\overline{\2}", text)
    return re.sub(r"(\d{1,50})\.(\d{0,50})\\(?:overline|bar|dot)\{(\d{1,50})\}", _repeating, text)


def _ended(text: str) -> str:
    while (shorter := text.rstrip(" .,;").removesuffix("\\\\")) != text:
        text = shorter
    return text


def base(text: str) -> str | None:
    """Return the base of a number that is written with one, ``2`` of 1011_2."""
    match = re.fullmatch(r"-?[0-9A-Z]+_\{?(\d+)\}?", text)
    return match[1] if match else None


def _typed(text: str) -> str:
    """Return raised and lowered digits and fractions of one character as one types them."""
    text = _RAISED.sub(lambda match: f"^{{{_compatible(match[0])}}}", text)
    text = _LOWERED.sub(lambda match: f"_{{{_compatible(match[0])}}}", text)
    return _VULGAR.sub(lambda match: r"\frac{{{}}}{{{}}}".format(*_compatible(match[0]).split("⁄")), text)


def _compatible(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


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
    if match["name"]:
        return _SAME.get(match["name"], match[0])
    return match["escaped"] or match["cell"] or match["begin"] or match["end"] or (" " if match["tie"] else "")
