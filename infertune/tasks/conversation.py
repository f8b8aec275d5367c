"""Reads a conversation from a cell of the data: a list of ``{role, content}`` as OpenAI's chat endpoint takes it."""

import ast
import json
from typing import Any

from infertune.errors import InvalidInputError, nearest
from infertune.types import Message

ROLES = ("system", "user", "assistant")
_SAME = {"developer": "system"}  # the newer name of one role


def parse(text: str) -> tuple[Message, ...]:
    """Return the turns; the last is the user's, and a system turn is the first.

    A content that is a list of text parts becomes its texts, one a line. A list as Python writes it, which is what
    pandas puts into a CSV file, is read too.

    Raises:
        InvalidInputError: It is no conversation, or one that no answer is wanted to.
    """
    value = _value(text)
    if not isinstance(value, list) or not value:
        raise InvalidInputError(f"must be a list of {{role, content}}, but is {_short(text)}")
    turns = tuple(_turn(turn, number) for number, turn in enumerate(value, start=1))
    for number, turn in enumerate(turns[1:], start=2):
        if turn.role == "system":
            raise InvalidInputError(f"turn {number} is a system turn; only the first may be one")
    if turns[-1].role != "user":
        raise InvalidInputError(f"the last turn must be the user's, but is the role {turns[-1].role}'s")
    return turns


def is_conversation(text: str) -> bool:
    """Return whether a cell is meant as one: a list that begins with an object that has a role."""
    value = _value(text)
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "role" in value[0]


def _value(text: str) -> Any:
    if not text.lstrip().startswith("["):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def _turn(turn: Any, number: int) -> Message:
    if not isinstance(turn, dict):
        raise InvalidInputError(
            f"turn {number} must be {{role, content}}, but is {_short(json.dumps(turn, default=str))}"
        )
    keys = ", ".join(map(str, turn))
    for key in ("role", "content"):
        if turn.get(key) is None and not (key == "content" and turn.get("tool_calls")):
            raise InvalidInputError(
                f"turn {number} has no {key} (it has {keys})" if key not in turn else f"turn {number} has no {key}"
            )
    if turn.get("tool_calls"):
        raise InvalidInputError(f"turn {number} calls tools, which a prompt cannot hold")
    role = _SAME.get(turn["role"], turn["role"]) if isinstance(turn["role"], str) else str(turn["role"])
    if role not in ROLES:
        raise InvalidInputError(f"turn {number} has the unknown role '{role}'{nearest(role, ROLES)}")
    content = _content(turn["content"], number)
    if not content.strip():
        raise InvalidInputError(f"turn {number} has an empty content")
    return Message(role, content)


def _content(content: Any, number: int) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise InvalidInputError(f"the content of turn {number} must be a text or a list of text parts")
    texts = []
    for part in content:
        kind = part.get("type", "text") if isinstance(part, dict) else "text"
        text = part if isinstance(part, str) else part.get("text") if isinstance(part, dict) else None
        if kind != "text" or not isinstance(text, str):
            raise InvalidInputError(
                f"turn {number} has a part of the type '{kind}'; only parts with a text can be asked"
            )
        texts.append(text)
    return "\n".join(texts)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return f"'{text if len(text) <= 40 else text[:37] + '...'}'"
