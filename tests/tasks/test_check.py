from pathlib import Path

import pytest

from infertune.errors import InvalidInputError
from infertune.tasks import check, starter, starter_data

TOY = Path(__file__).parent / "toy"


def test_the_starter_holds(tmp_path):
    (tmp_path / "mine.yaml").write_text(starter("mine"))
    (tmp_path / "mine.jsonl").write_text(starter_data())
    report = check(tmp_path / "mine.yaml")
    assert report.holds, report.problems
    assert report.ideal_share == 1
    assert report.n_tune + report.n_confirm == 12
    assert [shown.template for shown in report.shown] == ["mine-short"] * 3 + ["mine-shots"] * 3
    assert all(shown.score == 1 for shown in report.shown)


@pytest.mark.parametrize("name", ["", "a b", "../a", "1", "a.yaml"])
def test_a_starter_needs_a_name_that_a_file_can_have(name):
    with pytest.raises(InvalidInputError, match="a task's name must be"):
        starter(name)


def test_few_examples_are_noted_but_no_problem():
    report = check(TOY)
    assert report.holds
    assert [note for note in report.notes if "has only" in note] == [
        "'tune' has only 8 examples; 100 or more give useful intervals",
        "'confirm' has only 4 examples; 100 or more give useful intervals",
    ]


@pytest.fixture
def changed(tmp_path):
    def changed(old, new, *, rows=""):
        text = (TOY / "task.yaml").read_text()
        assert old in text
        (tmp_path / "task.yaml").write_text(text.replace(old, new))
        (tmp_path / "examples.jsonl").write_text((TOY / "examples.jsonl").read_text() + rows)
        return check(tmp_path)

    return changed


def test_a_perfect_answer_that_scores_0_is_a_problem(changed):
    report = changed("{kind: line, which: first}", '{kind: regex, pattern: "[a-z]+$"}')
    assert not report.holds
    assert report.ideal_share < 1
    assert len(report.misses) == round(12 * (1 - report.ideal_share))
    miss = report.misses[0]
    assert (miss.ideal[1:].lower(), miss.score) == (miss.answer, 0)
    assert "perfect answers do not score 1" in report.problems[0]


def test_a_shot_that_is_an_example_is_a_problem(changed):
    report = changed("{question: Poland, answer: Warsaw}", "{question: ' france', answer: Paris}")
    assert len(report.problems) == 1
    assert "the prompt 'toy-plain' gives away example" in report.problems[0]


def test_one_question_with_two_answers_is_a_problem(changed):
    report = changed(
        "{tune: 8, confirm: 4}", "{tune: 9, confirm: 4}", rows='{"country": "france", "capital": "Lyon"}\n'
    )
    assert ["ask the same thing" in problem for problem in report.problems] == [True]
