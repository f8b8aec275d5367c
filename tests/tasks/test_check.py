import json
import re
from pathlib import Path

import pytest

from infertune.errors import InvalidInputError
from infertune.tasks import check, load, starter, starter_data, warnings

TOY = Path(__file__).parent / "toy"


def test_the_starter_is_ok(tmp_path):
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


def test_few_examples_are_warned_of_with_the_width_of_an_interval():
    report = check(TOY)
    assert report.holds
    assert warnings(load(TOY)) == (
        "'tune' has only 8 examples: the 95% interval of a utility near 0.5 is about 69 points wide",
        "'confirm' has only 4 examples: the 95% interval of a utility near 0.5 is about 98 points wide",
    )
    assert report.notes == warnings(load(TOY))


def test_the_width_is_that_of_the_number_of_examples(changed):
    rows = "".join(json.dumps({"country": f"x{i}", "capital": f"y{i}"}) + "\n" for i in range(118))
    report = changed("{tune: 8, confirm: 4}", "{tune: 100, confirm: 30}", rows=rows)
    assert report.notes == (
        "'confirm' has only 30 examples: the 95% interval of a utility near 0.5 is about 36 points wide",
    )


@pytest.fixture
def changed(tmp_path):
    def changed(old, new, *, rows=""):
        text = (TOY / "task.yaml").read_text()
        assert old in text
        (tmp_path / "task.yaml").write_text(text.replace(old, new))
        (tmp_path / "examples.jsonl").write_text((TOY / "examples.jsonl").read_text() + rows)
        return check(tmp_path)

    return changed


UNREACHABLE = {
    "the extraction cannot return it": ("{kind: line, which: first}", "{kind: choice, labels: [Paris, Rome]}"),
    "the extraction returns part of it": ("{kind: line, which: first}", '{kind: regex, pattern: "[a-z]+$"}'),
    "the reference is no number": ("name: exact\n", "name: number\n"),
}


@pytest.mark.parametrize("case", UNREACHABLE)
def test_what_cannot_be_got_right_is_refused_by_load_with_the_words_of_check(changed, tmp_path, case):
    old, new = UNREACHABLE[case]
    if "number" in case:
        text = (TOY / "task.yaml").read_text()
        new += re.search("  options: .*\n", text)[0].replace(re.search("options: .*", text)[0], "options: {}")
        old += re.search("  options: .*\n", text)[0]
    report = changed(old, new)
    assert not report.holds
    assert report.ideal_share == 1 - len(report.misses) / 12 < 1
    (problem,) = report.problems
    assert problem.startswith(f"{len(report.misses)} of 12 examples cannot be answered correctly: ")
    with pytest.raises(InvalidInputError) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{tmp_path}: {problem}"


def test_a_miss_says_where_its_row_is_and_what_was_found(changed):
    report = changed("{kind: line, which: first}", '{kind: regex, pattern: "[a-z]+$"}')
    miss = report.misses[0]
    assert (miss.ideal[1:].lower(), miss.score) == (miss.answer, 0)
    lines = [int(re.search(r"line (\d+)", miss.where)[1]) for miss in report.misses]
    assert lines == sorted(lines)
    (problem,) = report.problems
    assert "examples.jsonl, line 1: 'Paris' scores 0; 'aris' is extracted" in problem
    assert f"and {len(report.misses) - 5} more" in problem


def test_what_check_calls_ok_is_loaded(changed, tmp_path):
    report = changed("{tune: 8, confirm: 4}", "{tune: 7, confirm: 5}")
    assert report.holds
    assert load(tmp_path).digest == report.digest


def test_without_a_known_perfect_answer_nothing_is_refused_and_that_is_said(changed, tmp_path):
    text = (TOY / "task.yaml").read_text()
    scorer = text[text.index("scorer:") :]
    report = changed(scorer, "scorer: python_tests\n")
    assert report.holds
    assert report.n_ideals == 0
    assert {(shown.ideal, shown.score) for shown in report.shown} == {(None, None)}
    assert "12 examples have no known perfect answer: whether they can be answered is not checked" in report.notes
    assert load(tmp_path).problems == ()
