"""Two configurations are compared on what both answered, and on nothing else."""

from pathlib import Path

import numpy as np
import pytest
from planted import write_task
from stored import found, inside

import infertune
from infertune.archive.comparison import which
from infertune.errors import InvalidInputError
from infertune.statistics.intervals import paired_difference


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    found(folder)
    found(folder, study="small", budget_tokens=2_500, seed=3)
    return folder


def test_recommended_and_default_differ_as_the_verdict_says(folder: Path) -> None:
    with inside(folder):
        verdict = infertune.open_study("planted").recommendation.verdict
        compared = infertune.compare("planted:default", "planted:seen")
        back = infertune.compare("planted:seen", "planted:default")
    assert compared.difference == verdict.difference and compared.split == "confirm"
    assert back.difference.mean == pytest.approx(-compared.difference.mean)
    assert (compared.a.utility, compared.b.utility) == (verdict.default.utility, verdict.seen.utility)
    gaps = [abs(b - a) for _, a, b in compared.examples]
    assert gaps == sorted(gaps, reverse=True) and min(gaps) > 0


def test_two_studies_on_the_examples_that_both_answered(folder: Path) -> None:
    with inside(folder):
        ours, theirs = (infertune.open_study(name).recommendation.confirmed[0] for name in ("planted", "small"))
        compared = infertune.compare("planted:seen", "small:seen")
    assert len(theirs.example_ids) < len(ours.example_ids)
    common = [each for each in ours.example_ids if each in theirs.example_ids]
    scores = [
        np.array([dict(zip(side.example_ids, side.scores, strict=True))[each] for each in common])
        for side in (ours, theirs)
    ]
    assert compared.difference == paired_difference(scores[1], scores[0])
    assert any("were answered by both" in note for note in compared.notes)


def test_a_trial_is_compared_on_tune(folder: Path) -> None:
    with inside(folder):
        trials = infertune.open_study("planted").trials
        many = max(trials, key=lambda trial: trial["n_examples"])
        compared = infertune.compare(f"planted:{many['number']}", "planted:seen")
        with pytest.raises(InvalidInputError, match=f"has trials 0 to {len(trials) - 1}, but no 9999"):
            infertune.compare("planted:9999", "planted")
    assert compared.split == "tune" and compared.difference.n >= 2
    assert any("flatter" in note for note in compared.notes)


def test_other_examples_are_no_common_ones(folder: Path, tmp_path: Path) -> None:
    with inside(tmp_path):
        write_task(tmp_path)
        text = (tmp_path / "planted.jsonl").read_text()
        (tmp_path / "other.jsonl").write_text(text.replace('"q', '"qq'))
        found(tmp_path, data="other.jsonl")
        with pytest.raises(InvalidInputError, match="at least two of the same confirm examples, but share 0"):
            infertune.compare("planted", "planted", database=folder / "infertune.db", other_database="infertune.db")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("mine", ("mine", "recommended")),
        ("mine:default", ("mine", "default")),
        ("mine:17", ("mine", "17")),
        ("a:b:seen", ("a:b", "seen")),
        ("a:b", ("a:b", "recommended")),
        (":default", (":default", "recommended")),
        ("mine:-1", ("mine:-1", "recommended")),
    ],
)
def test_which_configuration_is_meant(text: str, meant: tuple[str, str]) -> None:
    assert which(text) == meant
