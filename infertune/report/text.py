"""Text from elsewhere in a terminal: what a model writes may hold anything, and must not steer the screen."""

from infertune.types import Prompt

CUT = 600  # characters that are shown of a text unless more is wanted
_LONGEST_NAME = 200


def safe(text: str) -> str:
    r"""Return a text with every control character but line breaks and tabs spelt out, such as ``\x1b``."""
    return "".join(each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text)


def cut(text: str, most: int | None = CUT) -> str:
    """Return a text's beginning and end, with how many characters between them are left out."""
    if most is None or len(text) <= most:
        return safe(text)
    head, tail = 2 * most // 3, most // 3
    return f"{safe(text[:head])} […{len(text) - head - tail:,} characters…] {safe(text[-tail:])}"


def as_name(text: str) -> str:
    """Return a name, which is short unless somebody means harm."""
    return cut(text, _LONGEST_NAME)


def indented(text: str, by: str = "  ") -> str:
    """Return a text with every line indented."""
    return "\n".join(by + line for line in text.split("\n"))


def rendered(prompt: Prompt) -> str:
    """Return a prompt as text: of a chat each turn with its role before it."""
    if isinstance(prompt, str):
        return prompt
    return "\n".join(f"{message.role}: {message.content}" for message in prompt)
