"""Whether answers can be limited, and what the smallest limit is."""

from bisect import bisect_left

from infertune.engines.probing.probe_client import ProbeReply
from infertune.engines.probing.texts import OPEN_PROMPTS, Texts
from infertune.engines.probing.verdicts import Verdict

GREATEST_LEAST = 32  # a server that takes no smaller limit is none for short answers
_MORE = 8
_MUCH_MORE = 40


def length_limit(texts: Texts) -> tuple[Verdict, str]:
    """Say whether ``max_tokens`` limits an answer; its smallest value becomes ``texts.least``.

    Thoughts do not count, for some servers limit them in another way.

    Raises:
        Refused: No value is taken.
    """
    texts.least = least = _least(texts)
    answers = texts.answers([(prompt, {"max_tokens": least}) for prompt in OPEN_PROMPTS])
    counts = [answer.n_visible for answer in answers]
    if any(count is None for count in counts):
        longer = texts.answers([(prompt, {"max_tokens": least + _MUCH_MORE}) for prompt in OPEN_PROMPTS])
        pairs = zip(answers, longer, strict=True)
        n_shorter = sum(len(one.choices[0].whole) < len(two.choices[0].whole) for one, two in pairs)
        seen = f"{n_shorter} of {len(answers)} texts are shorter at max_tokens={least}; no tokens are counted"
        return "honoured" if n_shorter == len(answers) else "ignored", seen
    most = max(count or 0 for count in counts)
    seen = f"{', '.join(map(str, dict.fromkeys(counts)))} generated at max_tokens={least}"
    if least < most <= GREATEST_LEAST and len(set(counts)) == 1:
        more = texts.answers([(prompt, {"max_tokens": most + _MORE}) for prompt in OPEN_PROMPTS])
        if max(answer.n_visible or 0 for answer in more) == most + _MORE:
            texts.least = most
            return "honoured", f"{seen}, {most + _MORE} at {most + _MORE}: it is raised to {most}"
    thoughts = max(answer.usage.reasoning_tokens for answer in answers)
    beside = f", beside {thoughts} of thoughts, which it does not limit" if thoughts > least else ""
    return "honoured" if most <= least else "ignored", seen + beside


def _least(texts: Texts) -> int:
    """Return the smallest limit that is not refused; 1 where even a large one is."""

    def takes(limit: int) -> bool:
        return isinstance(texts.endpoint.ask(texts.path, OPEN_PROMPTS[0], max_tokens=limit), ProbeReply)

    if takes(1) or not takes(GREATEST_LEAST):
        return 1
    return bisect_left(range(GREATEST_LEAST), True, lo=2, key=takes)
