"""Synthetic workloads and traces: lengths, shared beginnings, layouts, and repeatability."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.load import lengths, trace
from infertune.load.lengths import Lengths
from infertune.load.synthetic import Synthetic
from infertune.load.workload import LoadRequest
from infertune.types import Message


def synthetic(input: str = "20", output: str = "5", **more: float | int | None) -> Synthetic:
    return Synthetic(
        input=lengths.parse(input, where="input"),
        output=lengths.parse(output, where="output"),
        **more,  # type: ignore[arg-type]
    )


def common(a: Sequence[object], b: Sequence[object]) -> int:
    """Return how many pieces two prompts have in common from their beginning."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200", Lengths(low=200, high=200)),
        ("100..300", Lengths(low=100, high=300)),
        ("200~0.5", Lengths(low=200, high=200, sigma=0.5)),
    ],
)
def test_texts_of_lengths(text: str, expected: Lengths) -> None:
    assert lengths.parse(text, where="input") == expected
    assert str(expected) == text


@pytest.mark.parametrize("text", ["", "0", "x", "-3", "3..2", "1..", "200~3", "2e3", "99999999"])
def test_wrong_lengths(text: str) -> None:
    with pytest.raises(InvalidInputError, match="input"):
        lengths.parse(text, where="input")


def test_lengths_are_distributed_as_said() -> None:
    rng = np.random.default_rng(0)
    uniform = np.array(Lengths(low=10, high=13).draw(20_000, rng))
    assert [(uniform == value).mean() for value in (10, 11, 12, 13)] == pytest.approx([0.25] * 4, abs=0.015)
    lognormal = np.array(Lengths(low=100, high=100, sigma=0.5).draw(20_000, rng))
    assert np.median(lognormal) == pytest.approx(100, abs=2)
    assert np.log(lognormal).std() == pytest.approx(0.5, rel=0.03)
    assert lognormal.max() <= 100 * np.exp(1.5) + 1
    assert Lengths(low=7, high=7).draw(3, rng) == [7, 7, 7]


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**31))
def test_a_smaller_number_is_the_beginning_of_a_larger_one(few: int, more: int, seed: int) -> None:
    workload = synthetic("5..30", "3~0.4", prefix=0.5, vocabulary=5000)
    assert workload.requests(few + more, seed=seed)[:few] == workload.requests(few, seed=seed)
    assert workload.requests(few, seed=seed) != workload.requests(few, seed=seed + 1)


def test_tokens_are_of_the_vocabulary_and_no_special_ones() -> None:
    for request in synthetic("2000", vocabulary=49_152).requests(3, seed=0):
        assert len(request.prompt) == 2000
        assert all(isinstance(token, int) and 1000 <= token < 48_152 for token in request.prompt)
    assert all(1 <= token < 3 for token in synthetic("50", vocabulary=4).requests(1, seed=0)[0].prompt)


def test_words_are_as_many_as_asked() -> None:
    (request,) = synthetic("120").requests(1, seed=0)
    assert isinstance(request.prompt, str)
    assert len(request.prompt.split()) == 120
    assert (request.max_tokens, request.ignore_eos, dict(request.settings)) == (5, True, {"temperature": 0.0})


def test_prompts_share_the_share_that_is_asked_and_no_more() -> None:
    prompts = [request.prompt for request in synthetic("100", vocabulary=50_000, prefix=0.3).requests(6, seed=1)]
    assert {common(a, b) for a in prompts for b in prompts if a is not b} == {30}
    apart = [request.prompt for request in synthetic("100", vocabulary=50_000).requests(6, seed=1)]
    assert {common(a, b) for a in apart for b in apart if a is not b} == {0}


def test_several_beginnings() -> None:
    workload = synthetic("100", vocabulary=50_000, prefix=0.5, n_prefixes=4)
    prompts = [request.prompt for request in workload.requests(60, seed=1)]
    assert len({prompt[:50] for prompt in prompts}) == 4


def test_a_longer_prompt_shares_the_beginning_of_a_shorter_one() -> None:
    prompts = [r.prompt for r in synthetic("50..150", vocabulary=50_000, prefix=0.5).requests(9, seed=1)]
    for a in prompts:
        for b in prompts:
            assert common(a, b) >= min(round(0.5 * len(a)), round(0.5 * len(b)))


