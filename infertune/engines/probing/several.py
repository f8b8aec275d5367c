"""How many samples one request may bring, and how often it pays for its prompt."""

from bisect import bisect_left

from infertune.engines.probing.probe_client import ProbeReply, Refusal
from infertune.engines.probing.texts import OPEN_PROMPTS, SAMPLES_PER_REQUEST, Refused, Texts
from infertune.engines.probing.verdicts import N_SEEDS, Verdict


class Several:
    """The experiment with ``n``.

    Attributes:
        n: Samples of each request that were seen to come.
        most_n: Most that a request may ask for; 0 where no limit was found.
        bills_each: Whether the prompt is billed for each of them.
        counts_one: Whether the tokens of one of them only are counted, though all were made.
    """

    def __init__(self, texts: Texts) -> None:
        self.n = SAMPLES_PER_REQUEST
        self.most_n = 0
        self.bills_each = False
        self.counts_one = False
        self._texts = texts

    def verdict(self) -> tuple[Verdict, str]:
        """Say whether one request brings several samples, and not several copies of one.

        Raises:
            Refused: It may not ask for two.
        """
        texts = self._texts
        two = texts.answers([(OPEN_PROMPTS[0], {"max_tokens": texts.least, "n": 2, **texts.hot})])
        if len(two[0].choices) != 2:
            return "ignored", f"{len(two[0].choices)} choices, 2 requested"
        self._find_most()
        settings = {"max_tokens": texts.open_tokens, "n": self.n, **texts.hot}
        answers = texts.answers([(prompt, settings) for prompt in OPEN_PROMPTS])
        counts = [len(answer.choices) for answer in answers]
        if set(counts) != {self.n}:
            return "ignored", f"{', '.join(map(str, dict.fromkeys(counts)))} choices, {self.n} requested"
        n_texts = sum(len({choice.whole for choice in answer.choices}) for answer in answers)
        if n_texts == len(answers):
            singles = texts.each([(OPEN_PROMPTS[0], {"max_tokens": texts.open_tokens, **texts.hot})] * 8)
            if len(set(singles)) > 2:
                return "ignored", f"{self.n} copies of one text"
        self.bills_each = self._bills_each(answers[0])
        self.counts_one = texts.endpoint.counts_one = all(_counts_one(each, texts.open_tokens) for each in answers)
        seen = f"{self.n} choices a request, {n_texts} of {self.n * len(answers)} distinct"
        seen += f"; {self.most_n} at most" if self.most_n else ""
        seen += "; each pays for the prompt" if self.bills_each else ""
        return "honoured", f"{seen}; the tokens of one are counted" if self.counts_one else seen

    def _find_most(self) -> None:
        """Find the limit, of which nothing is known above the dozen that the look itself asks for."""
        if self._lacks(N_SEEDS):
            self.most_n = bisect_left(range(N_SEEDS), True, lo=3, key=self._lacks) - 1
            self.n = min(self.n, self.most_n)

    def _lacks(self, n: int) -> bool:
        """Whether a request for so many is refused, or brings others."""
        question = (OPEN_PROMPTS[0], {"max_tokens": self._texts.least, "n": n, **self._texts.hot})
        try:
            return len(self._texts.answers([question])[0].choices) != n
        except Refused:
            return True

    def _bills_each(self, several: ProbeReply) -> bool:
        texts = self._texts
        single = texts.endpoint.ask(texts.path, OPEN_PROMPTS[0], max_tokens=texts.least, **texts.hot)
        if isinstance(single, Refusal):
            raise Refused(single.words)
        one, all_of_them = single.usage.prompt_tokens, several.usage.prompt_tokens
        return bool(one) and all_of_them is not None and one is not None and all_of_them >= self.n * one


def _counts_one(answer: ProbeReply, limit: int) -> bool:
    """Whether fewer tokens are counted than two samples have that were cut at the limit."""
    n_cut = sum(choice.finish == "length" for choice in answer.choices)
    counted = answer.usage.completion_tokens
    return counted is not None and n_cut > 1 and counted <= limit
