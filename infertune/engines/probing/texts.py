"""Texts of one endpoint, made with a setting and without it: what the experiments of a probe ask for and compare.

Texts without any setting are made once and kept, for every setting is compared with them.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from infertune.engines.probing.probe_client import CHAT, Endpoint, Path, ProbeReply, Refusal
from infertune.engines.probing.verdicts import GROUPS, N_ALIKE, N_ROUNDS, N_TRIPLES, Verdict, different, narrower
from infertune.types import Scalar

OPEN_TOKENS = 6
OPEN_PROMPTS = (
    "Write a long string of random letters and digits, with nothing before it.",
    "Write the first sentence of a surprising story about",
    "Name a random animal, a random colour, a random number and a random town.",
)
GREEDY_TOKENS = 24
WORDS = ("yes", "one", "blue", "tea", "up", "red", "go", "sun", "cat", "no")
GREEDY_PROMPTS = tuple(f"Repeat this word twenty times: {' '.join([word] * 6)}" for word in WORDS)
assert len(GREEDY_PROMPTS) == N_TRIPLES
SAMPLES_PER_REQUEST = 8
N_REPAIRS = 2

Question = tuple[str, Mapping[str, Any]]
"""A prompt and the settings to ask it with."""


class Refused(Exception):
    """An endpoint said no where an answer was needed; carries its words."""


@dataclass
class Texts:
    """Asks for texts and compares them.

    Attributes:
        path: Where they are asked for.
        hot: The setting that makes samples differ.
        cold: The setting that makes them the same, as nearly as the endpoint takes it.
        least: The smallest limit of a text.
        n_together: Samples that one request brings.
        controls: Samples of each open prompt, while it is hot.
    """

    endpoint: Endpoint
    path: Path = CHAT
    hot: dict[str, Any] = field(default_factory=dict)
    cold: dict[str, Any] = field(default_factory=lambda: {"temperature": 0.0})
    least: int = 1
    n_together: int = 1
    controls: dict[str, list[str]] = field(default_factory=dict)
    _greedy_texts: list[list[str]] = field(default_factory=list)  # two for each round
    _seeded_texts: list[list[str]] = field(default_factory=list)

    @property
    def open_tokens(self) -> int:
        """Limit of an open text."""
        return max(OPEN_TOKENS, self.least)

    @property
    def greedy_tokens(self) -> int:
        """Limit of a greedy text."""
        return max(GREEDY_TOKENS, self.least)

    @property
    def greedy_settings(self) -> dict[str, Any]:
        """What a greedy text is asked for with."""
        return {"max_tokens": self.greedy_tokens, **self.cold}

    def answers(self, questions: Sequence[Question]) -> list[ProbeReply]:
        """Return an answer to each question, with at least one choice.

        Raises:
            Refused: There is one without.
        """
        found = self.endpoint.ask_all(self.path, questions)
        for _ in range(N_REPAIRS):  # a choice may be lost once; where it always is, the caller sees it
            wrong = [number for number, answer in enumerate(found) if _lacks_choices(answer, questions[number])]
            again = self.endpoint.ask_all(self.path, [questions[number] for number in wrong])
            for number, answer in zip(wrong, again, strict=True):
                found[number] = answer
        for answer in found:
            if isinstance(answer, Refusal):
                raise Refused(answer.words)
            if not answer.choices:
                raise Refused("an answer without choices")
        return [answer for answer in found if isinstance(answer, ProbeReply)]

    def each(self, questions: Sequence[Question]) -> list[str]:
        """Return the text of the first choice of each question."""
        return [answer.choices[0].whole for answer in self.answers(questions)]

    def samples(self, prompt: str, number: int, **settings: Any) -> list[str]:
        """Return so many samples or some more, as many at once as the endpoint gives."""
        together = self.n_together
        counted = {"n": together} if together > 1 else {}
        question = (prompt, {"max_tokens": self.open_tokens, **counted, **settings})
        answers = self.answers([question] * math.ceil(number / together))
        if any(len(answer.choices) != together for answer in answers):
            raise Refused(f"not {together} choices in each answer")
        return [choice.whole for answer in answers for choice in answer.choices]

    def narrowed(self, name: str, values: Sequence[Scalar]) -> tuple[Verdict, str]:
        """Compare samples at the first value that is not refused with the control; see `_narrowed`."""
        for value in values[:-1]:
            with suppress(Refused):
                return self._narrowed(name, value)
        return self._narrowed(name, values[-1])

    def control(self, prompt: str, size: int) -> list[str]:
        """Return so many samples of an open prompt, made once."""
        made = self.controls.setdefault(prompt, [])
        if len(made) < size:
            made += self.samples(prompt, size - len(made), **self.hot)
        return made[:size]

    def _narrowed(self, name: str, value: Scalar) -> tuple[Verdict, str]:
        """Compare samples at a narrowing value with the control, on further prompts where the first leaves it open.

        One prompt may have likeliest tokens that tie, and then leaves many texts to a narrow setting too.
        """
        changed = {**self.hot, name: value}
        narrowed: dict[str, list[str]] = {prompt: [] for prompt in OPEN_PROMPTS}
        for group in GROUPS:
            found: list[tuple[Verdict, str]] = []
            for prompt, made in narrowed.items():
                control = self.control(prompt, group.size)
                for size in (N_ALIKE, group.size):
                    if len(made) < size:
                        made += self.samples(prompt, size - len(made), **changed)
                    verdict = narrower(control, made[: group.size], group)
                    n_control = len(set(control))
                    seen = f"{len(set(made))} distinct of {len(made)} samples at {value:g}, {n_control} without it"
                    if verdict == "honoured":
                        return verdict, seen
                found.append((verdict, seen))
            if {verdict for verdict, _ in found} == {"ignored"}:
                break
        return next((each for each in found if each[0] == "ignored"), found[-1])

    @property
    def most_open(self) -> str:
        """The open prompt whose samples differ most, of those that were asked for."""
        return max(self.controls, key=lambda each: len(set(self.controls[each])), default=OPEN_PROMPTS[0])

    def greedy(self, **settings: Any) -> list[str]:
        """Return a text for each of the prompts whose greedy texts repeat themselves."""
        return self.each([(prompt, {**self.greedy_settings, **settings}) for prompt in GREEDY_PROMPTS])

    def seeded(self, **settings: Any) -> list[str]:
        """Return as many samples, each with a seed of its own."""
        hot = {"max_tokens": self.greedy_tokens, **self.hot, **settings}
        prompts = [OPEN_PROMPTS[seed % len(OPEN_PROMPTS)] for seed in range(N_TRIPLES)]
        return self.each([(prompt, {**hot, "seed": seed}) for seed, prompt in enumerate(prompts, start=1)])

    def changes(self, name: str, value: Scalar, *, seeded: bool = False) -> tuple[Verdict, str]:
        """Compare texts at a value with texts without it, in more rounds where chance turns texts as well."""
        ask, kept = (self.seeded, self._seeded_texts) if seeded else (self.greedy, self._greedy_texts)
        first, second, changed = list[str](), list[str](), list[str]()
        for number in range(N_ROUNDS):
            while len(kept) < 2 * number + 2:
                kept.append(ask())
            first += kept[2 * number]
            second += kept[2 * number + 1]
            changed += ask(**{name: value})
            verdict = different(first, second, changed, is_last=number == N_ROUNDS - 1)
            if verdict != "unclear":
                break
        n_changed = sum(one != other for one, other in zip(first, changed, strict=True))
        n_noise = sum(one != other for one, other in zip(first, second, strict=True))
        noise = f", {n_noise} without it" if n_noise else ""
        kind = "seeded" if seeded else "greedy"
        return verdict, f"{n_changed} of {len(first)} {kind} texts change at {_plain(value)}{noise}"

    def greedy_once(self) -> list[str]:
        """Return greedy texts without any setting, made once."""
        if not self._greedy_texts:
            self._greedy_texts.append(self.greedy())
        return self._greedy_texts[0]


def _lacks_choices(answer: ProbeReply | Refusal, question: Question) -> bool:
    return isinstance(answer, ProbeReply) and len(answer.choices) != question[1].get("n", 1)


def _plain(value: Scalar) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
