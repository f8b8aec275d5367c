"""Whether a seed brings the same text again, and whether n samples of one seed are those of the seeds that follow."""

from infertune.engines.probing.texts import Refused, Texts
from infertune.engines.probing.verdicts import (
    GROUPS,
    N_FEW_SEEDS,
    N_NESTED,
    N_SEEDS,
    Verdict,
    is_diverse,
    repeats,
)

_NOT_TRIED: tuple[Verdict, str] = ("not tried", "needs seed and n")


class Seeds:
    """The experiment with ``seed``: samples one by one, and the same ones together, which shows both at once.

    Args:
        texts: Of the endpoint.
        most_together: Samples that one request may bring; 1 where it brings no more.

    Attributes:
        nests: The verdict on the samples that come together, once there is one on the seeds.
    """

    def __init__(self, texts: Texts, *, most_together: int) -> None:
        self.nests = _NOT_TRIED
        self._texts = texts
        self._most_together = most_together
        self._prompt = texts.most_open
        self._singles: list[str] = []
        self._again: list[str] = []
        self._together: list[str] = []

    def verdict(self) -> tuple[Verdict, str]:
        """Say whether the same seed brings the same text.

        Raises:
            Refused: No seed is taken.
        """
        for number in (N_FEW_SEEDS, N_SEEDS):
            self._ask_one_by_one(self._singles, number)
            if self._most_together > 1:
                self.nests = self._nested(number)
                if self.nests[0] == "honoured" and repeats(self._singles, self._together):
                    return self._judged(self._together)
            if self._most_together == 1 or number == N_SEEDS:
                self._ask_one_by_one(self._again, number)
                if repeats(self._singles, self._again):
                    return self._judged(self._again)
        self.nests = _NOT_TRIED
        return self._judged(self._again)

    def _ask_one_by_one(self, texts: list[str], number: int) -> None:
        """Bring some texts to this number, that of seed 1 first."""
        seeds = range(len(texts) + 1, number + 1)
        texts += self._texts.each([(self._prompt, {**self._settings, "seed": seed}) for seed in seeds])

    def _nested(self, number: int) -> tuple[Verdict, str]:
        """Say whether so many samples that come together are those of the single seeds."""
        starts = range(len(self._together) + 1, number + 1, self._most_together)
        sizes = [min(self._most_together, number + 1 - start) for start in starts]
        questions = [
            (self._prompt, {**self._settings, "seed": start, "n": size})
            for start, size in zip(starts, sizes, strict=True)
        ]
        try:
            answers = self._texts.answers(questions)
        except Refused as refusal:
            self._most_together = 1
            return "refused", str(refusal)
        self._together += [choice.whole for answer in answers for choice in answer.choices]
        n_same = sum(one == two for one, two in zip(self._singles, self._together, strict=False))
        seen = f"{n_same} of {number} samples equal those of the single seeds"
        is_nested = [len(answer.choices) for answer in answers] == sizes and n_same >= N_NESTED[number]
        return "honoured" if is_nested else "ignored", seen

    def _judged(self, second: list[str]) -> tuple[Verdict, str]:
        first = self._singles
        n_same = sum(one == two for one, two in zip(first, second, strict=False))
        seen = f"{n_same} of {len(second)} texts repeat, {len(set(first))} distinct"
        if not any(is_diverse(self._texts.control(self._prompt, group.size), group) for group in GROUPS):
            return "unclear", f"{seen}; too few distinct samples to tell"
        return "honoured" if repeats(first, second) else "ignored", seen

    @property
    def _settings(self) -> dict[str, object]:
        return {"max_tokens": self._texts.open_tokens, **self._texts.hot}
