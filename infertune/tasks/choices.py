"""Finds which of some labels an answer chooses: a letter of a multiple choice in its usual notations, or a word."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from infertune.tasks.typography import plain

# After the article a, or the pronoun I, comes a word; after a letter that is an answer come few.
_AFTER_ANSWER = "is|because|since|as|and|or|which|for|due|was|but|with|would|will|should"
_LETTER = r"(?-i:[^\W\u2e80-\u9fff\uac00-\ud7af])"  # of a script that puts spaces between words
ANSWER = r"(?:\b(?:answers?|antwort|réponse|respuesta|resposta|risposta|ответ)\b|答案|答え|정답)"
_EMPHASIS = r"[\s*_`\"'(\[{$:：=<>-]{0,20}(?:\\(?:boxed|fbox|text|textbf|mathrm|mathbf)\{[\s*(\[{]{0,3}){0,3}"
IS = r"(?:is|was|ist|est|es|è|é|是|为|は|(?:would|should|must|will|has to) be)"
_SAYS = rf"(?:\s{{0,3}}{IS})?(?:\s(?:clearly|therefore|thus))?"
_NAMED = r"(?:[\s:=*]{0,6}(?:the\s)?(?:option|choice|letter|statement))?"
_NEXT_QUESTION = re.compile(r"(?<=\S)\s{0,9}\n\W{0,4}(?:Question|Q|Problem)\b[^\w\n]{0,3}\d{0,4}\W{0,2}[:.]", re.I)
_N_STATED = 4  # of the notations below: those that say that it is the answer
_UNDERLINED = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
_DENIED = re.compile(
    r"(?:n't|\b(?:not|neither|nor|none of|exclude|eliminate|rule out|unlike))\s?(?:option|choice)?\W{0,3}\Z", re.I
)
_DENIES = re.compile(
    r"\W?[:?]\s?no\b|\W{0,4}(?:(?:is|are|was|seems|looks)\s?(?:\w+ly\s)?(?:not\b|n't|wrong|incorrect|false|ruled|invalid)"
    r"|(?-i:(?:(?:and|or)\s|(?<=,\s))\W?[A-Z]\b(?!')))",
    re.I,
)


def find(labels: Sequence[str], text: str, which: Literal["first", "last"]) -> str | None:
    """Return the label that the text chooses, as it stands in ``labels``.

    Labels of one character are sought where answers are given: in a box, after "answer", before "is correct", at the
    start, alone on a line, after "option" or "choice", in brackets, and only then anywhere, as a capital. Longer ones
    are sought standing alone, whatever their case; of two at one place the longer is meant.
    """
    text = plain(text)
    if all(len(label) == 1 for label in labels):
        text = _UNDERLINED.sub(" ", text)  # __A__
        is_meant = _is_affirmed
    else:
        is_meant = _is_no_word
    notations = _notations(tuple(labels))
    own = _own_words(text, tuple(labels))
    for part, some in ((own, notations), (text, notations[:_N_STATED] if own != text else ())):
        for notation in some:
            found = [match["label"] for match in notation.finditer(part) if is_meant(match)]
            if found:
                chosen = found[0 if which == "first" else -1]
                return next(label for label in labels if re.fullmatch(_either([label]), chosen, re.IGNORECASE))
    return None


def mentioned(labels: Sequence[str], text: str) -> frozenset[str]:
    """Return which of some labels stand in a text by themselves and are not denied, whatever their case."""
    either = re.compile(
        rf"(?<!{_LETTER})(?<![\d.-])(?P<label>{_either(labels)})(?!{_LETTER}|\d|[.,]\d)", re.IGNORECASE
    )
    found = {match["label"] for match in either.finditer(text) if not _is_denied(match)}
    return frozenset(label for label in labels if any(re.fullmatch(_either([label]), one, re.I) for one in found))


def _own_words(text: str, labels: Sequence[str]) -> str:
    """Return the text before another question that a model goes on with, without a list of all the choices."""
    if any(len(label) > 1 for label in labels):
        return text
    next_question = _NEXT_QUESTION.search(text)
    lines = (text[: next_question.start()] if next_question else text).splitlines(keepends=True)
    heads = [re.match(rf"[\W_]*(?P<label>{_either(labels)})\s?[).:]\s*\w", line) for line in lines]
    is_list = [head["label"] for head in heads if head] == list(labels)
    return "".join(line for line, head in zip(lines, heads, strict=True) if not (is_list and head))


@lru_cache
def _notations(labels: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Return how answers are written: with labels of one character in many ways, the plainest statement first."""
    numeral = r"(?:(?<![\d.])(?<!\s-)(?<!\A-)|(?!\d))"  # the 1 of -1 or 2.1 is not the label 1
    one = rf"(?<!{_LETTER}){numeral}(?P<label>{_either(labels)})(?!{_LETTER}|[.,]\d)"
    if any(len(label) > 1 for label in labels):
        return (re.compile(one, re.IGNORECASE),)
    one += r"(?![+#]|-\d|'[a-z])"  # A+, B-52, D'oh
    other = one.replace("?P<label>", "?!(?P=label))(?:")
    restated = rf"(?!(?:.*\n)*?\W*{other}\s*[).:])"  # the choices, one a line
    start = rf"\A[\W_]*{one}"
    notations = (
        rf"\\(?:boxed|fbox)\s*\{{{_EMPHASIS}{one}",
        rf"{ANSWER}{_SAYS}{_NAMED}{_EMPHASIS}{one}",
        rf"\b(?:correct|right|best)\s(?:option|choice|one)\b{_SAYS}{_EMPHASIS}{one}",
        rf"{one}[)\].:*\s]*(?:\b[^.\n]{{0,40}})?\bis\s(?:the\s)?(?:correct|right|best|answer)",
        rf"{start}(?=\s*(?:[).:,\]}}*_/-]|\n|\Z)){restated}",
        rf"(?-i:{start}){restated}",
        rf"^[\W_]*{one}[^\w\n]*$",
        rf"\b(?:so|thus|therefore|hence|only|it's|it is|must be)\b,?{_NAMED}{_EMPHASIS}(?-i:{one})",
        rf"\b(?:option|choice|choose|select|pick|letter)\b{_EMPHASIS}{one}",
        rf"[(\[]\s*{one}\s*[)\]]",
        rf"(?-i:{one})",
    )
    return tuple(re.compile(notation, re.IGNORECASE | re.MULTILINE) for notation in notations)


def _is_affirmed(match: re.Match[str]) -> bool:
    """Return whether the label is no word of the sentence and is not denied."""
    return _is_no_word(match) and not _is_denied(match)


def _is_denied(match: re.Match[str]) -> bool:
    before, after = match.string[: match.start("label")], match.string[match.end("label") :]
    return bool(_DENIED.search(before[-40:]) or _DENIES.match(after[:60]))


def _is_no_word(match: re.Match[str]) -> bool:
    """Return whether a label is neither the article a nor the pronoun I."""
    if match["label"] not in ("a", "A", "i", "I"):
        return True
    after = match.string[match.end("label") :]
    word = re.match(r"'|[ \t]+(?:([a-z]+)|\w)", after)
    return word is None or bool(word[1] and re.fullmatch(_AFTER_ANSWER, word[1]))


def _either(labels: Sequence[str]) -> str:
    patterns = (re.sub(r"(?:\\?[\s_-])+", r"[\\s_-]+", re.escape(plain(label))) for label in labels)
    return "|".join(sorted(patterns, key=len, reverse=True))
