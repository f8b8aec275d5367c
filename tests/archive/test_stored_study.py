"""A study is read again from its database alone: on another machine, without model, engine, task file or data."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from planted import Interrupted, interrupting, write_task
from stored import copied, found, inside

import infertune
from infertune.api.archive import records
from infertune.archive import StoredStudy
from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.evaluation.parts import evaluated


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, infertune.Result]:
    folder = tmp_path_factory.mktemp("first")
    return folder, found(folder)


@pytest.fixture
def moved(first: tuple[Path, infertune.Result], tmp_path: Path) -> Path:
    return copied(first[0], tmp_path)


def test_the_whole_answer_comes_again(first: tuple[Path, infertune.Result], moved: Path) -> None:
    again = infertune.open_study("planted", database=moved)
    assert again.recommendation == first[1].recommendation
    assert str(again) == str(first[1])
    ours, theirs = first[1].as_json(), again.as_json()
    assert ours == theirs
    with inside(first[0]):
        assert list(again.trials) == list(first[1].trials) and list(again.samples) == list(first[1].samples)
        ours, theirs = (yaml.safe_load(each.save("a.yaml").read_text()) for each in (first[1], again))
        assert ours.pop("files") != theirs.pop("files"), "the database has moved"
        assert ours == theirs


def test_its_task_is_the_same_task(first: tuple[Path, infertune.Result], moved: Path) -> None:
    with StoredStudy(None, moved) as study:
        assert study.task.digest == first[1].answer.recipe.task_digest
        assert study.opening.space == first[1].answer.space


def test_what_was_confirmed_is_what_the_bank_holds(moved: Path) -> None:
    """The scores that are kept example by example are those that the samples give when they are scored again."""
    with StoredStudy("planted", moved) as study:
        evaluator = study.evaluator("confirm")
        for kept in study.recommendation.confirmed:
            again = evaluated(evaluator, kept.configuration, study.confirmed)
            assert again is not None and again.example_ids == kept.example_ids
            assert (tuple(again.scores), tuple(again.tokens)) == (kept.scores, kept.tokens)
        verdict = study.recommendation.verdict
        assert np.mean(study.recommendation.confirmed[0].scores) == pytest.approx(verdict.seen.utility.mean)
        assert np.mean(study.recommendation.confirmed[-1].scores) == pytest.approx(verdict.default.utility.mean)


def test_nothing_is_bought_and_nothing_is_changed(moved: Path) -> None:
    before = infertune.studies(moved)[0]
    with StoredStudy("planted", moved) as study:
        evaluator = study.evaluator("tune")
        unbought = evaluator.order(study.opening.space.default_configuration(), n_samples=500)
        with pytest.raises(infertune.InfertuneError, match="buys nothing"):
            evaluator.buy([unbought])
    assert infertune.studies(moved)[0] == before


def test_a_list_of_studies(first: tuple[Path, infertune.Result], moved: Path) -> None:
    found(moved.parent, study="second", budget_tokens=8_000)
    one, two = infertune.studies(moved)
    assert (one["name"], two["name"]) == ("planted", "second")
    assert one["task"] == "planted" and one["model"] == "m" and one["engine"] == "fake"
    assert one["verdict"] == first[1].recommendation.verdict.kind
    assert one["spent_tokens"] == first[1].recommendation.spent.tokens
    assert one["n_trials"] == first[1].recommendation.n_trials
    assert one["begun"] <= one["last"] <= two["last"]
    best = first[1].best_config()
    assert {name: best[name] for name in one["changed"]} == one["changed"]


def test_a_study_under_way_has_trials_and_no_answer_yet(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        found(tmp_path, progress=interrupting(300))
    with StoredStudy(None, tmp_path / "infertune.db") as study:
        assert not study.is_finished and len(study.trials) > 0
        assert len(records(study)) == len(study.trials)
    (line,) = infertune.studies(tmp_path / "infertune.db")
    assert line["verdict"] == "" and line["n_trials"] > 0 and line["spent_tokens"] > 0
    with pytest.raises(DataUnavailableError, match="has no answer yet: the command that began it resumes it"):
        infertune.open_study(database=tmp_path / "infertune.db")


def test_what_is_not_there_is_said_and_not_made(moved: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no study in .* is called 'plantd'; did you mean 'planted'"):
        infertune.open_study("plantd", database=moved)
    with pytest.raises(InvalidInputError, match="database must be the file of a study, but there is no"):
        infertune.studies(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("not a database at all, but longer than its header would be" * 20)
    with pytest.raises(InvalidInputError, match="must be a SQLite file"):
        infertune.studies(tmp_path / "text.db")
    found(tmp_path, study="second", budget_tokens=8_000)
    with pytest.raises(InvalidInputError, match=r"study must name a study, for .* holds 2: planted, second"):
        infertune.open_study(database=moved)


def test_a_study_of_a_function_is_shown_in_its_own_words(tmp_path: Path) -> None:
    def graded(configuration: dict[str, int], example: int, seed: int) -> tuple[float, int]:
        return min(1.0, configuration["k"] / 8 + (example % 3) / 10), configuration["k"]

    database = tmp_path / "infertune.db"
    result = infertune.maximize(
        graded, {"k": [1, 2, 4]}, examples=list(range(60)), budget=2_000, database=database, progress=False
    )
    again = infertune.open_study(database=database)
    assert str(again) == str(result) and again.best_config() == result.best_config() == {"k": 4}
    assert set(again.trials[0]) == {"number", "utility", "cost_tokens", "n_examples", "error", "k"}


def test_a_task_scored_by_an_unnamed_function_is_shown_but_not_scored_again(tmp_path: Path) -> None:
    write_task(tmp_path)
    task = infertune.load_task(tmp_path / "planted.yaml").with_scorer(lambda answer, reference: answer == reference)
    result = found(tmp_path, task=task)
    again = infertune.open_study(database=tmp_path / "infertune.db")
    assert str(again) == str(result)
    with pytest.raises(DataUnavailableError, match="scored by a Python function that no task file names"):
        again.failures()