@pytest.mark.parametrize("wrong", [{"prefix": 1.5}, {"n_prefixes": 0}, {"vocabulary": 3}, {"temperature": -1}])
def test_what_no_synthetic_workload_can_be(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError, match=f"{next(iter(wrong)).removeprefix('n_')} must"):
        synthetic(**wrong)  # type: ignore[arg-type]


# Traces.

MOON = {"input_length": 7000, "output_length": 1, "hash_ids": [1, 2]}


def written(tmp_path: Path, *rows: object) -> Path:
    path = tmp_path / "trace.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_our_own_layout(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        {"arrival": 2.5, "prompt": "hello", "output": 7},
        "",
        {"arrival": 1, "token_ids": [5, 6], "output": 8},
        {"arrival": 3, "messages": [{"role": "user", "content": "hi"}], "output": 9},
        {"arrival": 4, "input": 12, "output": 1},
    )
    first, second, third, fourth = trace.read(path, vocabulary=5000).requests(4, seed=0)
    assert first == LoadRequest(prompt=(5, 6), max_tokens=8, arrival=1, ignore_eos=True)  # by arrival
    assert (second.prompt, second.arrival) == ("hello", 2.5)
    assert third.prompt == (Message("user", "hi"),)
    assert len(fourth.prompt) == 12


def test_mooncakes_layout(tmp_path: Path) -> None:
    """Blocks of 512 tokens: equal ids are equal tokens, different ones are not."""
    rows = [
        {"timestamp": 0, "input_length": 1100, "output_length": 5, "hash_ids": [46, 47, 48]},
        {"timestamp": 1500, "input_length": 1000, "output_length": 6, "hash_ids": [46, 49]},
        {"timestamp": 2000, "input_length": 512, "output_length": 7, "hash_ids": [49]},
    ]
    a, b, c = trace.read(written(tmp_path, *rows), vocabulary=50_000).requests(3, seed=0)
    assert [len(each.prompt) for each in (a, b, c)] == [1100, 1000, 512]
    assert common(a.prompt, b.prompt) == 512
    assert b.prompt[512:1000] == c.prompt[:488]
    assert [each.arrival for each in (a, b, c)] == [0, 1.5, 2]
    assert [each.max_tokens for each in (a, b, c)] == [5, 6, 7]
    (words, *_) = trace.read(written(tmp_path, *rows)).requests(1, seed=0)
    assert len(str(words.prompt).split()) == 1100


@pytest.mark.parametrize("as_list", [False, True])
def test_sharegpts_layout(tmp_path: Path, as_list: bool) -> None:
    rows = [
        {"id": "x", "conversations": [{"from": "human", "value": "hello"}, {"from": "gpt", "value": "a" * 41}]},
        {"id": "y", "conversations": [{"from": "human", "value": "bye"}, {"from": "gpt", "value": ""}]},
    ]
    path = written(tmp_path, json.dumps(rows, indent=1)) if as_list else written(tmp_path, *rows)
    first, second = trace.read(path).requests(2, seed=0)
    assert first == LoadRequest(prompt=(Message("user", "hello"),), max_tokens=11, ignore_eos=True)
    assert second.max_tokens == 1


