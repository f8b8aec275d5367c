"""Whether texts end at stop texts, and how many of them a request may name."""

from bisect import bisect_left

from infertune.engines.probing.texts import GREEDY_PROMPTS, Refused, Texts
from infertune.engines.probing.verdicts import Verdict

N_STOPS = 6
N_CUT = 2
MANY = 12  # stop texts in one request; of a larger limit nothing is known


class Stops:
    """The experiment with ``stop``.

    Attributes:
        most: Stop texts that a request may name; 0 where no limit was found.
    """

    def __init__(self, texts: Texts) -> None:
        self.most = 0
        self._texts = texts

    def verdict(self) -> tuple[Verdict, str]:
        """Say whether texts end before three letters out of their own middle.

        Raises:
            Refused: No stop text is taken.
        """
        texts = [(p, text) for p, text in zip(GREEDY_PROMPTS, self._texts.greedy_once(), strict=True) if len(text) > 8]
        cuts = [(prompt, text, text[len(text) // 2 :][:3]) for prompt, text in texts[:N_STOPS]]
        if len(cuts) < N_STOPS:
            return "unclear", "the greedy texts are too short"
        found = self._texts.each(
            [(prompt, {**self._texts.greedy_settings, "stop": [stop]}) for prompt, _, stop in cuts]
        )
        at_stop = [new == text[: text.index(stop)] for (_, text, stop), new in zip(cuts, found, strict=True)]
        n_left = sum(stop in new for (_, _, stop), new in zip(cuts, found, strict=True))
        seen = f"{sum(at_stop)} of {N_STOPS} texts end just before it, {n_left} contain it"
        # Where stop is ignored texts go on and hold it; one that chance has turned may be neither cut nor hold it.
        if n_left or sum(at_stop) < N_CUT:
            return "ignored" if n_left else "unclear", seen
        prompt, _, last = next(cut for cut, was_cut in zip(cuts, at_stop, strict=True) if was_cut)
        self._find_most(prompt, last)
        return "honoured", f"{seen}; {self.most} at most" if self.most else seen

    def _find_most(self, prompt: str, last: str) -> None:
        """Name more and more of them, the last of which is in the text."""

        def fails(n: int) -> bool:
            stops = [*(f"\u2042{number}" for number in range(n - 1)), last]
            try:
                return last in self._texts.each([(prompt, {**self._texts.greedy_settings, "stop": stops})])[0]
            except Refused:
                return True

        if fails(MANY):
            self.most = bisect_left(range(MANY), True, lo=2, key=fails) - 1
