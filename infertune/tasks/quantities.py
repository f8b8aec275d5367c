r"""Parts a quantity in LaTeX, ``15\text{ cm}^2``, into its number and its unit."""

import re
from typing import NamedTuple

# The first name stands for all.
_UNITS = (
    "mm millimeter millimetre", "cm centimeter centimetre", "m meter metre", "km kilometer kilometre",
    "in inch inches", "ft foot feet", "yd yard", "mi mile", "s sec second", "min minute", "h hr hour", "day",
    "week wk", "month", "yr year", "mg milligram", "g gram", "kg kilogram", "lb pound", "oz ounce", "ton tonne",
    "dollar usd", "cent ¢", "degree deg", "rad radian", "ml milliliter millilitre", "l liter litre", "mph", "kmh kph",
)  # fmt: skip
_NAMES = {name: names.split()[0] for names in _UNITS for name in names.split()}
_LONG_NAMES = "|".join(sorted((name for name in _NAMES if len(name) > 1), key=len, reverse=True))
_POWER = r"(?:\^\{?-?\d\}?)?"
_WORDS = r"\\(?:text|mathrm|operatorname)\s*\{[^{}]*\}" + _POWER
_TAIL = re.compile(
    rf" ?(?P<words>(?:{_WORDS}(?: ?(?:/|\\cdot) ?)?)+"
    rf"|\\frac\{{{_WORDS}\}}\{{{_WORDS}\}}"
    r"|(?<=\^\\circ)[CF]|(?<=\^\\circ )[CF]"
    rf"|(?<![A-Za-z\\])(?:{_LONG_NAMES}){_POWER}"
    r"|(?<=\d )[mgshlLNJWVACFK])\Z"
)
_AMOUNT = re.compile(r"(?:\d|\\pi|[})\]]|\^\\circ)\Z")  # what can have a unit
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
# Words after a number that make it another one, or none.
_OTHERWISE = frozenset(
    "and or plus minus times more less fewer over under half third quarter factorial of to dozen not "
    "than above below least most x y".split()
)
_TIME = re.compile(
    r"(?P<hour>[01]?\d|2[0-4])(?::(?P<minute>[0-5]\d))?(?: ?\\text\{)? ?(?P<half>[ap]\.? ?m\b)?\.?\}?", re.IGNORECASE
)


class Quantity(NamedTuple):
    """A number and its unit.

    Attributes:
        number: The text without the unit; None where the words after the number make something else of it.
        unit: One name for all ways to write a common unit; empty for others, and without one.
    """

    number: str | None
    unit: str = ""


class Time(NamedTuple):
    """Minutes from the beginning of the day or of its ``half``, ``a`` or ``p``; empty where none is told."""

    minutes: int
    half: str


def parted(text: str) -> Quantity:
    """Return the number and the unit of a text in normal form (latex.py); one without a unit is its own number."""
    tail = _TAIL.search(text)
    number = text[: tail.start()].rstrip() if tail else text
    if tail is None or not _AMOUNT.search(number):
        return Quantity(text, "degree" if re.fullmatch(r"-?[\d.]+\^\\circ", text) else "")
    words = re.findall(r"[^\W\d_]+", re.sub(r"\\[a-z]+", " ", tail["words"]).lower())
    if words and (words[0] in _SCALES or words[0] == "percent"):
        scale = r"\%" if words[0] == "percent" else rf" \cdot 10^{{{_SCALES[words[0]]}}}"
        number, words = f"{number}{scale}", words[1:]
    if words[:1] in (["squared"], ["cubed"]) or _OTHERWISE.intersection(words):
        return Quantity(None)
    words = [word for word in words if word not in ("square", "sq", "cubic", "cu")]
    unit = words[0] if words else ""
    return Quantity(number, _NAMES.get(unit) or _NAMES.get(unit.removesuffix("s"), ""))


def time_of_day(text: str) -> Time | None:
    """Return the time that a text is, such as ``4:30 p.m.``, or None."""
    match = _TIME.fullmatch(text)
    if match is None or not (match["minute"] or match["half"]):
        return None
    return Time(60 * int(match["hour"]) + int(match["minute"] or 0), (match["half"] or "")[:1].lower())
