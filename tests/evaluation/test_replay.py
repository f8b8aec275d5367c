"""Replay choices recomputed from stored samples, held to a sum over all subsets of samples, cut by hand."""

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from infertune import tasks
from infertune.evaluation.replay import replayed_responses
from infertune.evaluation.requests import requests_for
from infertune.evaluation.scoring import CachedScorer
from infertune.space import SearchSpace
from infertune.space.default_space import default_space
from infertune.types import Configuration, Generation, Request, Response
from infertune.types.evidence import Candidate

N_STORED = 4
TASK = """
name: words
version: 1
source: made for tests
licence: Apache-2.0
data: words.jsonl
fields: {question: question}
reference: answer
splits: {tune: 2, confirm: 1}
prompts:
  - {name: plain, kind: plain, text: "{question}"}
max_tokens: [1, 3]
extraction:
  head: [{kind: line, which: first}]
  tail: [{kind: line, which: last}]
scorer: exact
"""
ROWS = '{"question": "q0", "answer": "a"}\n{"question": "q1", "answer": "b"}\n{"question": "q2", "answer": "c"}\n'
# Of each example: the pieces of text of its samples' tokens, and the log probability of each token.
SAMPLES = (
    (("a", "\n", "x"), ("a", " ", "!"), ("b", "\n", "a"), ("", "", "")),
    (("b",), ("c", "\n", "b"), ("c", "", ""), ("c", "\n", "b")),
)
LOGPROBS = (
    ((-1.0, -2.0, -3.0), (-0.5, -0.5, -9.0), (-2.0, -0.1, -0.1), (-4.0, -4.0, -4.0)),
    ((-1.5,), (-1.0, -1.0, -1.0), (-0.2, -5.0, -5.0), (-3.0, -1.0, -0.5)),
)


@pytest.fixture
def task(tmp_path: Path) -> tasks.Task:
    (tmp_path / "words.yaml").write_text(TASK)
    (tmp_path / "words.jsonl").write_text(ROWS)
    return tasks.load(tmp_path / "words.yaml")


@pytest.fixture
def space(task: tasks.Task) -> SearchSpace:
    return default_space(
        prompts=tuple(task.prompts), max_tokens=task.max_tokens_choices, n=(1, 2, 3), extractors=tuple(task.extractors)
    )


@pytest.fixture
def found(task: tasks.Task, space: SearchSpace) -> list[Candidate]:
    configuration = space.tier("request").default_configuration()
    requests = requests_for(task, configuration, task.tune, n_samples=N_STORED, max_tokens=3, seed=0)
    responses = [response(request, row) for row, request in enumerate(requests)]
    return evaluated(task, space, configuration, responses)


def evaluated(
    task: tasks.Task, space: SearchSpace, configuration: Configuration, responses: list[Response]
) -> list[Candidate]:
    found = replayed_responses(space, CachedScorer(task), configuration, task.tune, responses)
    assert found is not None
    return found.candidates(configuration, [example.id for example in task.tune])


def response(request: Request, row: int) -> Response:
    generations = tuple(
        Generation(
            sample=sample,
            text="".join(pieces),
            token_ids=tuple(range(len(pieces))),
            logprobs=logprobs,
            finish_reason="length" if len(pieces) == 3 else "stop",
            text_ends=tuple(itertools.accumulate(len(piece) for piece in pieces)),
        )
        for sample, (pieces, logprobs) in enumerate(zip(SAMPLES[row], LOGPROBS[row], strict=True))
    )
    return Response(request=request, generations=generations, prompt_tokens=10 + row, seconds=0.1)


