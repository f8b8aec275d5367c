"""Fenced code blocks as models write them: CommonMark's, and what a reader takes for one."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_BEFORE = r"(?P<before>[ \t]*(?:>[ \t]?)*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?[ \t]*)"  # a quotation, an entry of a list
_OPENING = re.compile(rf"{_BEFORE}(?P<fence>`{{3,}}|~{{3,}})[ \t]*(?P<info>.*)")
_AFTER_TEXT = re.compile(r"(?P<before>)[^`~]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[\w+#-]*)")  # Code: ```python
_WITHIN = re.compile(r"(?:(?:python|py)\d?[ \t]+)?(?P<code>.*?)(?P<close>`{3,}|~{3,})[ \t]*")  # ```python x = 1```
_CLOSING = re.compile(r"[ \t>]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>.*)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        text: Its lines, without the indentation that they share with the fence.
        closed: Whether a fence ends it; one that is not ended is cut off at the end of the answer.
        start: Where the line of its opening fence begins in the answer.
        end: Where what follows it begins.
    """

    text: str
    closed: bool
    start: int
    end: int


def outside(text: str, fenced: Iterable[Block]) -> str:
    """Return what stands in no block."""
    kept, at = "", 0
    for block in fenced:
        kept, at = kept + text[at : block.start], block.end
    return kept + text[at:]


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks in order.

    A fence is three or more backticks or tildes; its block ends with a line of at least as many, after which others
    are text. Line ends are those of the text.
    """
    opening: re.Match[str] | None = None
    inside: list[str] = []
    start = at = 0
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\r\n")
        here, at = at, at + len(line)
        if opening is None:
            opening, start = _opened(bare), here
            if opening and (whole := _WITHIN.fullmatch(opening["info"])):
                yield Block(whole["code"].strip(), True, start, at)
                opening = None
            continue
        closing = _CLOSING.fullmatch(bare)
        if closing and _ends(opening["fence"], closing["fence"]):
            forgotten = re.fullmatch(r"[\w+#-]+", closing["info"])  # ```python where ``` should have stood before
            yield Block(_inner(opening["before"], inside), True, start, here if forgotten else at)
            opening, start, inside = (_opened(bare) if forgotten else None), here, []
        elif bare.rstrip().endswith(opening["fence"]):  # return x```
            inside.append(bare.rstrip().removesuffix(opening["fence"]) + "\n")
            yield Block(_inner(opening["before"], inside), True, start, at)
            opening, inside = None, []
        else:
            inside.append(line)
    if opening is not None:
        yield Block(_inner(opening["before"], inside), False, start, at)


def _opened(line: str) -> re.Match[str] | None:
    match = _OPENING.fullmatch(line) or _AFTER_TEXT.fullmatch(line)
    inline = match and "`" in match["info"] and not _WITHIN.fullmatch(match["info"])
    return None if inline else match


def _ends(opening: str, closing: str) -> bool:
    return closing[0] == opening[0] and len(closing) >= len(opening)


def _inner(before: str, lines: list[str]) -> str:
    """Return the lines without what stands before the fence, where it stands before all of them."""
    if ">" in before:
        lines = [re.sub(r"^[ \t]*(?:>[ \t]?)+", "", line) for line in lines]
        before = before[before.rindex(">") + 1 :].removeprefix(" ")
    margin = re.sub(r"\S", " ", before)
    written = [line for line in lines if line.strip()]
    if "\t" not in margin:  # a list's content may be indented less than its fence, but evenly
        widths = [len(line) - len(line.lstrip(" ")) for line in written]
        margin = " " * min([len(margin), *widths])
    if all(line.startswith(margin) for line in written):
        lines = [line.removeprefix(margin) if line.strip() else line.lstrip(" \t") for line in lines]
    return "".join(lines)
