"""The page of a study without a browser: it says what the study found, and no text can get out of its place."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paged import HOSTILE, HOSTILE_NAME, hostile, planted

import infertune
from infertune.archive import StoredStudy
from infertune.archive.spending import spending
from infertune.errors import InvalidInputError
from infertune.report.page import render, samples
from infertune.report.page.data import page_data
from infertune.report.page.encoding import Room, script_json
from infertune.report.page.plotted import MOST_SCORE_BYTES, MOST_TRIAL_BYTES, Settings, plotted
from infertune.report.page.points import PagePoint, trial_points
from infertune.selection.recommendation import ExampleScores


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> infertune.Result:
    return planted(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def data(result: infertune.Result) -> dict[str, Any]:
    with StoredStudy("planted", result.file.database) as study:
        found = page_data(study, result.answer)
    read: dict[str, Any] = json.loads(script_json(found))
    return read


def scores(point: dict[str, Any], split: str) -> dict[int, float]:
    return dict(zip(*point["scores"][split], strict=True))


def settings(data: dict[str, Any], point: dict[str, Any]) -> dict[str, str]:
    return {
        column["name"]: column["values"][number]
        for column, number in zip(data["settings"], point["values"], strict=True)
        if number >= 0
    }


def test_the_answer_is_that_of_the_study(result: infertune.Result, data: dict[str, Any]) -> None:
    verdict = result.recommendation.verdict
    assert data["answer"]["sentence"].startswith("Clear winner: ")
    assert data["answer"]["sides"][0]["utility"]["mean"] == verdict.seen.utility.mean
    assert data["answer"]["sides"][1]["cost_tokens"] == verdict.default.cost_tokens
    seen, default = data["points"][:2]
    assert (seen["kind"], seen["label"], default["kind"]) == ("seen", "recommended", "default")
    assert settings(data, seen)["prompt"] == str(result.best_config()["prompt.template"])
    assert seen["y"] == pytest.approx(verdict.seen.utility.mean, abs=1e-4)
    assert ["task", "planted"] in data["facts"] and ["model", "m"] in data["facts"]


def test_every_trial_is_a_point_with_its_scores(result: infertune.Result, data: dict[str, Any]) -> None:
    trials = [each for each in data["points"] if each["kind"] == "trial"]
    assert [each["y"] for each in trials] == pytest.approx([each["utility"] for each in result.trials], abs=1e-4)
    assert data["left_out"] == {"trials": 0, "scores": 0}
    for each in trials:
        assert each["y"] == pytest.approx(np.mean(list(scores(each, "tune").values())), abs=2e-3)
        assert len(scores(each, "tune")) == each["n"]


def test_pairs_are_of_the_common_examples(result: infertune.Result, data: dict[str, Any]) -> None:
    confirmed = next(each for each in data["pairs"] if (each["a"], each["b"]) == (0, 1))
    difference = result.recommendation.verdict.difference
    assert confirmed["mean"] == pytest.approx(-difference.mean, abs=1e-4)
    assert confirmed["low"] == pytest.approx(-difference.high, abs=1e-4)
    for pair in data["pairs"][1:]:
        a, b = (data["points"][pair[side]] for side in "ab")
        if "confirm" not in a["scores"] or "confirm" not in b["scores"]:
            one, other = scores(a, "tune"), scores(b, "tune")
            common = one.keys() & other.keys()
            assert pair["mean"] == pytest.approx(np.mean([other[each] - one[each] for each in common]), abs=2e-3)


def test_the_texts_are_those_that_were_bought(result: infertune.Result, data: dict[str, Any]) -> None:
    bought = {(each["example_id"], each["text"]) for each in result.samples}
    n_answers = 0
    for split in ("confirm", "tune"):
        for example, held in data["samples"]["of"][split].items():
            assert held["reference"].startswith("a")
            for under in held["under"].values():
                assert held["reference"].removeprefix("a") in data["samples"]["prompts"][under["prompt"]]
                for answer in under["answers"]:
                    assert any(example == name and text.startswith(answer["text"]) for name, text in bought)
                    n_answers += 1
    assert n_answers > 100
    assert {each["digest"] for each in data["points"][:2]} <= next(iter(data["samples"]["of"]["confirm"].values()))[
        "under"
    ].keys()


def test_every_n_is_on_the_same_examples_and_more_samples_cost_more(data: dict[str, Any]) -> None:
    curve = data["curve"]
    assert {each["n"] for each in curve} == {1, 3}
    assert len({each["utility"]["n"] for each in curve}) == 1
    one, three = (next(each for each in curve if each["n"] == n) for n in (1, 3))
    assert three["cost_tokens"] > one["cost_tokens"]


def test_what_was_spent_adds_up(result: infertune.Result, data: dict[str, Any]) -> None:
    spent = result.recommendation.spent
    with StoredStudy("planted", result.file.database) as study:
        parts = spending(study)
    assert sum(part.usage.tokens for part in parts) == spent.tokens
    assert sum(part.usage.n_requests for part in parts) == spent.n_requests
    assert {part.split for part in parts} == {"tune", "confirm"}
    assert {part.prompt for part in parts} == {"good", "poor"}
    confirm = set(result.recommendation.confirmed[0].example_ids)
    written = sum(each["tokens"] for each in result.samples if each["example_id"] in confirm)
    assert sum(part.usage.completion_tokens for part in parts if part.split == "confirm") == written
    assert data["spending"]["unbooked"] == 0


def test_an_unfinished_study_has_trials_but_no_verdict(result: infertune.Result) -> None:
    with StoredStudy("planted", result.file.database) as study:
        found = page_data(study, None)
        assert len([each for each in found["points"] if each["kind"] == "trial"]) == len(study.trials)
    assert found["answer"] is None and found["failures"] is None and found["front"] == [] and found["pairs"] == []
    assert "</html>" in render.page(found)


class Parts(HTMLParser):
    """The elements of a page, and what its scripts hold."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script":
            self.scripts[-1] += data


