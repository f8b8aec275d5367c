"""What to do with the engine's settings: a clear winner, the default, or not decided yet; and why.

*Clear winner*: an engine that is allowed is shown to be faster. *Keep the default*: it is shown that the fastest that
is allowed is faster by no more than the margin, or that what was faster lost utility; or nothing else could be
started. *Undecided*: none of it is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from infertune.joint.gain import Gain
from infertune.statistics.noninferiority import NonInferiority
from infertune.types import Configuration

Kind = Literal["clear winner", "keep the default", "undecided"]
Why = Literal[
    "faster", "no faster", "lost utility", "nothing started", "nothing else", "speed", "utility", "not judged"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """One engine that shapes text, and what the guard said of it.

    Attributes:
        engine: Its settings.
        decoding: The configuration that is recommended under it.
        test: Of that, against the default engine with the decoding that was recommended there.
    """

    engine: Configuration
    decoding: Configuration
    test: NonInferiority


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineVerdict:
    """The engine that was seen best beside the default one.

    Attributes:
        kind: See the module.
        why: ``faster``; ``no faster``, ``lost utility``, ``nothing started`` (all others failed) or ``nothing else``
            (no other settings were tried); ``speed``, ``utility`` or ``not judged``, by what is not decided.
        seen: Its settings; None for no other.
        gain: In the finals; None where it was not in them.
    """

    kind: Kind
    why: Why
    seen: Configuration | None = None
    gain: Gain | None = None


def engine_verdict(
    *,
    seen: Configuration | None,
    gain: Gain | None,
    is_judged: bool,
    guards: Sequence[Guarded],
    unjudged: Sequence[Configuration],
    n_failed: int,
) -> EngineVerdict:
    """Return the verdict.

    Args:
        seen: The last of the finals' engines, None where there were none.
        gain: Of it.
        is_judged: Whether its utility is known to be within the margin.
        guards: Of all engines that were asked, the fastest first.
        unjudged: What was faster in the search, and could not be asked.
        n_failed: Engines that failed.
    """
    if gain is not None and gain.is_clear and is_judged:
        return EngineVerdict(kind="clear winner", why="faster", seen=seen, gain=gain)
    by_answer = {each.test.answer: each.engine for each in reversed(guards)}
    if "undecided" in by_answer:
        return EngineVerdict(kind="undecided", why="utility", seen=by_answer["undecided"])
    if gain is not None and not gain.is_none:
        return EngineVerdict(kind="undecided", why="not judged" if gain.is_clear else "speed", seen=seen, gain=gain)
    if unjudged:
        return EngineVerdict(kind="undecided", why="not judged", seen=unjudged[0])
    if "worse" in by_answer and "not worse" not in by_answer:
        return EngineVerdict(kind="keep the default", why="lost utility", seen=by_answer["worse"])
    if gain is not None:
        return EngineVerdict(kind="keep the default", why="no faster", seen=seen, gain=gain)
    return EngineVerdict(kind="keep the default", why="nothing started" if n_failed else "nothing else")
