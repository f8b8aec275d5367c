"""What a server tells of the tokens of its answers: their log probabilities and their numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from infertune.engines.probing.probe_client import CHAT, ProbeReply
from infertune.engines.probing.texts import OPEN_PROMPTS, Refused, Texts
from infertune.engines.probing.verdicts import Verdict

SAME_LOGPROB = 0.2  # roundings of another batch stay below, another temperature does not
_MOST_LOGPROB = 0.01  # roundings may lift one above 0
_LIKELIEST = 5
_COOLER = 0.5  # than the hot texts are


class Told:
    """The experiments with what is told of tokens; the later ones use what the first was answered."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._hot: list[ProbeReply] = []
        self._has_logprobs = False

    def logprobs(self) -> tuple[Verdict, str]:
        """Say whether log probabilities come, one for each token.

        Raises:
            Refused: They cannot be asked for.
        """
        texts = self._texts
        settings = {"max_tokens": texts.open_tokens, **texts.hot}
        try:
            answers = self._hot = _asked(texts, _LIKELIEST, **settings)
        except Refused:  # perhaps the likeliest tokens alone
            answers = _asked(texts, 1, **settings)
        lengths = [len(answer.choices[0].tokens or ()) for answer in answers]
        if not all(lengths):
            return "ignored", "none in the answer"
        # An end-of-text token is counted, and not always shown.
        wrong = sum(
            answer.n_visible not in (None, n, n + (answer.choices[0].finish == "stop"))
            for n, answer in zip(lengths, answers, strict=True)
        )
        most = max(token.logprob for answer in answers for token in answer.choices[0].tokens or ())
        if wrong or most > _MOST_LOGPROB:
            return "ignored", f"{_list(lengths)} log probabilities, the largest {most:.2f}: not one per token"
        self._has_logprobs = True
        return "honoured", f"one per token, for {sum(lengths)} tokens"

    def raw_logprobs(self) -> tuple[Verdict, str]:
        """Say whether temperature leaves them alone, so that they are the model's own.

        Raises:
            Refused: The likeliest tokens cannot be asked for.
        """
        texts = self._texts
        hot = self._hot or _asked(texts, _LIKELIEST, max_tokens=texts.least, **texts.hot)
        cold = _asked(texts, _LIKELIEST, max_tokens=texts.least, temperature=_COOLER)
        gaps = [
            max(abs(one[token] - other[token]) for token in one.keys() & other.keys())
            for one, other in zip(_first(hot), _first(cold), strict=False)
            if one.keys() & other.keys()
        ]
        if len(gaps) < len(OPEN_PROMPTS):
            return "unclear", "no likeliest tokens (top_logprobs) to compare"
        seen = f"at most {max(gaps):.2f} apart between two temperatures"
        return "honoured" if max(gaps) < SAME_LOGPROB else "ignored", seen

    def token_ids(self) -> tuple[Verdict, str]:
        """Say whether the tokens' numbers come.

        Raises:
            Refused: They cannot be asked for.
        """
        texts = self._texts
        asking = texts.endpoint.dialect.token_ids
        settings = {"max_tokens": texts.open_tokens, **asking}
        if not asking:
            if not self._has_logprobs:
                return "ignored", "they come with log probabilities only, which are not honoured"
            settings |= _logprobs(texts, 1)
        answers = texts.answers([(prompt, settings) for prompt in OPEN_PROMPTS])
        lengths = [len(answer.choices[0].token_ids or ()) for answer in answers]
        counts = [answer.usage.completion_tokens for answer in answers]
        if not any(lengths):
            return "ignored", "none in the answer"
        if any(count not in (None, n) for n, count in zip(lengths, counts, strict=True)):
            return "ignored", f"{_list(lengths)} ids for {_list(counts)} tokens"
        return "honoured", f"one per token, for {sum(lengths)} tokens"


def _first(answers: Sequence[ProbeReply]) -> list[Mapping[str, float]]:
    """Return the likeliest first tokens of each answer; nothing where one has none."""
    found = [answer.choices[0].tokens for answer in answers]
    return [] if not all(found) else [tokens[0].top for tokens in found if tokens]


def _asked(texts: Texts, n_likeliest: int, **settings: Any) -> list[ProbeReply]:
    """Ask for texts with their log probabilities, and with those of the likeliest tokens beside each."""
    asked = {**settings, **_logprobs(texts, n_likeliest)}
    return texts.answers([(prompt, asked) for prompt in OPEN_PROMPTS])


def _logprobs(texts: Texts, n_likeliest: int) -> dict[str, Any]:
    if texts.path == CHAT:
        return {"logprobs": True, **({"top_logprobs": n_likeliest} if n_likeliest > 1 else {})}
    return {"logprobs": n_likeliest}


def _list(values: Sequence[object]) -> str:
    return ", ".join(map(str, dict.fromkeys(values)))
