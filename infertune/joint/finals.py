"""The last word on speed: the default engine and another one, started anew in every turn and timed side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infertune.errors import EngineError
from infertune.joint.engine_trials import Starts
from infertune.joint.gain import FIRST_LOOK, Gain, gain, looks
from infertune.types import Configuration

Corner = tuple[str, str]
"""An engine, ``default`` or ``seen``, and a decoding, ``default`` or ``recommended``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """An engine with the decoding that is recommended for it.

    Attributes:
        engine: Its settings; ``decoding`` a complete configuration.
    """

    engine: Configuration
    decoding: Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class JointFinals:
    """What the turns showed.

    Attributes:
        seconds: Of the machine for each request, one value a turn, by corner; where the default decoding is the
            recommended one, it stands there as ``default`` alone.
        gain: Of the engine that was seen over the default one, each with its recommended decoding; None where there is
            none, or it failed.
        failure: Why it failed, else empty.
    """

    seconds: Mapping[Corner, Sequence[float]]
    gain: Gain | None
    failure: str = ""

    def whole_gain(self, engine: str) -> Gain:
        """Return the gain of one engine with its recommended decoding over both defaults."""
        return gain(self.seconds["default", "default"], _recommended(self.seconds, engine))


def finals(
    starts: Starts, *, default: Contender, seen: Contender | None, default_decoding: Configuration, n_turns: int
) -> JointFinals:
    """Time both engines with both decodings until a look decides.

    Args:
        starts: Times them.
        default: The default engine.
        seen: The one that may take its place; None for none, and then there is one look.
        default_decoding: Is timed under both.
        n_turns: Most of them, at least 1; what is beyond the last look within them is not used.
    """
    sides = {"default": default} | ({} if seen is None else {"seen": seen})
    decodings = {
        name: {"default": default_decoding}
        | ({} if side.decoding == default_decoding else {"recommended": side.decoding})
        for name, side in sides.items()
    }
    compared = [each for name, side in sides.items() for each in (side.engine, *decodings[name].values())]
    seconds: dict[Corner, list[float]] = {}
    most = max(looks(n_turns), default=n_turns) if seen is not None else min(n_turns, FIRST_LOOK)
    found = None
    for turn in range(1, most + 1):
        for name in list(sides) if turn % 2 else reversed(sides):  # what drifts meanwhile favours neither
            try:
                timed = starts.turn(sides[name].engine, list(decodings[name].values()), turn=turn, beside=compared)
            except EngineError as error:
                if name == "default":
                    raise
                return JointFinals(seconds={}, gain=None, failure=str(error))
            for decoding, value in zip(decodings[name], timed, strict=True):
                seconds.setdefault((name, decoding), []).append(value)
        if seen is not None and (turn == most or turn in looks(most)):
            found = gain(_recommended(seconds, "default"), _recommended(seconds, "seen"))
            if found.is_clear or found.is_none:
                break
    return JointFinals(seconds=seconds, gain=found)


def _recommended(seconds: Mapping[Corner, Sequence[float]], engine: str) -> Sequence[float]:
    return seconds.get((engine, "recommended"), seconds[engine, "default"])
