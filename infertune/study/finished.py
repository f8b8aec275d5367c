"""The answer of a finished study, kept with its log: shown again without the model or the server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from infertune.selection.recommendation import Recommendation
from infertune.study.trial_log import TrialLog
from infertune.types import Configuration, Scalar, Unsupported

_KEY = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A finished study.

    Attributes:
        recommendation: Its answer.
        facts: Of the engine that answered.
        unsupported: What the engine does not honour, which was left out of the space.
        metrics: What the engine's own server counted; None where it has no such thing.
    """

    recommendation: Recommendation
    facts: Mapping[str, str]
    unsupported: tuple[Unsupported, ...]
    metrics: Mapping[str, Scalar | None] | None


def keep(log: TrialLog, asked: Mapping[str, Any], finished: Finished) -> None:
    """Keep an answer, in place of an earlier one.

    Args:
        log: The study's.
        asked: All that the answer depends on and that is known before an engine starts, as JSON values.
        finished: What came of it.
    """
    log.note(_KEY, {"asked": dict(asked), "answer": msgspec.to_builtins(finished, enc_hook=_plain)})


def kept(log: TrialLog, asked: Mapping[str, Any]) -> Finished | None:
    """Return the answer to the same question; None where there is none, or another infertune wrote it."""
    noted = log.noted(_KEY)
    if noted is None or noted["asked"] != msgspec.json.decode(msgspec.json.encode(dict(asked))):
        return None
    return _read(noted)


def last(log: TrialLog) -> Finished | None:
    """Return the last answer, whatever was asked; None where there is none, or another infertune wrote it."""
    noted = log.noted(_KEY)
    return None if noted is None else _read(noted)


def _read(noted: Mapping[str, Any]) -> Finished | None:
    try:
        return msgspec.convert(noted["answer"], Finished, dec_hook=_made)
    except msgspec.ValidationError:
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, Configuration):
        return dict(value)
    raise NotImplementedError(type(value).__name__)


def _made(kind: type, value: Any) -> Any:
    if kind is Configuration:
        return Configuration(value)
    raise NotImplementedError(kind.__name__)
