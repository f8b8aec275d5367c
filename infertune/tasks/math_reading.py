r"""Writes a mathematical answer as math-verify reads it: what it cannot read, or reads as something else."""

import itertools
import re

_TRIGONOMETRIC = re.compile(r"\\(?:arc)?(?:sin|cos|tan|cot|sec|csc)h?(?![A-Za-z])")
_DEGREES = re.compile(
    r"(?P<angle>\d+(?:\.\d+)?|(?<![A-Za-z\\])[A-Za-z]|\\(?:theta|alpha|beta|phi))\^(?:\\circ|\{\\circ\})"
)
_MIXED = re.compile(r"(?<![\d.}])(\d{1,9})\\frac\{(\d{1,9})\}\{(\d{1,9})\}")
_REWRITTEN = (
    (re.compile(r"\A(?:\\text\{[^{}]*\b(?:is|are|equals)\s*:?\s*\}|\\approx|=|:) ?"), ""),
    (re.compile(r"(?<=\d)(?:st|nd|rd|th|\^\{?\\text\{(?:st|nd|rd|th)\}\}?|\\text\{(?:st|nd|rd|th)\})\Z"), ""),
    (re.compile(r"(?<![A-Za-z\d])(\d+(?:\.\d+)?)[eE]([+-]?\d{1,4})(?![A-Za-z\d.])"), r"\1 \\times 10^{\2}"),
    (re.compile(r"(?<=\d) ?[x*] ?(?=10\^)"), r" \\times "),
    (re.compile(r"\A(\d+)(?: to |\\text\{ ?to ?\}| \\text\{ ?to ?\} )(\d+)\Z"), r"\1:\2"),
    (re.compile(r"\A(?:all|the set of all|any) real(?:s| numbers?)(?: \w)?\Z"), r"\\mathbb{R}"),
    (re.compile(r"\\text\{all real(?:s| numbers?)\}"), r"\\mathbb{R}"),
    (re.compile(r"\A\\\{ ?[a-z](?: ?\\in ?\\mathbb\{R\})? ?[|:] ?(?P<condition>.*[<>\\].*)\\\}\Z"), r"\g<condition>"),
    (re.compile(r"([-+]) ?\\(?:text|mathrm)\{([A-Za-z])\}"), r"\1 \2"),
    (re.compile(r",? ?\\text\{ ?, ?(?:and|or)? ?\} ?|, (?:and|or) (?=[\d\\(-])"), ", "),
    (re.compile(r"\^\{\}"), ""),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"(?<![\\A-Za-z])(sin|cos|tan|cot|sec|csc|log|ln|pi)(?![A-Za-z])"), r"\\\1"),
    (re.compile(r"\\log_(?:e|\{e\})(?![A-Za-z])"), r"\\ln"),
    (re.compile(r"(?<=[\d})])i(?![A-Za-z])"), " i"),  # else it is a variable
)
_UNREADABLE = re.compile(r"(?<![_^}\d.])\d[\d.]* \d|\\ldots|[\d}]\+\Z|\A\\?[<>]|\A\\(?:leq|geq|neq)(?![A-Za-z])")
_THOUSANDS = re.compile(r"(?:[^,()\[\]{}]*= ?)?-?\d{1,3}(?:,\d{3})+(?![\d,])[^,()\[\]]*")
_MOST_SIGNS = 3


def readable(text: str) -> str | None:
    """Return the text for math-verify, None for one that it would take for something else, such as a part of it."""
    for pattern, by in _REWRITTEN:
        text = pattern.sub(by, text)
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    text = _MIXED.sub(_improper, text)
    if _TRIGONOMETRIC.search(text):
        text = _DEGREES.sub(r"(\\frac{\g<angle> \\pi}{180})", text)
    if not text or _UNREADABLE.search(text):
        return None
    return ", ".join(itertools.chain.from_iterable(map(_signs, items(text))))


def items(text: str) -> list[str]:
    """Return the parts between the commas that are in no brackets."""
    depth, start, parts = 0, 0, []
    for mark in re.finditer(r"\\?[{}()\[\],]", text):
        depth += mark[0][-1] in "{([" and 1
        depth -= mark[0][-1] in "})]" and 1
        if mark[0] == "," and depth == 0:
            parts.append(text[start : mark.start()].strip())
            start = mark.end()
    return [*parts, text[start:].strip()]


def _signs(item: str) -> list[str]:
    r"""Return what a ``\pm`` within brackets stands for; math-verify reads one that is in none."""
    signs = re.findall(r"\\pm(?![A-Za-z])", item)
    if not re.search(r"[({].*\\pm(?![A-Za-z])", item) or len(signs) > _MOST_SIGNS or r"\mp" in item:
        return [item]
    parts = re.split(r"\\pm(?![A-Za-z])", item)
    return [
        parts[0] + "".join(sign + part for sign, part in zip(chosen, parts[1:], strict=True))
        for chosen in itertools.product("+-", repeat=len(signs))
    ]


def _improper(match: re.Match[str]) -> str:
    r"""Return 1\frac{1}{2} as \frac{3}{2}."""
    whole, part, parts = int(match[1]), int(match[2]), int(match[3])
    return rf"\frac{{{whole * parts + part}}}{{{parts}}}" if part < parts else match[0]
