"""How many tokens an answer is billed for, in every form in which servers tell; what cannot be is not believed."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PROMPT = ("prompt_tokens", "input_tokens", "prompt_token_count", "prompt_eval_count")
_COMPLETION = ("completion_tokens", "output_tokens", "candidates_token_count", "eval_count")
_TOTAL = ("total_tokens", "total_token_count")
_DETAILS = ("completion_tokens_details", "output_tokens_details")
_REASONING = ("reasoning_tokens", "thoughts_token_count")
_CAPITAL = re.compile(r"(?<=[a-z])[A-Z]")
_BYTES_PER_TOKEN = 4  # of usual text; only where a server does not count
_SLACK_TOKENS = 2**16  # of a template and its system prompt, or of thoughts that are kept back


@dataclass(frozen=True, slots=True, kw_only=True)
class WireUsage:
    """What a server says that it counted; None for what it does not say.

    Attributes:
        completion_tokens: With the thoughts, whether or not the server counts them in.
        total_tokens: Known where the other two are.
        reasoning_tokens: Of the completion; 0 where nothing is said of them.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int = 0

    def believed(self, *, request_bytes: int, answer_bytes: int, limit: int) -> "WireUsage":
        """Return it without numbers that cannot be, judging by what was sent and what came.

        A token of the prompt stands for a byte or more of the request, and one of the answer is limited, or shown.

        Args:
            request_bytes: Of the body that was sent.
            answer_bytes: Of the body that came.
            limit: ``max_tokens`` of all samples together.
        """
        most_prompt = request_bytes + _SLACK_TOKENS
        most_completion = limit + answer_bytes + _SLACK_TOKENS
        return WireUsage(
            prompt_tokens=_at_most(most_prompt, self.prompt_tokens),
            completion_tokens=_at_most(most_completion, self.completion_tokens),
            total_tokens=_at_most(most_prompt + most_completion, self.total_tokens),
            reasoning_tokens=_at_most(most_completion, self.reasoning_tokens) or 0,
        )

    def without_completion(self) -> "WireUsage":
        """Return it as of a server that counts no more than the prompt."""
        return WireUsage(prompt_tokens=self.prompt_tokens)

    def counted(self, *, prompt: str, completion: int) -> tuple[int, int]:
        """Return prompt and completion tokens; what is not said is reckoned from the rest, or from the prompt's text.

        Args:
            prompt: Its text.
            completion: As counted or judged here; the server's own count goes before.
        """
        if self.prompt_tokens is not None and self.completion_tokens is not None:
            return self.prompt_tokens, self.completion_tokens
        if self.prompt_tokens is not None:
            return self.prompt_tokens, completion
        known = completion if self.completion_tokens is None else self.completion_tokens
        if self.total_tokens is not None:
            known = min(known, max(self.total_tokens - 1, 0))
            return self.total_tokens - known, known
        return estimated(prompt), known


def read(found: object) -> WireUsage:
    """Return the usage of an answer: numbers may be whole, fractional or texts, under any name in use, or missing.

    Thoughts are paid tokens. Where the total says that they are counted beside the completion, or there are more of
    them than of all the completion, they are added to it.
    """
    if not isinstance(found, Mapping):
        return WireUsage()
    found = {_CAPITAL.sub(r"_\g<0>", name).lower(): value for name, value in found.items()}  # promptTokens
    prompt, completion, total = (_first(found, names) for names in (_PROMPT, _COMPLETION, _TOTAL))
    details: Mapping[str, Any] = next((found[name] for name in _DETAILS if isinstance(found.get(name), Mapping)), {})
    reasoning = _first(details, _REASONING) or _first(found, _REASONING) or 0
    if prompt is None and completion is not None and total is not None and total >= completion:
        prompt = total - completion
    elif prompt is not None and total is not None and total >= prompt and (completion is None or total > prompt):
        completion = max(total - prompt, completion or 0)
    if completion is not None and reasoning > completion:
        completion += reasoning
    if prompt is not None and completion is not None:
        total = prompt + completion
    return WireUsage(
        prompt_tokens=prompt, completion_tokens=completion, total_tokens=total, reasoning_tokens=reasoning
    )


def estimated(text: str) -> int:
    """Return about how many tokens a text has: one for every four bytes, and for every word; 0 for an empty one."""
    return max(len(text.split()), math.ceil(len(text.encode("utf-8", "surrogatepass")) / _BYTES_PER_TOKEN))


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((number for name in names if (number := _number(found.get(name))) is not None), None)


def _number(value: object) -> int | None:
    """Return a number of tokens, at least 0; None where it is none."""
    if isinstance(value, str) and len(value) <= 20:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        return None
    return math.ceil(value)


def _at_most(most: int, number: int | None) -> int | None:
    return None if number is None or number > most else number
