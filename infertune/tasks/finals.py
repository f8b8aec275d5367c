r"""Finds the final answer to a mathematical problem: in its box, or after the words that announce it."""

import re

_COMMAND = r"(?:\\[bB]oxed|\x08oxed|(?<![\\A-Za-z])boxed|\\fbox|\x0cbox|\\framebox)"  # JSON makes one of \b and \f
_BOX = re.compile(
    rf"(?P<open>{_COMMAND}\s{{0,3}}\{{)"
    r"|\\boxed\s{0,3}(?P<bare>-?\d[\d.,]*\d|-?\d|[A-Za-z](?![A-Za-z]))"
    r"|<\|begin_of_box\|>(?P<special>[^<]*)<\|end_of_box\|>"
    r"|(?<!\\)(?P<brace>[{}])"
)
_MARKS = r"[*_#`\s]{0,8}"
_ANNOUNCED = re.compile(
    rf"\b(?:answers?|final\sresult){_MARKS}(?:to\s(?:the|this)\s\w+\s)?(?:is|are|equals|(?:would|should|must)\sbe|=)(?!\w)(?:\s(?:thus|therefore|simply))?"
    rf"|^\W{{0,8}}(?:(?:my|the|so|final|correct)\s){{0,2}}(?:answers?|final\sresult)\b[*_` ]{{0,4}}(?::|[*_ ]*$)"
    r"|^\W{0,8}ans\s?[.:=]|<answer>",
    re.IGNORECASE | re.MULTILINE,
)
_MATH = r"\\\[(?:.+?)\\\]|\$\$(?:.+?)\$\$|\\\((?:.+?)\\\)|(?<!\\)\$(?:.+?)(?<!\\)\$"
_FORMULAS = re.compile(rf"((?:{_MATH})(?:\s?(?:,|;|=|and|or)?\s?(?:{_MATH}))*)(?P<after>.*)", re.DOTALL)
_END = re.compile(r"\.(?=\s|$)|[,;]?\s(?:[-(]\s?)?(?:because|since|which|as)\s|\sI hope|\n|</answer>")
_TAG = re.compile(r"</?(?:b|strong|i|em|u|span|p|div|code)(?:\s[^<>]{0,100})?>")
_LONGEST = 2000  # characters of an announced answer


def boxed(text: str) -> str | None:
    r"""Return the contents of the last box whose braces close and that is not empty; a box in it adds nothing."""
    boxes: list[tuple[int, int]] = []  # where the contents of each open box begin, and how deep in braces
    depth, found = 0, None
    for mark in _BOX.finditer(text):
        if mark["open"]:
            depth += 1
            boxes.append((mark.end(), depth))
        elif mark["brace"] == "{":
            depth += 1
        elif mark["brace"]:
            if boxes and boxes[-1][1] == depth:
                start, _ = boxes.pop()
                found = text[start : mark.start()] if text[start : mark.start()].strip() else found
            depth = max(depth - 1, 0)
        else:
            found = mark["bare"] or mark["special"] or found
    return None if found is None else _without_boxes(found)


def announced(text: str) -> str | None:
    """Return what follows the last "the final answer is", "the answer is" or "Answer:", up to the sentence's end."""
    ends = [match.end() for match in _ANNOUNCED.finditer(text)]
    if not ends:
        return None
    said = _TAG.sub("", text[ends[-1] : ends[-1] + _LONGEST]).lstrip(" \t\r\n:*_`")
    if formulas := _FORMULAS.match(said):
        if not re.match(r"\s?[-+*/=^]?\s?\w", formulas["after"]) or re.match(r"\s[a-z]{2}", formulas["after"]):
            return re.sub(r"\\[\[\]()]|(?<!\\)\$", "", formulas[1]).strip() or None
    said = _END.split(said, maxsplit=1)[0].strip()
    said = re.sub(r"(?<!\\)\$|\*\*", "", said).strip("`_* ")
    return (said[1:-1] if said[:1] in ("'", '"') and said[:1] == said[-1:] else said) or None


def _without_boxes(contents: str) -> str:
    shorter = re.sub(rf"{_COMMAND}\s{{0,3}}\{{", "{", contents)
    if shorter == contents:
        return contents
    whole = re.fullmatch(r"\s*\{+([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}+\s*", shorter)
    return whole[1] if whole else shorter