@pytest.mark.parametrize(("size", "partial"), [(16, True), (512, True), (512, False), (24, True)])
def test_the_size_of_a_block_is_found(tmp_path: Path, size: int, partial: bool) -> None:
    """Alibaba's recordings have blocks of 16 and seconds; an incomplete block at the end may have no id."""
    lengths = [size * 3 + size // 2, size * 7, size * 2 + 1, size * 9 - 1]
    rows = [
        {
            "chat_id": number,
            "timestamp": 1.5 * number,
            "input_length": n,
            "output_length": 3,
            "hash_ids": [0, *range(10 * number, 10 * number + (-(-n // size) if partial else n // size) - 1)],
        }
        for number, n in enumerate(lengths, start=1)
    ]
    found = trace.read(written(tmp_path, *rows), vocabulary=50_000)
    asked = found.requests(4, seed=0)
    assert [len(each.prompt) for each in asked] == lengths
    assert [each.arrival for each in asked] == [1.5, 3, 4.5, 6]
    assert {common(a.prompt, b.prompt) for a in asked for b in asked if a is not b} == {size}
    assert any(f"stands for {size} tokens" in note for note in found.notes)


def test_the_size_of_a_block_may_be_said(tmp_path: Path) -> None:
    found = trace.read(written(tmp_path, MOON), vocabulary=50_000, block=4096)
    assert found.name.endswith(",block=4096")
    with pytest.raises(InvalidInputError, match="must have hash_ids where a block is given"):
        trace.read(written(tmp_path, {"prompt": "x", "output": 1}), block=512)


@pytest.mark.parametrize("packed", [False, True])
def test_azures_layout(tmp_path: Path, packed: bool) -> None:
    text = (
        "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.9951690,39,9\r\n"
        "2023-11-16 18:15:46.6805900,37,4\r\n2023-11-16 18:15:47+00:00,40,0\r\n2023-11-16 18:15:47,40,\r\n"
    )
    (tmp_path / "x.csv").write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = trace.read(tmp_path / "x.csv", vocabulary=5000)
    first, second = found.requests(2, seed=0)
    assert [(len(each.prompt), each.max_tokens, each.ignore_eos) for each in (first, second)] == [
        (37, 4, True),
        (39, 9, True),
    ]
    assert (first.arrival, second.arrival) == (0, pytest.approx(0.314579, abs=1e-6))
    assert found.notes == (f"2 of 4 rows of {tmp_path}/x.csv are skipped: no GeneratedTokens (2)",)


def test_burstgpts_layout(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type",
        "5,ChatGPT,472,18,490,Conversation log",
        "45.5,GPT-4,1087,0,1087,Conversation log",
        "118,ChatGPT,417,276,693,API log",
    )
    found = trace.read(path, vocabulary=5000)
    assert [(len(each.prompt), each.max_tokens, each.arrival) for each in found.requests(2, seed=0)] == [
        (472, 18, 5),
        (417, 276, 118),
    ]
    assert found.notes == (f"1 of 3 rows of {path} are skipped: no Response tokens (1)",)


def test_vllms_layout(tmp_path: Path) -> None:
    """The answer of unknown length ends where the model ends it."""
    path = written(tmp_path, "\ufeff" + json.dumps({"prompt": "a", "id": 7}), {"prompt": "b", "output_tokens": 5})
    found = trace.read(path)
    assert found.requests(2, seed=0) == [
        LoadRequest(prompt="a", max_tokens=256),
        LoadRequest(prompt="b", max_tokens=5, ignore_eos=True),
    ]
    assert "1 rows of" in found.notes[0]


def test_conversations_in_openais_words(tmp_path: Path) -> None:
    """A last turn of the assistant is the answer that was given."""
    turns = [{"role": "system", "content": "be"}, {"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    path = written(tmp_path, {"messages": [*turns, {"role": "assistant", "content": "a" * 40}]}, {"messages": turns})
    first, second = trace.read(path).requests(2, seed=0)
    assert first.prompt == second.prompt == (Message("system", "be"), Message("user", "hi"))
    assert (first.max_tokens, first.ignore_eos) == (10, True)
    assert (second.max_tokens, second.ignore_eos) == (256, False)


def test_sharegpt_as_published_has_conversations_that_no_request_can_be_made_of(tmp_path: Path) -> None:
    human, gpt = {"from": "human", "value": "hello"}, {"from": "gpt", "value": "a" * 41}
    rows = [
        {"id": "a", "conversations": []},
        {"id": "b", "conversations": [human]},
        {"id": "c"},
        {"id": "d", "conversations": [gpt, human, gpt]},
        {"id": "e", "conversations": [{"from": "system", "value": "be"}, human, gpt]},
        {"id": "f", "conversations": [{"from": "human", "value": " "}, gpt]},
        {"id": "g", "conversations": [{"from": "human", "value": "\ud83d"}, gpt]},
        {"id": "h", "conversations": [human, gpt]},
    ]
    found = trace.read(written(tmp_path, json.dumps(rows)))
    asked = Message("user", "hello")
    assert [row.prompt for row in found.rows] == [(asked,), (Message("system", "be"), asked), (asked,)]
    assert {row.max_tokens for row in found.rows} == {11}
    assert "5 of 8 rows of" in found.notes[0]
    assert "no question with an answer (2)" in found.notes[0]


def test_prompts_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    found = trace.read(written(tmp_path, {"input": 10_000_000, "output": 1}))
    with pytest.raises(InvalidInputError, match="at most 50,000,000 tokens together, but have 60,000,000"):
        found.requests(6, seed=0)
    with pytest.raises(InvalidInputError, match="at most 50,000,000 tokens together"):
        synthetic("9999999").requests(10, seed=0)


def test_a_trace_begins_again_after_a_mean_gap(tmp_path: Path) -> None:
    rows = [{"arrival": arrival, "prompt": "x", "output": 1} for arrival in (10, 12, 14)]
    found = trace.read(written(tmp_path, *rows))
    assert found.n_different == 3
    assert [each.arrival for each in found.requests(7, seed=0)] == [10, 12, 14, 16, 18, 20, 22]
    assert found.requests(7, seed=0)[:2] == found.requests(2, seed=0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has none"),
        (["{"], "jsonl, line 2: not valid JSON: Expecting property name"),
        (["[1, 2]"], "row 1: must be a JSON object, not 1"),
        ([f"[{'[' * 3000}"], "not valid JSON: it is nested too deep"),
        ([{"promt": "x", "output": 1}], "did you mean 'prompt'"),
        ([{"prompt": "x", "output": 1}, {"prompt": "x", "outptu": 1}], "jsonl, line 2: .*did you mean 'output'"),
        ([{"prompt": "x", "output": 0}], "'output' must be a whole number from 1"),
        ([{"prompt": "x", "output": 1, "output_tokens": 2}], "just one of output, output_tokens"),
        ([{"prompt": "x", "timestamp": 3}], "must have its time in 'arrival', in seconds"),
        ([{"prompt": "\ud83d", "output": 1}], "'prompt' holds half a character"),
        ([{"token_ids": [-1], "output": 1}], "'token_ids' must be a list of whole numbers from 0"),
        ([{"token_ids": [2**40], "output": 1}], "'token_ids' must be a list of whole numbers from 0"),
        ([{"prompt": "x", "output": True}], "not True"),
        ([{"prompt": "", "output": 1}], "jsonl, line 1: 'prompt' must not be empty"),
        ([{"prompt": "x", "input": 3, "output": 1}], "just one of"),
        ([{"token_ids": ["x"], "output": 1}], "a list of whole numbers"),
        ([{"messages": [{"role": "user"}], "output": 1}], "'content' of a turn, or its 'value' must be a text"),
        ([{"prompt": "x", "output": 1, "arrival": -1}], "at least 0"),
        ([{"prompt": "x", "output": 1, "arrival": 1}, {"prompt": "x", "output": 1}], "jsonl, line 2: every row"),
        ([{"input_length": 600, "output_length": 1, "hash_ids": ["a"]}], "'hash_ids' must be a list of whole numbers"),
        (
            [{"input_length": 700, "output_length": 1, "hash_ids": [1, 2, 3]}, MOON],
            "go with no one number of tokens",
        ),
        ([{"input_length": 7000, "output_length": 1, "hash_ids": [1, 2]}], "of 3,500 to 6,999 tokens each: say how"),
        ([{"timestamp": "now", "input_length": 6, "output_length": 1}], "'timestamp' must be a number"),
        (
            [{"conversations": [{"from": "human", "value": "x"}]}],
            "none of its 1 rows is one: no question with an answer",
        ),
        ([{"conversations": [3]}], "none of its 1 rows is one: 'conversations' must be a list of turns"),
        (["hello"], "must be JSON or CSV, but its first line is 'hello'"),
        (["TIMESTAMP,ContextTokens,GeneratedTokens", "yesterday,3,4"], "line 2: 'TIMESTAMP' must be a time such as"),
        (["TIMESTAMP,ContextTokens,GeneratedTokens", "2023-11-16 18:15:46,3"], "line 2: must have 3 cells, but has 2"),
        (["Timestamp,Request tokens,Response tokens", "5,x,4"], "line 2: 'Request tokens' must be a whole number"),
        (["Timestamp,Request tokens,Response tokens", "5,3,0"], "none of its 1 rows is one: no Response tokens"),
        (["a,b", "1,2"], "must have one of prompt, messages"),
    ],
)
def test_wrong_traces(tmp_path: Path, rows: list[object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        trace.read(written(tmp_path, *rows))


def test_a_long_trace_is_not_made_before_it_is_asked_for(tmp_path: Path) -> None:
    """A million tokens in each of 2000 lines would fill the memory."""
    rows = [{"input": 1_000_000, "output": 1}] * 2000
    found = trace.read(written(tmp_path, *rows), vocabulary=50_000)
    assert len(found.requests(1, seed=0)[0].prompt) == 1_000_000


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"cannot be read: No such file"):
        trace.read(tmp_path / "none.jsonl")
