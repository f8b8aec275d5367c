"""Numbers as people and models write them, read as decimals.

Thousands, decimal marks, currencies, units, percent, fractions, powers of ten, LaTeX and Markdown. A form that no
convention reads is None: never another number than was meant.
"""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal, DecimalException, localcontext
from typing import Literal

from infertune.tasks.typography import plain

DecimalMark = Literal[".", ","]

_LONGEST = 1000  # characters of one number with its words
_LARGEST_EXPONENT = 300  # of ten, for the plain form has as many digits
_REWRITTEN = (
    (re.compile(r",\\!\s?"), ""),
    (re.compile(r"</?(?:b|strong|i|em|u|span|code)(?:\s[^<>]{0,100})?>|<br\s?/?>"), ""),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\(?:text|textbf|mathbf|mathrm|boxed|fbox)\s*\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\\[dt]?frac\s*\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\}"), r" \1/\2 "),
    (re.compile(r"\\[dt]?frac\s*(\d)\s*(\d)(?!\d)"), r" \1/\2 "),
    (re.compile(r"\\(?:times|cdot)(?![A-Za-z])"), "×"),
    (re.compile(r"\^\s*\{?\\circ\}?"), "°"),
    (re.compile(r"\^\s*\{\s*([-+]?\d+)\s*\}"), r"^\1"),
    (re.compile(r"\\[,;:! ]|~"), " "),
    (re.compile(r"\\[()\[\]]|\\(?=[$%])|\\(?:left|right)(?![A-Za-z])"), ""),
    (
        re.compile(r"(?<=10)([⁻⁺]?[⁰¹²³⁴-⁹]+)"),
        lambda match: "^" + unicodedata.normalize("NFKC", match[1]).replace("−", "-"),
    ),
)
_VULGAR = re.compile("[¼-¾⅐-⅞]")
_CURRENCY = r"(?:[A-Z]{0,2}[$¢£¥฿\u20a0-\u20cf]|[A-Z]{3}(?![A-Za-z])|Rs\.?|Fr\.|kr\.?)"
_SPACED = r"(?<!\d[ ])\d{1,3}(?:[ ]\d{3}(?!\d))+(?:[.,]\d+)?(?![ ]\d)"  # 1 234 567, but not 85 100 90
_DIGITS = rf"(?:{_SPACED}|\d(?:[\d.,'_]*\d)?)"
_UNSIGNED = rf"""(?:
    10\s?(?:\^|\*\*)\s?\(?(?P<ten>[-+]?\d{{1,4}})\)?
    | (?P<whole>\d+)\s(?P<part>\d+)/(?P<parts>\d+)
    | (?P<top>{_DIGITS})\s?/\s?(?P<bottom>{_DIGITS})
    | (?P<digits>{_DIGITS}|[.,]\d+)
      (?:[eE](?P<e>[-+]?\d{{1,4}})(?!\d) | \s?[×xX*·]\s?10\s?(?:\^|\*\*)\s?\(?(?P<power>[-+]?\d{{1,4}})\)?)?
    )(?![\d/])"""
_ABOUT = r"about|approx(?:imately|\.)?|around|roughly|nearly|almost|circa|ca\.|exactly|only|just|is|equals"
_BEFORE = rf"(?:(?:{_ABOUT}|≈|=|[A-Za-z]\w*\s?[=:≈])\s*)?"
_WRITTEN = re.compile(
    rf"{_BEFORE}(?P<sign>[-+]|(?i:minus|negative)\s)?\s*(?P<currency>{_CURRENCY})?\s?(?P<inner>[-+])?\s?{_UNSIGNED}"
    r"(?P<after>.*)",
    re.VERBOSE | re.DOTALL,
)
_IN_TEXT = re.compile(
    r"\d{4}-\d\d-\d\d(?!\d)|"  # a date
    rf"(?<![A-Za-z\d^.])(?<!\d\*\*)(?<![A-Za-z\d}}]_)(?<!_\{{)(?<!\d[:/])(?:(?<![)\]}}%])[-+])?(?:{_CURRENCY}\s?[-+]?)?{_UNSIGNED}"
    r"(?!:\d|\s?\^|\*\*\s?[\d(-]|[⁰¹²³⁴-⁹])"
    r"(?:\s?(?:hundred|thousand|lakh|crore|million|billion|trillion|dozen)\b|[kKMB]\b)*",
    re.VERBOSE,
)
_SCALES = {"hundred": 2, "thousand": 3, "lakh": 5, "crore": 7, "million": 6, "mn": 6, "billion": 9, "bn": 9}
_SCALES |= {"thousands": 3, "millions": 6, "billions": 9, "trillion": 12, "trillions": 12}
_SCALES |= {"mio": 6, "millionen": 6, "millones": 6, "mrd": 9, "milliard": 9, "milliards": 9, "milliarden": 9}
_SCALES |= {"tsd": 3, "tausend": 3, "mille": 3, "miljoen": 6, "miljard": 9, "milioni": 6}
_SCALES |= {"milhões": 6, "millón": 6}
_SCALES |= {"тыс": 3, "тысяч": 3, "млн": 6, "млрд": 9, "lakhs": 5, "lac": 5, "crores": 7, "cr": 7, "tn": 12}
_LETTERS = {"k": 3, "K": 3, "M": 6, "B": 9}  # directly after the digits
_UNITS = frozenset("gmslhdtWVACFKNJLa")  # of one letter; others, as in 3x or 2i, make something else of the number
_OTHERWISE = frozenset(
    "and or to minus plus over point half halves third thirds quarter quarters fifth tenth hundredth squared cubed "
    "factorial not less more dozen dozens mil mila".split()
)


