"""The experiments by which a probe sees whether a setting has an effect: texts made with it beside texts without.

The verdicts are those of `infertune.engines.probing.verdicts`. A refusal is a verdict too, in the server's own words.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infertune.engines.probing.endpoint import CHAT, PLAIN, Answer, Endpoint, Path, Refusal
from infertune.engines.probing.server_kind import served_models
from infertune.engines.probing.verdicts import (
    N_DIVERSE,
    N_NESTED,
    N_ROUNDS,
    N_SAMPLES,
    N_SEEDS,
    N_TRIPLES,
    Verdict,
    different,
    narrower,
    repeats,
)
from infertune.errors import EngineError, nearest
from infertune.types import Scalar

HOT = 1.5  # at which six tokens of an open prompt are hardly ever the same twice
COLD = 0.01  # not 0, at which servers refuse several samples: they would be the same
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
NEWER_LIMIT = "max_completion_tokens"
N_REPAIRS = 2
N_STOPS = 6
N_CUT = 2
SAME_LOGPROB = 0.2  # roundings of another batch stay below, another temperature does not
NARROWING: Mapping[str, Scalar] = {"top_p": 0.001, "top_k": 1, "min_p": 0.999}
"""Values that leave the likeliest token alone, but for ties."""

Question = tuple[str, Mapping[str, Any]]
"""A prompt and the settings to ask it with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting with its verdict and what was seen, in a few words."""

    setting: str
    verdict: Verdict
    seen: str


class _Refused(Exception):
    """An endpoint said no where an answer was needed; carries its words."""


@dataclass
class Experiments:
    """Probes one endpoint, a setting at a time, in the order of the methods: a later one uses what earlier ones found.

    Attributes:
        path: Where settings are probed: chat where there is chat.
        rows: What was found, by setting.
        seconds: Of one small request.
    """

    endpoint: Endpoint
    path: Path = CHAT
    rows: dict[str, Row] = field(default_factory=dict)
    seconds: float = 0.0
    hot: dict[str, Any] = field(default_factory=dict)  # what makes samples differ
    controls: dict[str, list[str]] = field(default_factory=dict)  # samples of each open prompt, at that
    greedy: list[tuple[list[str], list[str]]] = field(default_factory=list)  # by round, twice each
    seeded: list[tuple[list[str], list[str]]] = field(default_factory=list)

    def say(self, setting: str, verdict: Verdict, seen: str) -> None:
        """Note a verdict."""
        self.rows[setting] = Row(setting=setting, verdict=verdict, seen=seen)

    def honours(self, setting: str) -> bool:
        """Whether a setting was seen to be honoured so far."""
        return setting in self.rows and self.rows[setting].verdict == "honoured"

    # The two ways to ask

    def paths(self) -> None:
        """See which of the two paths answers at all."""
        for path, setting in ((CHAT, "chat"), (PLAIN, "completions")):
            answer = self.endpoint.ask(path, GREEDY_PROMPTS[0], max_tokens=8)
            if isinstance(answer, Refusal) and NEWER_LIMIT in answer.words and path == CHAT:
                self.endpoint.limit_name = NEWER_LIMIT
                answer = self.endpoint.ask(path, GREEDY_PROMPTS[0], max_tokens=8)
            if isinstance(answer, Answer) and answer.choices:
                self.seconds = self.seconds or answer.seconds
                self.say(setting, "honoured", f"answered in {answer.seconds:.2f} s")
            else:
                words = answer.words if isinstance(answer, Refusal) else "no choices"
                self.say(setting, "refused", words)
        if not self.honours("chat") and not self.honours("completions"):
            self._explain()
        self.path = CHAT if self.honours("chat") else PLAIN

    def _explain(self) -> None:
        served = [model.id for model in served_models(self.endpoint)]
        if served and self.endpoint.model not in served:
            raise EngineError(
                f"{self.endpoint.base_url} must serve the model, but does not know '{self.endpoint.model}'"
                f"{nearest(self.endpoint.model, served)}"
            )
        said = [self.rows[name].seen for name in ("chat", "completions")]
        raise EngineError(
            f"{self.endpoint.base_url} must answer one way, but chat/completions says {said[0]}; "
            f"completions says {said[1]}"
        )

    # Asking

    def _answers(self, questions: Sequence[Question]) -> list[Answer]:
        found = self.endpoint.ask_all(self.path, questions)
        for _ in range(N_REPAIRS):  # a choice may be lost once; where it always is, the caller sees it
            wrong = [number for number, answer in enumerate(found) if _lacks_choices(answer, questions[number])]
            again = self.endpoint.ask_all(self.path, [questions[number] for number in wrong])
            for number, answer in zip(wrong, again, strict=True):
                found[number] = answer
        for answer in found:
            if isinstance(answer, Refusal):
                raise _Refused(answer.words)
            if not answer.choices:
                raise _Refused("an answer without choices")
        return [answer for answer in found if isinstance(answer, Answer)]

    def _each(self, questions: Sequence[Question]) -> list[str]:
        """Return the text of the first choice of each question."""
        return [answer.choices[0].text for answer in self._answers(questions)]

    def _samples(self, prompt: str, **settings: Any) -> list[str]:
        """Return 32 samples, as many at once as the endpoint gives."""
        together = SAMPLES_PER_REQUEST if self.honours("n") else 1
        counted = {"n": together} if together > 1 else {}
        question = (prompt, {"max_tokens": OPEN_TOKENS, **counted, **settings})
        answers = self._answers([question] * (N_SAMPLES // together))
        if any(len(answer.choices) != together for answer in answers):
            raise _Refused(f"not {together} choices in each answer")
        return [choice.text for answer in answers for choice in answer.choices]

    def _trying(self, setting: str, find: Callable[[], tuple[Verdict, str]]) -> None:
        """Note what an experiment finds, or that the endpoint refuses."""
        try:
            verdict, seen = find()
        except _Refused as refusal:
            verdict, seen = "refused", str(refusal)
        self.say(setting, verdict, seen)

    # The experiments

    def max_tokens(self) -> None:
        """See that an answer can be limited to one token, without which no cost has a bound."""

        def find() -> tuple[Verdict, str]:
            answers = self._answers([(prompt, {"max_tokens": 1}) for prompt in OPEN_PROMPTS])
            counts = [answer.completion_tokens for answer in answers]
            if None in counts:
                return "unclear", "the answers do not count their tokens"
            return "honoured" if set(counts) == {1} else "ignored", f"{_list(counts)} generated where the limit is 1"

        self._trying("max_tokens", find)
        if not self.honours("max_tokens"):
            seen = self.rows["max_tokens"].seen
            raise EngineError(f"{self.endpoint.base_url} must keep to max_tokens, but does not: {seen}")

    def several_and_hot(self) -> None:
        """See whether one request can bring several samples, and whether temperature decides how they differ."""

        def several() -> tuple[Verdict, str]:
            settings = {"max_tokens": OPEN_TOKENS, "n": SAMPLES_PER_REQUEST, **self.hot}
            answers = self._answers([(prompt, settings) for prompt in OPEN_PROMPTS])
            counts = [len(answer.choices) for answer in answers]
            if set(counts) != {SAMPLES_PER_REQUEST}:
                return "ignored", f"{_list(counts)} choices where {SAMPLES_PER_REQUEST} were asked for"
            n_texts = sum(len({choice.text for choice in answer.choices}) for answer in answers)
            if n_texts == len(answers):
                singles = self._each([(OPEN_PROMPTS[0], {"max_tokens": OPEN_TOKENS, **self.hot})] * 8)
                if len(set(singles)) > 2:
                    return "ignored", f"{SAMPLES_PER_REQUEST} copies of one text"
            return "honoured", f"{SAMPLES_PER_REQUEST} choices, {n_texts} texts in {len(answers)} requests"

        def hot() -> tuple[Verdict, str]:
            return self._narrowed("temperature", COLD)

        for temperature in (HOT, 1.0):  # some endpoints refuse more than 1
            answer = self.endpoint.ask(self.path, OPEN_PROMPTS[0], max_tokens=1, temperature=temperature)
            if isinstance(answer, Answer):
                self.hot = {"temperature": temperature}
                break
        self._trying("n", several)
        self._trying("temperature", hot)
        order = ["chat", "completions", "max_tokens", "temperature", "n"]
        self.rows = {setting: self.rows[setting] for setting in order}

    def _narrowed(self, name: str, value: Scalar) -> tuple[Verdict, str]:
        """Compare samples at a narrowing value with the control, on another prompt where the first says nothing."""
        found: tuple[Verdict, str] = ("unclear", "")
        for prompt in OPEN_PROMPTS:
            if prompt not in self.controls:
                self.controls[prompt] = self._samples(prompt, **self.hot)
            control = self.controls[prompt]
            narrowed = self._samples(prompt, **{**self.hot, name: value})
            verdict = narrower(control, narrowed)
            seen = f"{len(set(narrowed))} different among {len(narrowed)} at {value:g}, {len(set(control))} without it"
            if verdict == "honoured":
                return verdict, seen
            if found[0] != "ignored":
                found = (verdict, seen)
        return found

    @property
    def _control(self) -> list[str]:
        """The samples of the prompt whose samples differ most."""
        return max(self.controls.values(), key=lambda texts: len(set(texts)), default=[])

    def narrowing(self, name: str, value: Scalar) -> None:
        """See whether a truncation leaves nearly nothing to draw from."""
        self._trying(name, lambda: self._narrowed(name, value))

    def _greedy(self, **settings: Any) -> list[str]:
        cold = {"max_tokens": GREEDY_TOKENS, "temperature": 0.0, **settings}
        return self._each([(prompt, cold) for prompt in GREEDY_PROMPTS])

    def _seeded(self, **settings: Any) -> list[str]:
        hot = {"max_tokens": GREEDY_TOKENS, **self.hot, **settings}
        prompts = [OPEN_PROMPTS[seed % len(OPEN_PROMPTS)] for seed in range(N_TRIPLES)]
        return self._each([(prompt, {**hot, "seed": seed}) for seed, prompt in enumerate(prompts, start=1)])

    def _changes(self, name: str, value: Scalar, *, seeded: bool = False) -> tuple[Verdict, str]:
        """Compare texts at a value with texts without it, in more rounds where chance turns texts as well."""
        ask, kept = (self._seeded, self.seeded) if seeded else (self._greedy, self.greedy)
        first, second, changed = list[str](), list[str](), list[str]()
        for number in range(N_ROUNDS):
            if len(kept) == number:
                kept.append((ask(), ask()))
            first += kept[number][0]
            second += kept[number][1]
            changed += ask(**{name: value})
            verdict = different(first, second, changed, is_last=number == N_ROUNDS - 1)
            if verdict != "unclear":
                break
        n_changed = sum(one != other for one, other in zip(first, changed, strict=True))
        n_noise = sum(one != other for one, other in zip(first, second, strict=True))
        noise = f", {n_noise} by themselves" if n_noise else ""
        kind = "seeded" if seeded else "greedy"
        return verdict, f"{n_changed} of {len(first)} {kind} texts change at {_plain(value)}{noise}"

    def greedy_setting(self, name: str, value: Scalar) -> None:
        """See whether a setting changes greedy texts that repeat themselves."""
        self._trying(name, lambda: self._changes(name, value))

    def _without_stop(self) -> list[str]:
        return self.greedy[0][0] if self.greedy else self._greedy()

    def stop(self) -> None:
        """See whether texts end before three letters out of their own middle."""

        def find() -> tuple[Verdict, str]:
            texts = [(p, text) for p, text in zip(GREEDY_PROMPTS, self._without_stop(), strict=True) if len(text) > 8]
            cuts = [(prompt, text, text[len(text) // 2 :][:3]) for prompt, text in texts[:N_STOPS]]
            if len(cuts) < N_STOPS:
                return "unclear", "the greedy texts are too short"
            cold = {"max_tokens": GREEDY_TOKENS, "temperature": 0.0}
            found = self._each([(prompt, {**cold, "stop": [stop]}) for prompt, _, stop in cuts])
            n_cut = sum(new == text[: text.index(stop)] for (_, text, stop), new in zip(cuts, found, strict=True))
            n_left = sum(stop in new for (_, _, stop), new in zip(cuts, found, strict=True))
            # Where stop is ignored texts go on and hold it; one that chance has turned may be neither cut nor hold it.
            verdict: Verdict = "ignored" if n_left else "honoured" if n_cut >= N_CUT else "unclear"
            return verdict, f"{n_cut} of {N_STOPS} texts end just before it, {n_left} hold it"

        self._trying("stop", find)

    def logprobs(self) -> None:
        """See whether log probabilities come, and whether temperature leaves them alone."""
        asked = {"logprobs": True, "top_logprobs": 5} if self.path == CHAT else {"logprobs": 5}

        def first(temperature: float) -> list[Mapping[str, float]]:
            settings = {"max_tokens": 1, "temperature": temperature, **asked}
            answers = self._answers([(prompt, settings) for prompt in OPEN_PROMPTS])
            found = [answer.choices[0].logprobs for answer in answers]
            return [] if not all(found) else [tokens[0].top for tokens in found if tokens]

        def given() -> tuple[Verdict, str]:
            answers = self._answers([(OPEN_PROMPTS[0], {"max_tokens": OPEN_TOKENS, **asked})] * 3)
            lengths = [len(answer.choices[0].logprobs or ()) for answer in answers]
            wrong = sum(n != answer.completion_tokens for n, answer in zip(lengths, answers, strict=True))
            most = max((t.logprob for a in answers for t in a.choices[0].logprobs or ()), default=0.0)
            if not all(lengths):
                return "ignored", "none in the answer"
            if wrong or most > 0.01:
                return "ignored", f"{_list(lengths)} log probabilities, the largest {most:.2f}: not one for each token"
            return "honoured", f"one for each of {sum(lengths)} tokens"

        def raw() -> tuple[Verdict, str]:
            hot, cold = first(self.hot.get("temperature", 1.0)), first(0.5)
            gaps = [
                max(abs(one[token] - other[token]) for token in one.keys() & other.keys())
                for one, other in zip(hot, cold, strict=False)
                if one.keys() & other.keys()
            ]
            if len(gaps) < len(OPEN_PROMPTS):
                return "unclear", "no likeliest tokens to compare"
            seen = f"differ by {max(gaps):.2f} between two temperatures"
            return "honoured" if max(gaps) < SAME_LOGPROB else "ignored", seen

        self._trying("logprobs", given)
        if self.honours("logprobs"):
            self._trying("raw_logprobs", raw)
        else:
            self.say("raw_logprobs", "not tried", "no log probabilities")

    def token_ids(self) -> None:
        """See whether the tokens' numbers come."""

        def find() -> tuple[Verdict, str]:
            settings = {"max_tokens": OPEN_TOKENS, "return_token_ids": True}
            answers = self._answers([(prompt, settings) for prompt in OPEN_PROMPTS])
            lengths = [len(answer.choices[0].token_ids or ()) for answer in answers]
            counts = [answer.completion_tokens for answer in answers]
            if not any(lengths):
                return "ignored", "none in the answer"
            fits = lengths == counts
            return "honoured" if fits else "ignored", f"{_list(lengths)} for {_list(counts)} tokens"

        self._trying("token_ids", find)

    def seeds(self) -> None:
        """See whether a seed brings the same text again, and whether n samples are those of the seeds that follow."""
        settings = {"max_tokens": OPEN_TOKENS, **self.hot}
        prompt = max(self.controls, key=lambda each: len(set(self.controls[each])), default=OPEN_PROMPTS[0])
        first: list[str] = []

        def seed() -> tuple[Verdict, str]:
            questions = [(prompt, {**settings, "seed": seed}) for seed in range(1, N_SEEDS + 1)]
            first.extend(self._each(questions))
            second = self._each(questions)
            n_same = sum(one == two for one, two in zip(first, second, strict=True))
            seen = f"{n_same} of {N_SEEDS} texts come again, {len(set(first))} different"
            if len(set(self._control)) < N_DIVERSE:
                return "unclear", f"{seen}; samples differ too little to tell"
            return "honoured" if repeats(first, second) else "ignored", seen

        def nests() -> tuple[Verdict, str]:
            answer = self._answers([(prompt, {**settings, "seed": 1, "n": N_SEEDS})])[0]
            texts = [choice.text for choice in answer.choices]
            n_same = sum(one == two for one, two in zip(first, texts, strict=False))
            seen = f"{n_same} of {N_SEEDS} samples are those of the single seeds"
            return "honoured" if n_same >= N_NESTED else "ignored", seen

        self._trying("seed", seed)
        if self.honours("seed") and self.honours("n"):
            self._trying("seed_nests", nests)
        else:
            self.say("seed_nests", "not tried", "needs seed and n")

    def extra(self, name: str, ends: tuple[Scalar, Scalar]) -> None:
        """See whether an argument of any meaning has an effect: on greedy texts, else on seeded samples."""

        def find() -> tuple[Verdict, str]:
            found: tuple[Verdict, str] = ("ignored", "there is one value only")
            for value in dict.fromkeys(ends):
                found = self._changes(name, value)
                if found[0] == "honoured":
                    return found
            if not self.honours("seed"):
                return "unclear", f"{found[1]}; without seeds nothing more can be seen"
            for value in dict.fromkeys(ends):
                found = self._changes(name, value, seeded=True)
                if found[0] == "honoured":
                    return found
            return found

        self._trying(name, find)


def _lacks_choices(answer: Answer | Refusal, question: Question) -> bool:
    return isinstance(answer, Answer) and len(answer.choices) != question[1].get("n", 1)


def _list(values: Sequence[object]) -> str:
    return ", ".join(map(str, dict.fromkeys(values)))


def _plain(value: Scalar) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
