"""The answer in words and as data."""

from pathlib import Path

import numpy as np
import pytest
from planted_engines import Plan, run

from infertune.joint.answer import JointRecommendation
from infertune.noninferiority import non_inferiority
from infertune.report.joint import guarded, sentence

HALF = np.tile([1.0, 0.0], 40)


@pytest.fixture(scope="module")
def risky(tmp_path_factory: pytest.TempPathFactory) -> JointRecommendation:
    plan = Plan(seconds={("engine.dtype", "tiny"): 0.25})
    return run(tmp_path_factory.mktemp("risky"), plan, settings=["engine.batch=8", "engine.cache=false"])


def test_a_harmful_engine_is_refused_in_words() -> None:
    test = non_inferiority(np.zeros(80), HALF, margin=0.1)
    words = "worse than the default engine by more than the margin, and refused: -0.500, at most"
    assert guarded(test).startswith(words)
    assert "(one-sided, paired, 80 examples; margin 0.1)" in guarded(test)


def test_what_is_undecided_says_how_many_examples_would_decide() -> None:
    test = non_inferiority(HALF, HALF, margin=0.02)
    assert f"about {test.examples_to_decide} more examples would decide it" in guarded(test)
    at_the_margin = np.concatenate([np.zeros(8), np.ones(72)])
    assert "no practical number" in guarded(non_inferiority(at_the_margin, np.ones(80), margin=0.1))


def test_the_sentence_names_settings_speed_and_guard(risky: JointRecommendation) -> None:
    words = sentence(risky)
    assert words.startswith("Start the engine with dtype=tiny: 4.00 [4.00, 4.00] times as fast as the default engine")
    assert "not worse than the default engine by more than the margin" in words


def test_without_a_faster_engine_it_says_so(tmp_path: Path) -> None:
    found = run(tmp_path, Plan(), settings=["engine.batch=8", "engine.dtype=whole"])
    assert sentence(found) == "Keep the engine's default settings; nothing that was tried and allowed is faster."


def test_equal_utility_is_told_as_such(tmp_path: Path) -> None:
    plan = Plan(seconds={("engine.cache", True): 0.5})
    found = run(tmp_path, plan, settings=["engine.dtype=whole", "engine.batch=8"])
    assert "the utility is the same by construction" in sentence(found)
