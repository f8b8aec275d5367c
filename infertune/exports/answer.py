"""What is exported: the server of an answer, and for an answer of `optimize` what each request asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from infertune.decoding.settings import SETTINGS
from infertune.engines.openai.dialects import Dialect, dialect
from infertune.exports.service import Service
from infertune.tasks.definition import ScorerChoice
from infertune.tasks.extraction import Step
from infertune.types import Scalar


class Field(NamedTuple):
    """A place of a prompt at which the value of an example's field stands."""

    name: str


Piece = str | Field


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a prompt, as literal texts and fields; ``role`` is empty for the text of a plain prompt."""

    role: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What each request asks, and how its samples become one answer.

    Attributes:
        task: Its name.
        turns: The prompt, shots included; one turn without a role where the prompt is plain.
        fields: That the prompt needs, in the task's order.
        conversations: Those of them that were conversations in the study.
        settings: Of the decoding by their names in `SETTINGS`, all of them; what is not said is neutral.
        extra: Settings that only some servers know.
        extra_body: Constant part of every request.
        stop: Texts that end an answer.
        n: Samples of one request; 1 where more would all be the same.
        voter: How they become one answer: ``first``, ``majority``, ``best_of_n`` or a plugin's.
        steps: Find the answer in a sample.
        scorer: Whose normal form is voted on.
        server: Kind of the server that is asked, as of `dialect`.
        says_neutral: Whether settings that change nothing are sent too.
        warpers: In which order the settings act, as in `Engine.facts`; empty where that is not known.
        base_url: Of the endpoint, with its version.
        key_variable: Environment variable that holds the key.
    """

    task: str
    turns: tuple[Turn, ...]
    fields: tuple[str, ...]
    conversations: tuple[str, ...] = ()
    settings: Mapping[str, Scalar]
    extra: Mapping[str, Scalar]
    extra_body: Mapping[str, Any]
    max_tokens: int
    stop: tuple[str, ...]
    n: int
    voter: str
    steps: tuple[Step, ...]
    scorer: ScorerChoice
    server: str
    says_neutral: bool
    warpers: str
    base_url: str
    key_variable: str

    @property
    def is_chat(self) -> bool:
        """Whether the prompt is turns of a chat."""
        return bool(self.turns[0].role)

    @property
    def path(self) -> str:
        """What is asked, below the base URL."""
        return "/chat/completions" if self.is_chat else "/completions"

    @property
    def dialect(self) -> Dialect:
        """How the server is asked."""
        return dialect(self.server)

    @property
    def effective(self) -> dict[str, Scalar]:
        """The settings that change something; at temperature 0 no truncation does."""
        greedy = self.settings["temperature"] == 0
        return {
            each.name: self.settings[each.name]
            for each in SETTINGS
            if self.settings[each.name] != each.neutral and not (greedy and each.needs_sampling)
        }

    @property
    def said(self) -> dict[str, Scalar]:
        """The settings that are sent with a request: temperature always, the others where they change something.

        Where silence means another value on the server, or every value is known to be taken, all are.
        """
        if self.says_neutral:
            return {each.name: self.settings[each.name] for each in SETTINGS}
        return {"temperature": self.settings["temperature"], **self.effective}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, ready for every format.

    Attributes:
        study: Whose it is; empty for settings of a server.
        model: As a server elsewhere will find it.
        dtype: Of the weights, ``float32``, ``bfloat16`` or ``float16``; empty where that is not known.
        service: The server.
        asking: The requests; None for settings of a server.
        left_to_requests: Names of the settings that no server sets.
        notes: What is to be known of all formats.
    """

    study: str = ""
    model: str
    dtype: str = ""
    service: Service
    asking: Asking | None = None
    left_to_requests: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def asked(self) -> Asking:
        """The requests, of an answer that is known to have them."""
        assert self.asking is not None
        return self.asking


class File(NamedTuple):
    """One file of an export."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Exported:
    """The files of an export, the one to begin with first, and what they cannot say, in sentences."""

    files: tuple[File, ...]
    notes: tuple[str, ...] = ()