def by_hand(row: int, samples: tuple[int, ...], choice: Configuration, reference: str) -> float:
    """Return the score of one choice of samples, in their order, by the words of docs/strategies.md."""
    max_tokens, which = int(choice["decoding.max_tokens"]), str(choice["strategy.extractor"])
    answers, means = [], []
    for sample in samples:
        lines = [line.strip() for line in "".join(SAMPLES[row][sample][:max_tokens]).splitlines() if line.strip()]
        answers.append(None if not lines else lines[0 if which == "head" else -1])
        means.append(float(np.mean(LOGPROBS[row][sample][:max_tokens])))
    if choice["strategy.name"] == "first":
        return float(answers[0] == reference)
    if choice["strategy.name"] == "best_of_n":
        likeliest = [answer for answer, mean in zip(answers, means, strict=True) if mean == max(means)]
        return likeliest.count(reference) / len(likeliest)
    votes = Counter(answer for answer in answers if answer is not None)
    leaders = [answer for answer, count in votes.items() if count == max(votes.values())]
    return leaders.count(reference) / len(leaders) if leaders else 0.0


def test_every_replay_choice_is_there_once(space: SearchSpace, found: list[Candidate]) -> None:
    # 2 lengths x 2 extractors x (one sample, or 2 or 3 of them under two voters)
    assert len(found) == len({one.configuration for one in found}) == 2 * 2 * (1 + 2 * 2)
    assert all(space.allows(one.configuration) for one in found)


def test_scores_and_costs_are_the_mean_over_all_ways_to_draw_the_samples(
    task: tasks.Task, found: list[Candidate]
) -> None:
    for one in found:
        n, max_tokens = int(one.configuration["strategy.n"]), int(one.configuration["decoding.max_tokens"])
        for row in range(2):  # whichever two of the three examples the split gave
            subsets = list(itertools.combinations(range(N_STORED), n))
            assert one.scores[row] == pytest.approx(
                np.mean([by_hand(row, subset, one.configuration, task.tune[row].reference) for subset in subsets])
            )
            tokens = [sum(min(len(SAMPLES[row][sample]), max_tokens) for sample in subset) for subset in subsets]
            assert one.tokens[row] == pytest.approx(10 + row + np.mean(tokens))


def test_the_means_are_over_examples(found: list[Candidate]) -> None:
    for one in found:
        assert one.utility == pytest.approx(sum(one.scores) / 2)
        assert one.cost_tokens == pytest.approx(sum(one.tokens) / 2)


def test_what_is_not_stored_is_not_guessed(task: tasks.Task, space: SearchSpace) -> None:
    configuration = space.tier("request").default_configuration()
    requests = requests_for(task, configuration, task.tune, n_samples=2, max_tokens=1, seed=0)
    stored = [
        Response(
            request=request,
            generations=tuple(
                Generation(
                    sample=sample, text="a", token_ids=(1,), logprobs=(-1.0,), finish_reason="length", text_ends=(1,)
                )
                for sample in request.samples
            ),
            prompt_tokens=10,
            seconds=0.1,
        )
        for request in requests
    ]
    found = evaluated(task, space, configuration, stored)
    assert {(one.configuration["strategy.n"], one.configuration["decoding.max_tokens"]) for one in found} == {
        (1, 1),
        (2, 1),
    }
    assert replayed_responses(space, CachedScorer(task), configuration, [], []) is None


def test_a_greedy_request_asks_for_one_sample(task: tasks.Task, space: SearchSpace) -> None:
    greedy = space.tier("request").assemble(
        lambda parameter: 0.0 if parameter.name == "decoding.temperature" else parameter.default
    )
    requests = requests_for(task, greedy, task.tune, n_samples=5, max_tokens=3, seed=0)
    assert [request.samples for request in requests] == [(0,), (0,)]
    assert [request.example_id for request in requests] == [example.id for example in task.tune]


def test_the_same_text_is_scored_once(task: tasks.Task) -> None:
    cached, asked = CachedScorer(task), []
    scorer = task.score
    object.__setattr__(
        cached, "task", type("Counting", (), {"score": lambda self, *a: (asked.append(a), scorer(*a))[1]})()
    )
    example = task.tune[0]
    assert [cached.score("a", example), cached.score("a", example), cached.score(None, example)] == [1.0, 1.0, 0.0]
    assert len(asked) == 1