def read(text: str, decimal_mark: DecimalMark = ".") -> Decimal | None:
    """Return the number that the text is, whatever its sign, currency, unit and emphasis; None where it is none.

    Args:
        text: Nothing but the number, with words after it at most.
        decimal_mark: How marks are read where both ways are possible: with ``.`` is ``1,234`` a thousand and more, and
            with ``,`` it is a little more than one. ``1,5`` and ``1.234,5`` are the same number with both.
    """
    if len(text) > _LONGEST:
        return None
    text = _bare(_rewritten(text, decimal_mark))
    match = _WRITTEN.fullmatch(text)
    if match is None or (match["sign"] and match["inner"]):
        return None
    scale = _scale(match["after"], bool(match["currency"]))
    try:
        with localcontext(prec=max(50, len(text))):
            value = _unsigned(match, decimal_mark)
            if value is None or scale is None:
                return None
            value *= scale
    except DecimalException:
        return None
    if abs(value.adjusted()) > _LARGEST_EXPONENT:
        return None
    negative = (match["sign"] or "").lower().strip() in ("-", "minus", "negative") or match["inner"] == "-"
    return -value if negative else value


def written(value: Decimal) -> str:
    """Return the shortest plain form: ``29`` for 29.00, ``0`` for -0, and no exponent."""
    digits = format(value, "f")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if digits in ("-0", "") else digits


def in_text(text: str, decimal_mark: DecimalMark = ".") -> Iterator[Decimal]:
    """Yield the numbers in a text, in order; the 2 of m², x^2 or H2O is none, and neither are those of 3:30."""
    for match in _IN_TEXT.finditer(_rewritten(text, decimal_mark)):
        value = read(match[0], decimal_mark)
        if value is not None:
            yield value


def _rewritten(text: str, decimal_mark: DecimalMark) -> str:
    """Return the text without LaTeX and typography."""
    text = text.replace("٫", decimal_mark).replace("٬", "," if decimal_mark == "." else ".")
    for pattern, by in _REWRITTEN:
        text = pattern.sub(by, text)
    return re.sub(
        "[¼-¾⅐-⅞]", lambda match: " " + unicodedata.normalize("NFKC", match[0]).replace("⁄", "/"), plain(text)
    )


def _bare(text: str) -> str:
    """Return the text without emphasis, quotes, and the brackets around all of it."""
    while True:
        shorter = text.strip().strip("*_`\"'#").rstrip(".,;:!").strip()
        if shorter.startswith("$") and shorter.endswith("$"):
            shorter = shorter.strip("$")
        if shorter[:1] + shorter[-1:] in ("()", "[]", "{}"):
            shorter = shorter[1:-1]
        if shorter == text:
            return text
        text = shorter


def _unsigned(match: re.Match[str], decimal_mark: DecimalMark) -> Decimal | None:
    if match["ten"]:
        return Decimal(10) ** int(match["ten"])
    if match["whole"]:
        whole, part, parts = (Decimal(match[name]) for name in ("whole", "part", "parts"))
        return whole + part / parts if part < parts else None
    if match["top"]:
        top, bottom = _digits(match["top"], decimal_mark), _digits(match["bottom"], decimal_mark)
        return None if top is None or bottom is None else top / bottom
    value = _digits(match["digits"], decimal_mark)
    return None if value is None else value.scaleb(int(match["e"] or match["power"] or 0))


def _digits(text: str, decimal_mark: DecimalMark) -> Decimal | None:
    """Return the value of digits with marks."""
    apart = re.fullmatch(r"(\d{1,3}(?:([ '_])\d{3})(?:\2\d{3})*)(?:[.,](\d*))?", text)
    if apart:
        return _value(apart[1], apart[3])
    marks = re.sub(r"\d", "", text)
    if not set(marks) <= {".", ","}:
        return None
    both = re.fullmatch(r"(.*)([.,])(\d*)", text) if len(set(marks)) == 2 else None
    if both:
        return _value(both[1], both[3]) if _is_grouped(both[1]) else None
    as_decimal = Decimal(text.replace(",", ".")) if len(marks) <= 1 else None
    as_group = _value(text) if marks and _is_grouped(text) else None
    first, second = (as_decimal, as_group) if marks[:1] == decimal_mark else (as_group, as_decimal)
    return second if first is None else first


def _value(whole: str, decimals: str | None = None) -> Decimal:
    return Decimal("".join(filter(str.isdigit, whole)) + "." + (decimals or "0"))


def _is_grouped(text: str) -> bool:
    """Return whether marks divide the digits by thousands, or as in India."""
    return bool(re.fullmatch(r"[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*|[1-9]\d?(?:,\d{2})+,\d{3}", text))


def _scale(after: str, is_money: bool) -> Decimal | None:
    """Return what the words after a number multiply it by, mostly 1; None where they make something else of it."""
    if after[:1] in _LETTERS and not after[1:2].isalpha():
        exponent, after = _LETTERS[after[0]], after[1:]
    elif is_money and re.match(r"m\b", after):
        exponent, after = 6, after[1:]
    else:
        exponent = 0
    after = re.sub(r"(?<=[A-Za-z])(?:\^?[23]|[²³])", "", after)  # m²
    words = re.findall(r"[^\W\d_]+", after)
    while words and words[0].lower() in _SCALES:
        exponent += _SCALES[words.pop(0).lower()]
    dozen = bool(words) and words[0].lower() == "dozen"
    words = words[1:] if dozen else words
    strange = re.search(r"\d|[^\w\s%°.,;:!?/()'\"*$¢£¥฿\u20a0-\u20cf-]|_|^\s*[!:]", after)
    if strange or any(word.lower() in _OTHERWISE or word.lower() in _SCALES for word in words):
        return None
    if any(len(word) == 1 and word not in _UNITS for word in words):
        return None
    return Decimal(12 if dozen else 1).scaleb(exponent)
