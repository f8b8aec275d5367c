"""The verdict of a joint search on the engine's settings, in words."""

import math
from collections.abc import Mapping

from infertune.joint.gain import MARGIN, Gain
from infertune.joint.recommendation import JointRecommendation
from infertune.space.names import settings_in_words
from infertune.statistics.noninferiority import NonInferiority
from infertune.types import Configuration, Scalar

_ANSWERS = {
    "not worse": "not worse than the default engine's by more than the margin",
    "worse": "worse than the default engine's by more than the margin",
    "undecided": "not shown to be within the margin of the default engine's",
}


def sentence(found: JointRecommendation) -> str:
    """Return the verdict on the engine in words."""
    said = found.engine_verdict
    name = "" if said.seen is None else changes(said.seen, found.default_engine)
    if said.kind == "clear winner":
        utility = "These settings do not change the text, so the utility is the same."
        if found.guarded is not None:
            utility = f"Its utility is {guarded(found.guarded.test)}"
        return f"Clear winner: the engine with {name}, {_gain(said.gain)} as fast as the default settings. {utility}"
    if said.kind == "keep the default":
        keep = "Keep the engine's default settings"
        if said.why == "no faster":
            return (
                f"{keep}: the fastest of the others, {name}, is not more than {MARGIN:.0%} faster: {_gain(said.gain)} "
                "as fast."
            )
        if said.why == "lost utility":
            test = next(each.test for each in found.guards if each.engine == said.seen)
            return f"{keep}: {name} was {_in_search(found, said.seen)}, but its utility is {guarded(test)}"
        if said.why == "nothing started":
            return f"{keep}: none of the {len(found.starts) - 1} others could be started."
        return f"{keep}: no others were tried."
    seen = f"Undecided: fastest seen {name}"
    if said.why == "speed":
        return f"{seen} at {_gain(said.gain)} as fast as the default settings."
    if said.why == "utility":
        assert found.undecided_guard is not None
        return f"{seen}, {_in_search(found, said.seen)}; its utility is {guarded(found.undecided_guard.test)}"
    return f"{seen}, {_in_search(found, said.seen)}; its utility was not judged."


def advice(found: JointRecommendation, resume: str) -> str:
    """Return what to use while the engine is undecided, and what would decide it; nothing where it is decided."""
    said = found.engine_verdict
    if said.kind != "undecided":
        return ""
    use = "Recommended for now: the default settings."
    to_resume = f"; to resume:\n  {resume}" if resume else "."
    if said.why == "not judged":
        return (
            f"{use} A larger budget, or fewer settings (--set engine.NAME=...), leaves more for each engine's guard."
        )
    if said.why == "speed":
        if found.turns_to_decide is None or said.gain is None:
            return f"{use} The gain is so close to none that no practical number of turns would decide."
        more = found.turns_to_decide - said.gain.n_turns
        return f"{use} About {more} more turns (--turns {found.turns_to_decide}) would decide{to_resume}"
    assert found.undecided_guard is not None
    test = found.undecided_guard.test
    if test.examples_to_decide is None:
        return f"{use} The loss is so close to the margin that no practical number of examples would decide."
    examples = f"About {test.examples_to_decide:,} more confirm examples would decide"
    if found.budget_to_decide is None:
        return f"{use} {examples}, and the task has only {found.n_confirm:,}: add examples to it."
    return f"{use} {examples}, which a larger budget buys{to_resume}"


def guarded(test: NonInferiority) -> str:
    """Return what the guard says of a utility, with the bound and the margin."""
    bound = test.difference.high if test.answer == "worse" else test.difference.low
    side = "at most" if test.answer == "worse" else "at least"
    return (
        f"{_ANSWERS[test.answer]}: {test.difference.mean:+.3f}, {side} {bound:+.3f} "
        f"({test.confidence:.1%}, one-sided, paired, {test.difference.n} examples; margin {test.margin:g})."
    )


def changes(engine: Mapping[str, Scalar], default: Mapping[str, Scalar]) -> str:
    """Return what engine settings change of the default ones; ``default`` for nothing."""
    changed = {name: value for name, value in engine.items() if default.get(name) != value}
    return settings_in_words(changed) if changed else "default"


def ratio(factor: float) -> str:
    """Return a factor as ``1.18``, or as ``3.3`` from 2 on."""
    return f"{factor:.2f}" if factor < 2 else f"{factor:.1f}"


def _in_search(found: JointRecommendation, engine: Configuration | None) -> str:
    """Return how fast an engine was in the search: ``3.3x as fast in one burst``."""
    seconds = {each.engine: each.seconds for each in found.starts}
    mine, first = seconds[engine] if engine is not None else None, seconds[found.default_engine]
    assert mine is not None and first is not None
    return f"{ratio(first / mine)}x as fast in one burst"


def _gain(gain: Gain | None) -> str:
    """Return ``1.18x [0.93x, 1.50x] (95% over all looks, paired, 3 turns)``."""
    assert gain is not None
    turns = f"{gain.n_turns} turn{'s' if gain.n_turns > 1 else ''}"
    if math.isinf(gain.high):
        return f"{ratio(gain.mean)}x ({turns}, too few for an interval)"
    return f"{ratio(gain.mean)}x [{ratio(gain.low)}x, {ratio(gain.high)}x] (95% over all looks, paired, {turns})"
