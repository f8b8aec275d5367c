"""Parts of the page that `export --as python` writes, which holds their source: short forms of what infertune does.

They need nothing but the standard library, and each only those named in `NEEDS`. Where a form is shorter than
infertune's own, `SHORTER` says what it does not read.
"""

import importlib
import json
import re
import string
import unicodedata
from decimal import Decimal
from typing import Any


def without_thoughts(text: str) -> str:
    """Leave out what a model thought before it answered, between <think> and </think>; no other marks are known."""
    text = re.sub(r"(?s)\A.*</think(ing)?>", "", text)
    return re.sub(r"(?s)<think(ing)?>.*", "", text)


def plain(text: str) -> str:
    """Make typeset quotes, dashes and spaces those that are typed."""
    same = str.maketrans("‘’“”–—−\u00a0", "''\"\"--- ", "\u00ad\u200b")
    return unicodedata.normalize("NFC", text.translate(same))


def find_regex(text: str, pattern: str, which: str = "first", group: int | None = None) -> str | None:
    """Return a match of a pattern: the given group, or the first that holds text, or the whole match."""
    found = list(re.finditer(pattern, text))
    if not found:
        return None
    match = found[0 if which == "first" else -1]
    if group is not None:
        return match[group]
    return next((each for each in match.groups() if each), None) if match.groups() else match[0]