def test_hostile_texts_are_data_and_nothing_else(tmp_path: Path) -> None:
    result = hostile(tmp_path)
    path = result.report(tmp_path / "page.html")
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < render.MOST_BYTES
    parts = Parts()
    parts.feed(text)
    assert len(parts.scripts) == 4 and "img" not in parts.tags and "b" not in parts.tags
    found = json.loads(parts.scripts[0])
    assert found["study"] == HOSTILE_NAME
    assert "window.hacked" in json.dumps(found["samples"]) and "window.hacked" not in "".join(parts.scripts[1:])
    assert "<" not in parts.scripts[0] and "\u2028" not in text
    assert HOSTILE.partition("\u2028")[0] in json.dumps(found["failures"]).replace("\\u003c", "<")


def test_the_policy_lets_only_the_scripts_of_the_page_run(result: infertune.Result, tmp_path: Path) -> None:
    text = result.report(tmp_path / "page.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    rules = dict(each.split(" ", 1) for each in policy[1].split("; "))
    assert rules["default-src"] == "'none'" and rules["connect-src"] == "'none'" and rules["img-src"] == "data:"
    assert rules["script-src"].count("sha256-") == 3 and "unsafe" not in rules["script-src"]
    assert not re.search(r'\b(?:src|href)\s*=\s*"(?!data:|#)', text.partition("<script")[0])


def test_a_password_of_the_database_is_not_told(monkeypatch: pytest.MonkeyPatch, result: infertune.Result) -> None:
    with StoredStudy("planted", result.file.database) as study:
        study.database = "postgresql://me:secret@host/studies"
        assert "secret" not in script_json(page_data(study, result.answer))


def test_long_texts_are_cut_and_the_room_is_kept(result: infertune.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MOST_BYTES", 4_000)
    monkeypatch.setattr(samples, "LONGEST_PROMPT", 12)
    with StoredStudy("planted", result.file.database) as study:
        found = page_data(study, result.answer)["samples"]
    assert len(script_json(found["of"])) + len(script_json(found["prompts"])) < 4_200
    assert found["n_left_out"] > 50
    assert all("characters" in each for each in found["prompts"])


def test_more_trials_than_there_is_room_for_are_left_out(result: infertune.Result) -> None:
    space = result.answer.space
    default = space.default_configuration()
    ids = [f"{number} {'<' * 150}" for number in range(400)]

    def point(number: int) -> PagePoint:
        configuration = default.with_values({"prompt.template": f"{number} {'<' * 100}"})
        some = tuple(ids[number % 300 : number % 300 + 60])
        held = ExampleScores(configuration=configuration, example_ids=some, scores=(0.123,) * 60, tokens=(1.0,) * 60)
        return PagePoint(
            kind="trial",
            label=f"trial {number}",
            configuration=configuration,
            utility=0.123456,
            cost_tokens=12.345678,
            n_examples=60,
            scores={"tune": held},
        )

    settings, examples = Settings([each.name for each in space.parameters], space), {}
    points, left_out = plotted([], [point(number) for number in range(4_000)], settings, space, examples)
    assert len(points) + left_out["trials"] == 4_000 and left_out["trials"] > 0 and left_out["scores"] > 0
    assert len(script_json([points, settings.columns, list(examples)])) < MOST_TRIAL_BYTES + MOST_SCORE_BYTES
    for each in points:
        for numbers, _ in each.get("scores", {}).values():
            assert max(numbers) < len(examples)


def test_what_each_change_is_worth_is_that_of_the_path(result: infertune.Result, data: dict[str, Any]) -> None:
    steps = result.path()
    assert len(steps) > 0
    assert [each["adds"]["mean"] for each in data["path"]] == pytest.approx([step.adds.mean for step in steps])
    assert {each["name"] for each in data["path"]} == {result.answer.space[step.name].alias for step in steps}


def test_room_and_escapes() -> None:
    room = Room(20)
    assert room.takes("0123456789") and not room.takes("0123456789") and room.left_out == 1
    assert script_json({"a": "</script>&\u2028\ud800"}) == '{"a":"\\u003c/script\\u003e\\u0026\\u2028\\ud800"}'


def test_a_page_replaces_a_page_and_nothing_else(result: infertune.Result, tmp_path: Path) -> None:
    path = result.report(tmp_path / "mine.html")
    assert result.report(path) == path
    path.write_text("<html>mine</html>")
    with pytest.raises(InvalidInputError, match="neither"):
        result.report(path)
    assert path.read_text() == "<html>mine</html>"
    assert [each.name for each in tmp_path.iterdir()] == ["mine.html"]


def test_trials_without_a_score_are_no_points(result: infertune.Result) -> None:
    with StoredStudy("planted", result.file.database) as study:
        failed = [type(each)(number=0, configuration={}, n_planned=1, cause="none") for each in study.trials[:1]]
        assert list(trial_points(study, failed)) == []
