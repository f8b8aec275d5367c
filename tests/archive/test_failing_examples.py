"""What fails is counted as the samples have it, and what is shown of it differs."""

from pathlib import Path

import pytest
from stored import found

import infertune
from infertune.archive import StoredStudy
from infertune.archive.failures import failures, of_pair


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> infertune.Result:
    folder = tmp_path_factory.mktemp("failing")
    return found(folder, database=str(folder / "infertune.db"))


def test_the_counts_are_those_of_the_confirmation(result: infertune.Result) -> None:
    shown = result.failures(n=1)
    seen, default = result.recommendation.confirmed
    fails = {each for each, score in zip(seen.example_ids, seen.scores, strict=True) if score < 0.5}
    failed = {each for each, score in zip(default.example_ids, default.scores, strict=True) if score < 0.5}
    assert result.recommendation.recommended == seen.configuration
    assert (shown.n_both, shown.n_new, shown.n_mended) == (
        len(fails & failed),
        len(fails - failed),
        len(failed - fails),
    )
    assert shown.n_failed == len(fails) > 1 and shown.n_examples == len(seen.example_ids)
    assert len(shown.examples) == 1 and {each.example_id for each in shown.examples} <= fails


def test_prompts_and_answers_are_those_of_the_samples(result: infertune.Result) -> None:
    (one,) = result.failures(n=1).examples
    texts = {each["text"] for each in result.samples if each["example_id"] == one.example_id}
    assert one.answers and {answer.text for answer in (*one.answers, *one.default_answers)} <= texts
    number = one.reference.removeprefix("a")
    assert f"q{number}" in one.prompt and "at once" in one.prompt
    assert all(answer.score == (answer.answer == one.reference) for answer in one.answers)


def test_every_sample_of_what_fails_is_of_one_kind(result: infertune.Result) -> None:
    shown = result.failures(n=1000)
    assert sum(n for _, n in shown.kinds) == sum(len(each.answers) for each in shown.examples)
    assert {kind for kind, _ in shown.kinds} <= {"wrong answer", "right, but outvoted or rare"}
    commonest = dict(shown.wrong_answers)
    assert max(commonest.values()) == shown.wrong_answers[0][1] and set(commonest) <= {f"no {n}" for n in range(4)}


def test_how_much_is_a_failure_can_be_said(result: infertune.Result) -> None:
    with StoredStudy("planted", result.file.database) as study:
        scores = of_pair(study, result.recommendation.recommended).scores
        for below in (0.0, 0.2, 1.0):
            assert failures(study, below=below).n_failed == sum(score < below for score in scores)


def test_none_of_a_flawless_study(tmp_path: Path) -> None:
    from infertune.testing import FakeEngine

    perfect = FakeEngine(lambda request, sample, source: "a" + request.prompt.split("q")[1].split()[0].strip(":,"))  # type: ignore[union-attr]
    shown = found(tmp_path, engine=perfect, database=str(tmp_path / "infertune.db")).failures()
    assert (shown.n_failed, shown.n_mended, shown.examples, shown.kinds) == (0, 0, (), ())
