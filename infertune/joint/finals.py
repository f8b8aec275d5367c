"""The last word on speed: the default engine and the one that was taken, started in turns and timed side by side."""

from collections.abc import Mapping
from dataclasses import dataclass

from infertune.configuration import Configuration
from infertune.joint.speed import Gain, gain
from infertune.joint.starts import Starts, settings_in_words

Side = tuple[Configuration, Configuration, Configuration]
"""An engine with its default and its recommended decoding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finals:
    """The figures; see `infertune.joint.answer.JointRecommendation` for each."""

    seconds: Mapping[tuple[str, str], float]
    engine_gain: Gain | None
    whole_gain: Gain
    kept: str


def finals(starts: Starts, *, default: Side, other: Side | None, n_turns: int) -> Finals:
    """Time both engines with both decodings, a fresh start of each in every turn.

    Args:
        starts: Times them.
        default: The default engine.
        other: The one to take its place; None for none.
        n_turns: At least 1.
    """
    sides = {"default": default} | ({} if other is None else {"recommended": other})
    compared = [each for side in sides.values() for each in side]
    corners: dict[tuple[str, str], list[float]] = {}
    for turn in range(1, n_turns + 1):
        for side in list(sides) if turn % 2 else reversed(sides):  # what drifts meanwhile favours neither
            engine, *decodings = sides[side]
            seconds = starts.turn(engine, decodings, turn=turn, beside=compared)
            for name, each in zip(("default", "recommended"), seconds, strict=True):
                corners.setdefault((side, name), []).append(each)
    kept, engine_gain, taken = "", None, "default"
    if other is not None:
        engine_gain = gain(corners["default", "recommended"], corners["recommended", "recommended"])
        taken = "recommended" if engine_gain.low > 1 else "default"
        if taken == "default":
            kept = (
                f"{settings_in_words(other[0])} was faster in the search, but in {n_turns} turns of the finals that "
                "is not clear"
            )
    return Finals(
        seconds={corner: sum(found) / len(found) for corner, found in corners.items()},
        engine_gain=engine_gain,
        whole_gain=gain(corners["default", "default"], corners[taken, "recommended"]),
        kept=kept,
    )