def find_line(text: str, which: str = "first") -> str | None:
    """Return the first or last line that is not blank."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0 if which == "first" else -1] if lines else None


def find_text(text: str) -> str | None:
    """Return all of the text."""
    return text


def find_json(text: str, key: str = "") -> str | None:
    """Return the value at a key of the first JSON object that has it; with no key the first object."""
    at = text.find("{")
    while at >= 0:
        try:
            value, end = json.JSONDecoder(strict=False).raw_decode(text, at)
        except ValueError:
            value, end = None, at + 1
        if isinstance(value, dict) and (not key or value.get(key) is not None):
            said = value[key] if key else value
            return (
                said
                if isinstance(said, str)
                else json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            )
        at = text.find("{", end)
    return None


def find_boxed(text: str) -> str | None:
    r"""Return the contents of the last \boxed{...} whose braces close."""
    answer = None
    for box in re.finditer(r"\\(?:boxed|fbox)\s*\{", text):
        depth, at = 1, box.end()
        while at < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        if not depth and text[box.end() : at - 1].strip():
            answer = text[box.end() : at - 1]
    return answer


def find_final(text: str) -> str | None:
    """Return what follows the last "the answer is" or "Answer:", up to the end of the sentence."""
    found = list(re.finditer(r"(?i)\banswer\b[\s*_]*(?:is|:):?\s*(?P<said>[^\n]+)", text))
    if not found:
        return None
    said = re.split(r"\.(?=\s|$)|[,;]?\s(?:because|since|which|as)\s", found[-1]["said"], maxsplit=1)[0]
    return said.strip().strip("$`*_ ") or None


def find_code(text: str, which: str = "first") -> str | None:
    """Return the contents of a fenced block of code."""
    blocks = [each for each in re.findall(r"(?ms)^[ \t]*```[^\n]*\n(.*?)^[ \t]*```", text) if each.strip()]
    return blocks[0 if which == "first" else -1] if blocks else None


def find_python(text: str) -> str | None:
    """Return the last fenced block that defines something, or else all of the text."""
    blocks = re.findall(r"(?ms)^```[^\n]*\n(.*?)^```", text)
    return next((each for each in reversed(blocks) if re.search(r"(?m)^(def|class) ", each)), text)


def find_number(text: str, which: str = "last", after: str | None = None, decimal_mark: str = ".") -> str | None:
    """Return a number in its plain form; with `after`, the one that follows a match of it on its line."""
    text = re.sub(r"\\d?frac\{(\d+)\}\{(\d+)\}", r" \1/\2 ", plain(text))
    number = r"(?<![\w./])-?[$€£]?\s?-?\d(?:[\d,.]*\d)?(?:\s?/\s?\d+)?(?![\w/])"
    if after is None:
        found = re.findall(number, text)
        return plain_number(found[0 if which == "first" else -1], decimal_mark) if found else None
    ends = [match.end() for match in re.finditer(after, text)]
    for end in ends if which == "first" else reversed(ends):
        line = re.match(r"[^\w\n]*\n[^\w]*.*|.*", text[end:])
        said = line[0] if line else ""
        found = re.findall(number, said.rpartition("=")[2]) or re.findall(number, said)
        if found:
            return plain_number(found[0], decimal_mark)
    return None


def find_choice(text: str, labels: tuple[str, ...], which: str = "first") -> str | None:
    """Return one of some labels that stands alone in the text; a letter first after "answer", and as a capital."""
    either = "|".join(sorted(map(re.escape, labels), key=len, reverse=True))
    alone = rf"(?<!\w)(?P<label>{either})(?!\w)"
    letters = all(len(label) == 1 for label in labels)
    patterns = [rf"(?i:\banswer\b\W*(?:is)?\W*){alone}", rf"\A\W*{alone}", alone] if letters else [f"(?i:{alone})"]
    for pattern in patterns:
        found = [match["label"] for match in re.finditer(pattern, plain(text))]
        if found:
            said = found[0 if which == "first" else -1].lower()
            return next(label for label in labels if label.lower() == said)
    return None


def find_function(text: str, name: str) -> str | None:
    """Return what a function of your own finds, named module:function."""
    module, _, function = name.partition(":")
    found = getattr(importlib.import_module(module), function)(text)
    return None if found is None else str(found)


def plain_number(text: str, decimal_mark: str = ".") -> str | None:
    """Return a number in its shortest plain form: 1200 for $1,200.00."""
    digits = re.sub(r"[^\d.,/-]", "", plain(text)).strip(".,")
    digits = digits.replace(",", "") if decimal_mark == "." else digits.replace(".", "").replace(",", ".")
    top, _, bottom = digits.partition("/")
    try:
        written = format(Decimal(top) / Decimal(bottom or 1), "f")
    except ArithmeticError:
        return None
    written = written.rstrip("0").rstrip(".") if "." in written else written
    return "0" if written in ("-0", "") else written


def normal_exact(
    answer: str,
    ignore_typography: bool = True,
    ignore_patterns: tuple[str, ...] = (),
    ignore_case: bool = False,
    ignore_punctuation: bool = False,
    ignore_numbers: bool = False,
    ignore_articles: bool = False,
    ignore_spaces: bool = True,
    **others: Any,
) -> str | None:
    """Return the text that equal answers have in common."""
    text = (plain(answer) if ignore_typography else answer).strip()
    for pattern in ignore_patterns:
        text = re.sub(pattern, "", text)
    text = text.lower() if ignore_case else text
    removed = string.punctuation * ignore_punctuation + string.digits * ignore_numbers
    text = text.translate({ord(each): None for each in removed})
    if ignore_articles:
        text = re.sub(r"(?i)\b(a|an|the)\b", " ", text)
    return (" ".join(text.split()) if ignore_spaces else text) or None


def normal_number(answer: str, decimal_mark: str = ".", **others: Any) -> str | None:
    """Return the number in its shortest plain form."""
    return plain_number(answer, decimal_mark)


def normal_math(answer: str, **others: Any) -> str | None:
    r"""Return a formula without dollars, spacing, \left and \right, and a final stop."""
    text = re.sub(r"\\(?:left|right|,|;|!|:)|\\?\$", "", answer.replace(r"\dfrac", r"\frac"))
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", " ".join(text.split())).rstrip(".,; ") or None


def normal_python_tests(answer: str, **others: Any) -> str | None:
    """Return the code without the blank space that ends it."""
    return answer.rstrip() or None


def normal_text(answer: str, **others: Any) -> str | None:
    """Return the answer without the space around it."""
    return answer.strip() or None


NEEDS = {
    "find_number": ("plain", "plain_number"),
    "find_choice": ("plain",),
    "plain_number": ("plain",),
    "normal_exact": ("plain",),
    "normal_number": ("plain", "plain_number"),
}
"""Which other parts a part calls."""

SHORTER = {
    "find_number": "mixed fractions, powers of ten and words such as million",
    "find_choice": "choices that are named by their words, and the rarer ways of writing a letter",
    "find_boxed": "boxes without braces or in other notations",
    "find_final": "rarer announcements of the answer",
    "find_code": "blocks with tildes, in lists and quotations, or cut off",
    "find_python": "programs without a fence among text",
    "find_json": "objects as Python prints them",
    "normal_number": "mixed fractions, powers of ten and words such as million",
    "normal_math": "formulas that are equal and not written alike",
}
"""What infertune reads beyond a part, where it reads more."""
