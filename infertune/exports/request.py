"""The request of an answer as its endpoint takes it: all formats that ask one begin here."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from infertune.exports.answer import Answer, Asking, Field, Piece

# The arguments of `create` in the package openai and of clients built on it; all else travels in `extra_body`.
STANDARD = (
    *("model", "messages", "prompt", "temperature", "top_p", "max_tokens", "n", "stop", "logprobs"),
    *("presence_penalty", "frequency_penalty", "logit_bias", "seed"),
)


def settings(asked: Asking, *, n: int | None = None, logprobs: bool = False) -> dict[str, Any]:
    """Return the body of a request without its model and prompt, settings by the names that the server has for them.

    Args:
        n: Samples; by default those of the answer. A single one is not said.
        logprobs: Whether the log probability of each token is asked for.
    """
    body: dict[str, Any] = {"max_tokens": asked.max_tokens, **asked.said}
    if asked.stop:
        body["stop"] = list(asked.stop)
    if (n or asked.n) > 1:
        body["n"] = n or asked.n
    if logprobs:
        body["logprobs"] = asked.is_chat or (0 if asked.dialect.bare_logprobs else 1)
    return {**asked.extra, **asked.dialect.spoken(body), **asked.extra_body}


def parted(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a client of OpenAI has arguments for, and what goes into its ``extra_body``."""
    known = {name: value for name, value in body.items() if name in STANDARD}
    return known, {name: value for name, value in body.items() if name not in STANDARD}


def prompt(asked: Asking, mark: str) -> dict[str, Any]:
    """Return the part of a body that is the prompt, each field as its name between two of these marks."""

    def text(pieces: Sequence[Piece]) -> str:
        return "".join(f"{mark}{each.name}{mark}" if isinstance(each, Field) else each for each in pieces)

    if not asked.is_chat:
        return {"prompt": text(asked.turns[0].pieces)}
    return {"messages": [{"role": each.role, "content": text(each.pieces)} for each in asked.turns]}


def shell_body(answer: Answer) -> str:
    """Return a word of a POSIX shell that is the JSON of a request; each field ``NAME`` comes from ``$(json "$n")``.

    ``n`` is its number among the fields, from 1. Everything else stands in single quotes.
    """
    asked = answer.asked
    body = {"model": answer.model, **settings(asked)}
    whole = json.dumps(body) + repr(asked.turns)
    mark = next(f"@{number}@" for number in range(len(whole)) if f"@{number}@" not in whole)
    text = json.dumps({**body, **prompt(asked, mark)})
    parts = re.split(rf"{mark}(\w+){mark}", text)
    numbers = {name: place for place, name in enumerate(asked.fields, start=1)}
    words = [f'"$(json "${{{numbers[each]}}}")"' if place % 2 else _quoted(each) for place, each in enumerate(parts)]
    return "".join(words)


def _quoted(text: str) -> str:
    return shlex.quote(text) if text else ""
