"""The experiments of a probe: does a setting have an effect? Texts made with it are compared with texts without.

The rules are those of `infertune.engines.probing.verdicts`. A refusal is a verdict too, in the server's own words.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from infertune.decoding.settings import BY_NAME, TRUNCATIONS
from infertune.engines.probing.length_limit import GREATEST_LEAST, length_limit
from infertune.engines.probing.probe_client import CHAT, PLAIN, OutOfTime, Path, ProbeReply, Refusal
from infertune.engines.probing.seeds import Seeds
from infertune.engines.probing.server_kind import served_models
from infertune.engines.probing.several import Several
from infertune.engines.probing.stops import Stops
from infertune.engines.probing.texts import (
    GREEDY_PROMPTS,
    OPEN_PROMPTS,
    Refused,
    Texts,
)
from infertune.engines.probing.told import Told
from infertune.engines.probing.verdicts import N_SEEDS, Verdict
from infertune.errors import EngineError, nearest
from infertune.types import Scalar

HOT = 1.5  # at which six tokens of an open prompt are hardly ever the same twice
COLD = BY_NAME["temperature"].strongest  # not 0, at which servers refuse several samples: they would be the same
NEWER_LIMIT = "max_completion_tokens"
NARROWING: Mapping[str, Sequence[Scalar]] = {name: each.strongest for name, each in TRUNCATIONS.items()}
"""Values that leave the likeliest token alone, but for ties; the others where the first is out of a server's range."""
PENALTIES = BY_NAME["repetition_penalty"].strongest


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
        most_temperature: That is taken, where a larger one was refused.
        most_stops: Stop texts that are taken at most, 0 for no limit; ``most_n`` samples of a request likewise.
        bills_each: Whether the prompt is billed for each sample of a request.
        counts_one: Whether the tokens of one sample only are counted.
    """

    texts: Texts
    rows: dict[str, Row] = field(default_factory=dict)
    seconds: float = 0.0
    most_temperature: float | None = None
    most_stops: int = 0
    most_n: int = 0
    bills_each: bool = False
    counts_one: bool = False

    def __post_init__(self) -> None:
        self._told = Told(self.texts)
        self._began = time.monotonic()

    @property
    def slow(self) -> str:
        """Why something is not tried on a slow server."""
        seconds = time.monotonic() - self._began
        return f"the server is slow: {self.texts.endpoint.n_requests} requests took {seconds:.0f} s"

    def say(self, setting: str, verdict: Verdict, seen: str) -> None:
        """Note a verdict."""
        self.rows[setting] = Row(setting=setting, verdict=verdict, seen=seen)

    def honours(self, setting: str) -> bool:
        """Whether a setting was seen to be honoured so far."""
        return setting in self.rows and self.rows[setting].verdict == "honoured"

    def paths(self) -> None:
        """See which of the two paths answers at all."""
        for path, setting in ((CHAT, "chat"), (PLAIN, "completions")):
            answer = self._first_answer(path)
            if isinstance(answer, ProbeReply) and answer.choices:
                self.seconds = self.seconds or answer.seconds
                self.say(setting, "honoured", f"answered in {answer.seconds:.2f} s")
            else:
                words = answer.words if isinstance(answer, Refusal) else "no choices"
                self.say(setting, "refused", words)
        if not self.honours("chat") and not self.honours("completions"):
            self._explain()
        self.texts.path = CHAT if self.honours("chat") else PLAIN

    def _first_answer(self, path: Path) -> ProbeReply | Refusal:
        """Return the answer to a small question, at a limit that is taken and by the name that it has."""
        endpoint = self.texts.endpoint
        answer = endpoint.ask(path, GREEDY_PROMPTS[0], max_tokens=8)
        if isinstance(answer, Refusal) and NEWER_LIMIT in answer.words and path == CHAT:
            endpoint.limit_name = NEWER_LIMIT
            answer = endpoint.ask(path, GREEDY_PROMPTS[0], max_tokens=8)
        if isinstance(answer, Refusal) and answer.status in (400, 422):
            larger = endpoint.ask(path, GREEDY_PROMPTS[0], max_tokens=GREATEST_LEAST)
            return larger if isinstance(larger, ProbeReply) else answer
        return answer

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
        except OutOfTime:
            verdict, seen = "not tried", self.slow
        self.say(setting, verdict, seen)

    def max_tokens(self) -> None:
        """See that an answer can be limited, without which no cost has a bound."""
        self._trying("max_tokens", lambda: length_limit(self.texts))
        if not self.honours("max_tokens"):
            seen = self.rows["max_tokens"].seen
            raise EngineError(f"{self.texts.endpoint.base_url} must honour max_tokens, but does not: {seen}")

    def several_and_hot(self) -> None:
        """See whether one request can bring several samples, and whether temperature decides how they differ."""
        for temperature in (HOT, 1.0):  # some endpoints refuse more than 1
            if isinstance(self._at(temperature), ProbeReply):
                self.texts.hot = {"temperature": temperature}
                self.most_temperature = None if temperature == HOT else temperature
                break
        self.texts.cold = {}
        for temperature in (0.0, *COLD):
            if isinstance(self._at(temperature), ProbeReply):
                self.texts.cold = {"temperature": temperature}
                break
        several = Several(self.texts)
        self._trying("n", several.verdict)
        self.most_n, self.bills_each, self.counts_one = several.most_n, several.bills_each, several.counts_one
        if self.honours("n"):
            self.texts.n_together = several.n
        self._trying("temperature", lambda: self.texts.narrowed("temperature", COLD))
        order = ["chat", "completions", "max_tokens", "temperature", "n"]
        self.rows = {setting: self.rows[setting] for setting in order}

    def _at(self, temperature: float) -> ProbeReply | Refusal:
        ask = self.texts.endpoint.ask
        return ask(self.texts.path, OPEN_PROMPTS[0], max_tokens=self.texts.least, temperature=temperature)

    def narrowing(self, name: str, values: Sequence[Scalar]) -> None:
        """See whether a truncation leaves nearly nothing to draw from."""
        self._trying(name, lambda: self.texts.narrowed(name, values))

    def penalty(self, name: str) -> None:
        """See whether a penalty changes greedy texts that repeat themselves."""

        def find() -> tuple[Verdict, str]:
            with suppress(Refused):
                return self.texts.changes(name, PENALTIES[0])
            return self.texts.changes(name, PENALTIES[1])

        self._trying(name, find)
        own = self.texts.endpoint.dialect.names.get(name)
        if own:
            self.say(name, self.rows[name].verdict, f"{self.rows[name].seen}; sent as {own}")

    def stop(self) -> None:
        """See whether texts end at stop texts, and at how many."""
        stops = Stops(self.texts)
        self._trying("stop", stops.verdict)
        self.most_stops = stops.most

    def logprobs(self) -> None:
        """See whether log probabilities come, and whether temperature leaves them alone."""
        self._trying("logprobs", self._told.logprobs)
        if self.honours("logprobs"):
            self._trying("raw_logprobs", self._told.raw_logprobs)
        else:
            self.say("raw_logprobs", "not tried", self._why_not("logprobs") or "needs logprobs")

    def token_ids(self) -> None:
        """See whether the tokens' numbers come."""
        self._trying("token_ids", self._told.token_ids)

    def seeds(self) -> None:
        """See whether a seed brings the same text again, and whether n samples are those of the seeds that follow."""
        most = (self.most_n or N_SEEDS) if self.honours("n") else 1
        seeds = Seeds(self.texts, most_together=most)
        self._trying("seed", seeds.verdict)
        verdict, seen = seeds.nests
        self.say("seed_nests", verdict, self._why_not("seed") or seen)

    def _why_not(self, setting: str) -> str:
        """Return why a setting was not tried; empty where it was."""
        row = self.rows[setting]
        return row.seen if row.verdict == "not tried" else ""

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
