"""Why a sample ended, in every word that servers have for it."""

from collections.abc import Mapping
from typing import Literal

Finish = Literal["stop", "length", "filtered", "broken"]
"""``filtered``: withheld for good. ``broken``: the server gave up on the way, so another try may go well."""

_WORDS: Mapping[Finish, frozenset[str]] = {
    "stop": frozenset(
        "stop stopped eos eos_token end_turn end_of_turn stop_sequence stop_token stop_str complete completed "
        "finished end normal end_of_sequence end_of_text endoftext finish done success succeeded ok "
        "tool_calls tool_call tool_use function_call".split()
    ),
    "length": frozenset(
        "length max_tokens max_length max_new_tokens max_output_tokens max_completion_tokens model_length token_limit "
        "limit incomplete length_limit length_exceeded context_length_exceeded model_context_window_exceeded".split()
    ),
    "filtered": frozenset(
        "content_filter content_filtered filtered safety refusal refused blocklist prohibited_content recitation "
        "sensitive moderation guardrail_intervened blocked spii image_safety policy_violation guardrails "
        "unsafe".split()
    ),
    "broken": frozenset(
        "abort aborted error failed cancelled canceled network_error timeout insufficient_system_resource "
        "engine_overloaded preempted".split()
    ),
}
_BY_WORD: Mapping[str, Finish] = {word: finish for finish, words in _WORDS.items() for word in words}


def understood(said: str | None) -> Finish | None:
    """Return what a ``finish_reason`` means; None where there is none, or a word that no server is known for.

    Some spell it in capitals, or with what it is a value of before it: ``FINISH_REASON_STOP``, ``FinishReason.STOP``.
    """
    if not said:
        return None
    word = said.lower().rpartition(".")[2].removeprefix("finish_reason_").removeprefix("finish_").replace("-", "_")
    return _BY_WORD.get(word)
