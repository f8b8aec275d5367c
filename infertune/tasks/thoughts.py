"""Leaves out what a model thought before it answered: the thought's numbers and drafts are not its answer."""

import re

_NAME = "(?:think|thinking|thoughts?|reasoning|reflection|scratchpad|monologue|analysis)"
_NAMES = rf"(?:\w{{1,20}}[_:])?{_NAME}(?:_\w{{1,20}})?(?:\s[^<>\n]{{0,100}})?"  # <seed:think>, <think_fast budget=100>
_OPEN = (
    rf"<{_NAMES}>|<\|{_NAME}\|>",  # DeepSeek, Qwen and most others
    r"\[THINK\]",  # Magistral
    r"◁think▷",  # Kimi
    r"<\|begin_of_thought\|>",  # OpenThinker
    r"<\|START_THINKING\|>",  # Command A
    r"<\|channel>thought\b",  # Gemma
    r"<unused94>",
    r"(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)\b[^<\n]*<\|message\|>",  # gpt-oss
    r"\A(?-i:analysis(?=[A-Z]))",  # the same, its special tokens lost
)
_CLOSE = (
    rf"</{_NAMES}>|<\|/{_NAME}\|>",
    r"\[/THINK\]",
    r"◁/think▷",
    r"<\|end_of_thought\|>",
    r"<\|END_THINKING\|>",
    r"<channel\|>",
    r"<unused95>",
    r"(?:<\|start\|>assistant)?<\|channel\|>final\b[^<\n]*<\|message\|>",
    r"assistantfinal",
)
# A mark that is spoken of rather than set: `</think>` in quotes, or a pattern such as "<think>.*?</think>" in code.
_SPOKEN = rf"(?<![\w.!?`])(?P<quote>[\"'`])(?:</?(?:{_NAMES})>|\[/?THINK\])[^\n]*?(?P=quote)"
_MARK = re.compile(
    rf"(?P<spoken>{_SPOKEN})|(?P<open>{'|'.join(_OPEN)})|(?P<close>{'|'.join(_CLOSE)})|(?P<end><\|end\|>)",
    re.IGNORECASE,
)
# What only wraps the answer of such models.
_WRAPPING = re.compile(
    r"<\|(?:begin|end)_of_solution\|>|<\|(?:START|END)_RESPONSE\|>|<\|(?:return|end|im_end|eot_id)\|>|</?answer>",
    re.IGNORECASE,
)


def without_thoughts(text: str) -> str:
    """Return the text without thoughts: one ends with the next closing mark, or with the text.

    A closing mark that nothing opened ends a thought that the prompt's template began, so that all before it goes.
    Without marks the text comes back as it is; with marks, what wraps the answer of a model that thinks goes too.
    """
    kept: list[str] = []
    at, thinking, marked = 0, False, False
    for mark in _MARK.finditer(text):
        if mark["spoken"] or (mark["end"] and not thinking):  # some models end every answer so
            continue
        if not thinking:
            kept.append(text[at : mark.start()])
        if mark["close"] and not thinking:
            kept.clear()
        thinking, at, marked = bool(mark["open"]), mark.end(), True
    if not thinking:
        kept.append(text[at:])
    return _WRAPPING.sub("", "".join(kept)) if marked else text
