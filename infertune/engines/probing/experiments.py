"""The experiments of a probe: does a setting have an effect? Texts made with it are compared with texts without.

The rules are those of `infertune.engines.probing.verdicts`. A refusal is a verdict too, in the server's own words.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from infertune.engines.probing.endpoint import CHAT, PLAIN, Answer, Refusal
from infertune.engines.probing.server_kind import served_models
from infertune.engines.probing.texts import (
    GREEDY_PROMPTS,
    GREEDY_TOKENS,
    OPEN_PROMPTS,
    OPEN_TOKENS,
    SAMPLES_PER_REQUEST,
    Refused,
    Texts,
)
from infertune.engines.probing.verdicts import N_DIVERSE, N_NESTED, N_SEEDS, Verdict, repeats
from infertune.errors import EngineError, nearest
from infertune.types import Scalar

HOT = 1.5  # at which six tokens of an open prompt are hardly ever the same twice
COLD = 0.01  # not 0, at which servers refuse several samples: they would be the same
NEWER_LIMIT = "max_completion_tokens"
N_STOPS = 6
N_CUT = 2
SAME_LOGPROB = 0.2  # roundings of another batch stay below, another temperature does not
NARROWING: Mapping[str, Scalar] = {"top_p": 0.001, "top_k": 1, "min_p": 0.999}
"""Values that leave the likeliest token alone, but for ties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting with its verdict and what was seen, in a few words."""

    setting: str
    verdict: Verdict
    seen: str


@dataclass
class Experiments:
    """Probes one endpoint, a setting at a time, in the order of the methods: a later one uses what earlier ones found.

    Attributes:
        texts: Of the endpoint, which is asked by chat where it has chat.
        rows: What was found, by setting.
        seconds: Of one small request.
    """

    texts: Texts
    rows: dict[str, Row] = field(default_factory=dict)
    seconds: float = 0.0

    def say(self, setting: str, verdict: Verdict, seen: str) -> None:
        """Note a verdict."""
        self.rows[setting] = Row(setting=setting, verdict=verdict, seen=seen)

    def honours(self, setting: str) -> bool:
        """Whether a setting was seen to be honoured so far."""
        return setting in self.rows and self.rows[setting].verdict == "honoured"

    def paths(self) -> None:
        """See which of the two paths answers at all."""
        for path, setting in ((CHAT, "chat"), (PLAIN, "completions")):
            answer = self.texts.endpoint.ask(path, GREEDY_PROMPTS[0], max_tokens=8)
            if isinstance(answer, Refusal) and NEWER_LIMIT in answer.words and path == CHAT:
                self.texts.endpoint.limit_name = NEWER_LIMIT
                answer = self.texts.endpoint.ask(path, GREEDY_PROMPTS[0], max_tokens=8)
            if isinstance(answer, Answer) and answer.choices:
                self.seconds = self.seconds or answer.seconds
                self.say(setting, "honoured", f"answered in {answer.seconds:.2f} s")
            else:
                words = answer.words if isinstance(answer, Refusal) else "no choices"
                self.say(setting, "refused", words)
        if not self.honours("chat") and not self.honours("completions"):
            self._explain()
        self.texts.path = CHAT if self.honours("chat") else PLAIN

    def _explain(self) -> None:
        served = [model.id for model in served_models(self.texts.endpoint)]
        if served and self.texts.endpoint.model not in served:
            raise EngineError(
                f"{self.texts.endpoint.base_url} must serve the model, but has no '{self.texts.endpoint.model}'"
                f"{nearest(self.texts.endpoint.model, served)}"
            )
        said = [self.rows[name].seen for name in ("chat", "completions")]
        raise EngineError(
            f"{self.texts.endpoint.base_url} must answer chat/completions or completions, but the first says "
            f"'{said[0]}', the second '{said[1]}'"
        )

    def _trying(self, setting: str, find: Callable[[], tuple[Verdict, str]]) -> None:
        """Note what an experiment finds, or that the endpoint refuses."""
        try:
            verdict, seen = find()
        except Refused as refusal:
            verdict, seen = "refused", str(refusal)
        self.say(setting, verdict, seen)

    def max_tokens(self) -> None:
        """See that an answer can be limited to one token, without which no cost has a bound."""

        def find() -> tuple[Verdict, str]:
            answers = self.texts.answers([(prompt, {"max_tokens": 1}) for prompt in OPEN_PROMPTS])
            counts = [answer.completion_tokens for answer in answers]
            if None in counts:
                return "unclear", "the answers do not count their tokens"
            return "honoured" if set(counts) == {1} else "ignored", f"{_list(counts)} generated at max_tokens=1"

        self._trying("max_tokens", find)
        if not self.honours("max_tokens"):
            seen = self.rows["max_tokens"].seen
            raise EngineError(f"{self.texts.endpoint.base_url} must honour max_tokens, but does not: {seen}")

    def several_and_hot(self) -> None:
        """See whether one request can bring several samples, and whether temperature decides how they differ."""

        def several() -> tuple[Verdict, str]:
            settings = {"max_tokens": OPEN_TOKENS, "n": SAMPLES_PER_REQUEST, **self.texts.hot}
            answers = self.texts.answers([(prompt, settings) for prompt in OPEN_PROMPTS])
            counts = [len(answer.choices) for answer in answers]
            if set(counts) != {SAMPLES_PER_REQUEST}:
                return "ignored", f"{_list(counts)} choices, {SAMPLES_PER_REQUEST} requested"
            n_texts = sum(len({choice.text for choice in answer.choices}) for answer in answers)
            if n_texts == len(answers):
                singles = self.texts.each([(OPEN_PROMPTS[0], {"max_tokens": OPEN_TOKENS, **self.texts.hot})] * 8)
                if len(set(singles)) > 2:
                    return "ignored", f"{SAMPLES_PER_REQUEST} copies of one text"
            return (
                "honoured",
                f"{SAMPLES_PER_REQUEST} choices a request, {n_texts} of {SAMPLES_PER_REQUEST * len(answers)} distinct",
            )

        def hot() -> tuple[Verdict, str]:
            return self.texts.narrowed("temperature", COLD)

        for temperature in (HOT, 1.0):  # some endpoints refuse more than 1
            answer = self.texts.endpoint.ask(self.texts.path, OPEN_PROMPTS[0], max_tokens=1, temperature=temperature)
            if isinstance(answer, Answer):
                self.texts.hot = {"temperature": temperature}
                break
        self._trying("n", several)
        if self.honours("n"):
            self.texts.n_together = SAMPLES_PER_REQUEST
        self._trying("temperature", hot)
        order = ["chat", "completions", "max_tokens", "temperature", "n"]
        self.rows = {setting: self.rows[setting] for setting in order}

    def narrowing(self, name: str, value: Scalar) -> None:
        """See whether a truncation leaves nearly nothing to draw from."""
        self._trying(name, lambda: self.texts.narrowed(name, value))

    def greedy_setting(self, name: str, value: Scalar) -> None:
        """See whether a setting changes greedy texts that repeat themselves."""
        self._trying(name, lambda: self.texts.changes(name, value))

    def stop(self) -> None:
        """See whether texts end before three letters out of their own middle."""

        def find() -> tuple[Verdict, str]:
            texts = [
                (p, text) for p, text in zip(GREEDY_PROMPTS, self.texts.greedy_once(), strict=True) if len(text) > 8
            ]
            cuts = [(prompt, text, text[len(text) // 2 :][:3]) for prompt, text in texts[:N_STOPS]]
            if len(cuts) < N_STOPS:
                return "unclear", "the greedy texts are too short"
            cold = {"max_tokens": GREEDY_TOKENS, "temperature": 0.0}
            found = self.texts.each([(prompt, {**cold, "stop": [stop]}) for prompt, _, stop in cuts])
            n_cut = sum(new == text[: text.index(stop)] for (_, text, stop), new in zip(cuts, found, strict=True))
            n_left = sum(stop in new for (_, _, stop), new in zip(cuts, found, strict=True))
            # Where stop is ignored texts go on and hold it; one that chance has turned may be neither cut nor hold it.
            verdict: Verdict = "ignored" if n_left else "honoured" if n_cut >= N_CUT else "unclear"
            return verdict, f"{n_cut} of {N_STOPS} texts end just before it, {n_left} contain it"

        self._trying("stop", find)

    def logprobs(self) -> None:
        """See whether log probabilities come, and whether temperature leaves them alone."""
        asked = {"logprobs": True, "top_logprobs": 5} if self.texts.path == CHAT else {"logprobs": 5}

        def first(temperature: float) -> list[Mapping[str, float]]:
            settings = {"max_tokens": 1, "temperature": temperature, **asked}
            answers = self.texts.answers([(prompt, settings) for prompt in OPEN_PROMPTS])
            found = [answer.choices[0].logprobs for answer in answers]
            return [] if not all(found) else [tokens[0].top for tokens in found if tokens]

        def given() -> tuple[Verdict, str]:
            answers = self.texts.answers([(OPEN_PROMPTS[0], {"max_tokens": OPEN_TOKENS, **asked})] * 3)
            lengths = [len(answer.choices[0].logprobs or ()) for answer in answers]
            wrong = sum(n != answer.completion_tokens for n, answer in zip(lengths, answers, strict=True))
            most = max((t.logprob for a in answers for t in a.choices[0].logprobs or ()), default=0.0)
            if not all(lengths):
                return "ignored", "none in the answer"
            if wrong or most > 0.01:
                return "ignored", f"{_list(lengths)} log probabilities, the largest {most:.2f}: not one per token"
            return "honoured", f"one per token, for {sum(lengths)} tokens"

        def raw() -> tuple[Verdict, str]:
            hot, cold = first(self.texts.hot.get("temperature", 1.0)), first(0.5)
            gaps = [
                max(abs(one[token] - other[token]) for token in one.keys() & other.keys())
                for one, other in zip(hot, cold, strict=False)
                if one.keys() & other.keys()
            ]
            if len(gaps) < len(OPEN_PROMPTS):
                return "unclear", "no likeliest tokens (top_logprobs) to compare"
            seen = f"at most {max(gaps):.2f} apart between two temperatures"
            return "honoured" if max(gaps) < SAME_LOGPROB else "ignored", seen

        self._trying("logprobs", given)
        if self.honours("logprobs"):
            self._trying("raw_logprobs", raw)
        else:
            self.say("raw_logprobs", "not tried", "needs logprobs")

    def token_ids(self) -> None:
        """See whether the tokens' numbers come."""

        def find() -> tuple[Verdict, str]:
            settings = {"max_tokens": OPEN_TOKENS, "return_token_ids": True}
            answers = self.texts.answers([(prompt, settings) for prompt in OPEN_PROMPTS])
            lengths = [len(answer.choices[0].token_ids or ()) for answer in answers]
            counts = [answer.completion_tokens for answer in answers]
            if not any(lengths):
                return "ignored", "none in the answer"
            if lengths != counts:
                return "ignored", f"{_list(lengths)} ids for {_list(counts)} tokens"
            return "honoured", f"one per token, for {sum(lengths)} tokens"

        self._trying("token_ids", find)

    def seeds(self) -> None:
        """See whether a seed brings the same text again, and whether n samples are those of the seeds that follow."""
        settings = {"max_tokens": OPEN_TOKENS, **self.texts.hot}
        prompt = self.texts.most_open
        first: list[str] = []

        def seed() -> tuple[Verdict, str]:
            questions = [(prompt, {**settings, "seed": seed}) for seed in range(1, N_SEEDS + 1)]
            first.extend(self.texts.each(questions))
            second = self.texts.each(questions)
            n_same = sum(one == two for one, two in zip(first, second, strict=True))
            seen = f"{n_same} of {N_SEEDS} texts repeat, {len(set(first))} distinct"
            if len(set(self.texts.controls.get(prompt, ()))) < N_DIVERSE:
                return "unclear", f"{seen}; too few distinct samples to tell"
            return "honoured" if repeats(first, second) else "ignored", seen

        def nests() -> tuple[Verdict, str]:
            answer = self.texts.answers([(prompt, {**settings, "seed": 1, "n": N_SEEDS})])[0]
            texts = [choice.text for choice in answer.choices]
            n_same = sum(one == two for one, two in zip(first, texts, strict=False))
            seen = f"{n_same} of {N_SEEDS} samples equal those of the single seeds"
            return "honoured" if n_same >= N_NESTED else "ignored", seen

        self._trying("seed", seed)
        if self.honours("seed") and self.honours("n"):
            self._trying("seed_nests", nests)
        else:
            self.say("seed_nests", "not tried", "needs seed and n")

    def extra(self, name: str, ends: tuple[Scalar, Scalar]) -> None:
        """See whether an argument of any meaning has an effect: on greedy texts, else on seeded samples."""

        def find() -> tuple[Verdict, str]:
            found: tuple[Verdict, str] = ("ignored", "it has one value only")
            for value in dict.fromkeys(ends):
                found = self.texts.changes(name, value)
                if found[0] == "honoured":
                    return found
            if not self.honours("seed"):
                return "unclear", f"{found[1]}; sampling cannot be compared without seeds"
            for value in dict.fromkeys(ends):
                found = self.texts.changes(name, value, seeded=True)
                if found[0] == "honoured":
                    return found
            return found

        self._trying(name, find)


def _list(values: Sequence[object]) -> str:
    return ", ".join(map(str, dict.fromkeys(values)))
