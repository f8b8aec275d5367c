"""Answers of servers of every kind become samples, and what is no answer is a fault, whatever it is."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.engines.endpoint.capabilities import Capabilities, vllm_capabilities
from infertune.engines.openai.completion import Completion, read
from infertune.engines.openai.payload import Call, calls
from infertune.engines.openai.retry import Fault
from infertune.types import Decoding, Message, Request

# Tells the tokens of the text, but neither ids nor the last one.
OPENAI = Capabilities(n=True, stop=True, logprobs=True, raw_logprobs=True)


def call(*, n: int = 1, known: Capabilities = OPENAI, chat: bool = True, **decoding: Any) -> Call:
    request = Request(
        example_id="a",
        prompt=(Message("user", "Hi"),) if chat else "Hi",
        decoding=Decoding(**{"max_tokens": 8, **decoding}),
        samples=tuple(range(n)),
    )
    (made,) = calls(request, model="m", capabilities=known, extra_body={})
    return made


def choice(tokens: list[str], *, index: int = 0, reason: str = "stop", **message: Any) -> dict[str, Any]:
    return {
        "index": index,
        "message": {"role": "assistant", "content": "".join(tokens), **message},
        "finish_reason": reason,
        "logprobs": {
            "content": [{"token": token, "logprob": -0.5, "bytes": list(token.encode())} for token in tokens]
        },
    }


def answered(choices: list[dict[str, Any]], *, tokens: int, made: Call, known: Capabilities = OPENAI) -> Completion:
    plain = {"choices": choices, "usage": {"prompt_tokens": 5, "completion_tokens": tokens}}
    return read(made, json.dumps(plain).encode(), capabilities=known)


def test_an_end_of_text_token_that_is_counted_and_not_shown() -> None:
    answer = answered([choice(["Par", "is"])], tokens=3, made=call())
    (made,) = answer.generations
    assert made.token_ids == (-1, -1, -1)
    assert made.logprobs == (-0.5, -0.5, 0.0)
    assert made.text_ends == (3, 5, 5)
    assert answer.completion_tokens == 3


def test_thoughts_come_before_the_text_whether_shown_or_not() -> None:
    hidden = answered([choice(["Paris"])], tokens=4, made=call()).generations[0]
    assert hidden.text_ends == (0, 0, 5, 5)
    shown = choice(["Well", ",", "Paris"], reasoning_content="Well,")
    shown["message"]["content"] = "Paris"
    seen = answered([shown], tokens=3, made=call()).generations[0]
    assert (seen.text, seen.text_ends) == ("Paris", (0, 0, 5))


def test_tokens_that_no_choice_shows_are_paid_all_the_same() -> None:
    two = [choice(["a"], index=1), choice(["b", "c"], index=0)]
    answer = answered(two, tokens=5, made=call(n=2))
    assert [made.text for made in answer.generations] == ["bc", "a"]
    assert (answer.unused_tokens, answer.completion_tokens) == (2, 5)


def test_a_choice_without_any_text() -> None:
    empty = choice([])
    empty["message"]["content"] = None
    (made,) = answered([empty], tokens=1, made=call()).generations
    assert (made.text, made.token_ids, made.text_ends) == ("", (-1,), (0,))


def test_only_the_sum_is_known_where_nothing_is_told() -> None:
    known = Capabilities()
    made = call(known=known)
    plain = {"index": 0, "message": {"content": "Paris"}, "finish_reason": "length"}
    (sample,) = answered([plain], tokens=2, made=made, known=known).generations
    assert (sample.token_ids, sample.logprobs, sample.text_ends) == ((-1, -1), (), ())
    assert sample.finish_reason == "length"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda plain: plain["choices"].append(plain["choices"][0]),
        lambda plain: plain["choices"].clear(),
        lambda plain: plain["choices"][0].update(index=1),
        lambda plain: plain["choices"][0].update(finish_reason="abort"),
        lambda plain: plain["choices"][0].update(logprobs=None),
        lambda plain: plain["choices"][0]["logprobs"]["content"][0].update(logprob=0.7),
        lambda plain: plain["choices"][0]["logprobs"]["content"][0].update(bytes=[999]),
        lambda plain: plain["usage"].update(completion_tokens=99),
    ],
)
def test_what_was_not_promised_is_a_fault(spoil: Any) -> None:
    plain = {"choices": [choice(["Par", "is"])], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}
    spoil(plain)
    with pytest.raises(Fault, match="an answer that cannot be used") as fault:
        read(call(), json.dumps(plain).encode(), capabilities=OPENAI)
    assert fault.value.may_be_paid and fault.value.blame == "attempt"
    if plain.get("usage", {}).get("prompt_tokens") == 5:
        assert fault.value.prompt_tokens == 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PATHS = st.lists(
    st.sampled_from(
        ["choices", 0, "usage", "message", "logprobs", "content", "index", "logprob", "bytes", "token_ids"]
    ),
    max_size=6,
)


@given(PATHS, JSON, st.booleans())
def test_anything_in_any_place_is_an_answer_or_a_fault(path: list[Any], value: Any, all_told: bool) -> None:
    known = replace(vllm_capabilities(), seed=False) if all_told else OPENAI
    plain: Any = {
        "choices": [choice(["Par", "is"]) | {"token_ids": [1, 2]}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }
    place, last = None, None
    here = plain
    for step in path:
        try:
            here, place, last = here[step], here, step
        except (KeyError, IndexError, TypeError):
            continue
    if place is not None:
        place[last] = value
    try:
        answer = read(call(known=known), json.dumps(plain).encode(), capabilities=known)
    except Fault:
        return
    (made,) = answer.generations
    assert len(made.token_ids) == len(made.logprobs) == len(made.text_ends) <= 8
    assert all(logprob <= 0 for logprob in made.logprobs)
    assert not made.token_ids or made.text_ends[-1] == len(made.text)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_fault(body: bytes) -> None:
    with pytest.raises(Fault):
        read(call(), body, capabilities=OPENAI)
