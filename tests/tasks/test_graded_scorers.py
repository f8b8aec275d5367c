"""Scorers beyond right and wrong: against their definitions, their libraries and what a stranger may write."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune import plugins, tasks
from infertune.errors import InvalidInputError
from infertune.tasks.scorers.overlap import ChrF, Rouge, TokenF1
from infertune.tasks.scorers.structured import JSON, Pattern
from infertune.tasks.scorers.weighted import Part, Weighted
from infertune.types import Example

PERSON = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["name"]}
SCORERS = [
    TokenF1(),
    TokenF1(separator="|"),
    Rouge(),
    Rouge(variant="rouge2", measure="recall", stemmer=True),
    ChrF(),
    ChrF(word_order=2),
    JSON(),
    JSON(schema=PERSON, fields=("name", "address.city")),
    Pattern(pattern="a+"),
    Weighted(parts=(Part(name="token_f1", weight=2.0), Part(name="exact", options={"ignore_case": True}))),
]


def score(scorer: Any, answer: str, reference: str = "") -> float:
    form = scorer.normal_form(answer)
    return 0.0 if form is None else float(scorer.score(form, Example(id="1", fields={}, reference=reference)))


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda scorer: type(scorer).__name__)
@settings(max_examples=60, deadline=None)
@given(answer=st.text(max_size=60), reference=st.text(max_size=60))
def test_scores_lie_in_the_unit_interval_and_an_ideal_scores_1(scorer: Any, answer: str, reference: str) -> None:
    needs_json = isinstance(scorer, JSON) and scorer.fields
    reference = json.dumps({"name": reference}) if needs_json else reference
    assert 0 <= score(scorer, answer, reference) <= 1
    ideal = scorer.ideal(reference)
    if ideal is not None and scorer.normal_form(ideal) is not None:
        assert score(scorer, ideal, reference) == pytest.approx(1)


@given(
    st.lists(st.sampled_from("red green blue sky".split()), min_size=1), st.lists(st.sampled_from("red sky x".split()))
)
def test_token_f1_is_that_of_the_shared_words(ours: list[str], theirs: list[str]) -> None:
    shared = sum(min(n, Counter(theirs)[word]) for word, n in Counter(ours).items())
    precision, recall = shared / len(ours), shared / len(theirs) if theirs else 0
    expected = 2 * precision * recall / (precision + recall) if shared else 0.0
    assert score(TokenF1(), " ".join(ours), " ".join(theirs)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("The Eiffel Tower!", "eiffel tower", 1.0),
        ("in the Eiffel Tower", "eiffel tower", 0.8),
        ("Kiev", '["Kyiv", "Kiev"]', 1.0),
        ("nothing", "eiffel tower", 0.0),
        ("", "eiffel tower", 0.0),
    ],
)
def test_token_f1_as_squad_has_it(answer: str, reference: str, expected: float) -> None:
    assert score(TokenF1(), answer, reference) == pytest.approx(expected)


def test_rouge_and_chrf_are_those_of_their_packages() -> None:
    from rouge_score import rouge_scorer
    from sacrebleu import sentence_chrf

    answer, reference = "the cat sat on a mat today", "a cat was sitting on the mat"
    theirs = rouge_scorer.RougeScorer(["rougeL", "rouge2"], use_stemmer=True).score(reference, answer)
    assert score(Rouge(stemmer=True), answer, reference) == theirs["rougeL"].fmeasure
    assert score(Rouge(variant="rouge2", measure="recall", stemmer=True), answer, reference) == theirs["rouge2"].recall
    assert score(ChrF(), answer, reference) == pytest.approx(sentence_chrf(answer, [reference]).score / 100)
    pair = json.dumps([reference, "the cat sat"])
    assert score(Rouge(), answer, pair) == max(score(Rouge(), answer, each) for each in json.loads(pair))


@pytest.mark.parametrize(
    ("options", "answer", "reference", "expected"),
    [
        ({}, '{"a": 1}', "", 1),
        ({}, "not json", "", 0),
        ({}, "NaN", "", 0),
        ({}, '{"a": 1, "a": 2}', "", 0),
        ({}, "[" * 100_000, "", 0),
        ({"schema": PERSON}, '{"name": "x", "age": 3}', "", 1),
        ({"schema": PERSON}, '{"name": "x", "age": "3"}', "", 0),
        ({"schema": PERSON}, '{"age": 3}', "", 0),
        ({"fields": ("name", "age")}, '{"name": " x", "age": 4}', '{"name": "x", "age": 3}', 0.5),
        ({"fields": ("a.b",)}, '{"a": {"b": 1.0}}', '{"a": {"b": 1}}', 1),
        ({"fields": ("a.b",)}, '{"a": {"b": true}}', '{"a": {"b": 1}}', 0),
        ({"fields": ("*",)}, '[1, {"x": "y"}]', '[1.0, {"x": "y "}]', 1),
        ({"fields": ("*",)}, "[1, 2]", "[2, 1]", 0),
    ],
)
def test_json(options: dict[str, Any], answer: str, reference: str, expected: float) -> None:
    assert score(JSON(**options), answer, reference) == expected


def test_equal_json_is_one_vote() -> None:
    assert JSON().normal_form('{"b": 1, "a": "é"}') == JSON().normal_form(' {"a":"\\u00e9","b":1} ')


def test_a_schema_fetches_nothing() -> None:
    scorer = JSON(schema={"$ref": "http://127.0.0.1:9/schema.json"})
    with pytest.raises(InvalidInputError, match="must be within the schema, for nothing is fetched"):
        score(scorer, "{}")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: JSON(schema={"type": 7}), "schema: not a JSON schema, at type"),
        (lambda: score(JSON(fields=("a",)), "{}", "no json"), "'fields': a reference must be JSON"),
        (lambda: Pattern(pattern="("), r"pattern: '\(' is not a regular expression"),
        (lambda: Weighted(parts=()), "at least one scorer"),
        (lambda: Weighted(parts=(Part(name="exat"),)), "did you mean 'exact'"),
        (lambda: Weighted(parts=(Part(name="exact", options={"ignore": 1}),)), r"parts\[0\].options"),
        (lambda: ChrF(word_order=7), "word_order must be 0"),
    ],
)
def test_what_cannot_be_is_said(made: Any, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        made()


def test_patterns() -> None:
    assert score(Pattern(pattern="^[A-Z]{2}$"), " DE ") == 1
    assert score(Pattern(pattern="de", ignore_case=True), "in DE") == 1
    assert score(Pattern(pattern="de", whole=True), "in de") == 0
    assert score(Pattern(), "colour", "colou?r") == 1


def test_weights() -> None:
    scorer = Weighted(parts=(Part(name="token_f1", weight=3.0), Part(name="number", weight=1.0)))
    assert score(scorer, "42", "42") == 1
    assert score(scorer, "about 42 apples", "42") == pytest.approx(0.75 * 0.5 + 0.25)


@pytest.mark.parametrize("name", ["token_f1", "rouge", "chrf", "json", "regex", "weighted"])
def test_a_task_file_names_them(name: str, tmp_path: Any) -> None:
    options = {"weighted": {"parts": [{"name": "chrf", "weight": 2}, {"name": "exact"}]}}.get(name, {})
    references = {"json": '{"a": 1}'}
    rows = [{"q": f"question {n}", "a": references.get(name, f"answer number {n}")} for n in range(8)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "task.yaml").write_text(
        "name: graded\nversion: 1\ndata: data.jsonl\nfields: {q: q}\nreference: a\nmax_tokens: 8\n"
        "prompts: [{name: p, kind: plain, text: '{q}'}]\nextraction: [{kind: text}]\n"
        f"scorer: {json.dumps({'name': name, 'options': options})}\n"
    )
    task = tasks.load(tmp_path / "task.yaml")
    assert isinstance(task.scorer, plugins.load("scorers", name))
    if name != "regex":
        example = task.tune[0]
        assert task.score(task.extract(example.reference, example), example) == pytest.approx(1)
