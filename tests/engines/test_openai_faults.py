"""An endpoint on bad days: what is answered is what would have been, what is paid is booked, and an end is told."""

import itertools
import math
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from infertune.engines.endpoint.capabilities import vllm_capabilities
from infertune.engines.openai.engine import EndpointGone, OpenAIEngine
from infertune.engines.openai.retry import MAX_ATTEMPTS, Timeouts
from infertune.errors import EngineError
from infertune.testing import ChaosProxy, FakeEngine, OpenAIServer
from infertune.testing.chaos_proxy import SPOILINGS, Spoiling
from infertune.types import Decoding, Request, Response

SHORT = Timeouts(patience_seconds=30.0, timeout_seconds=5.0, hedge_seconds=0.2)
NO_COPIES = Timeouts(patience_seconds=30.0, timeout_seconds=5.0, hedge_seconds=100.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infertune.engines.openai.retry.FIRST_WAIT_SECONDS", 0.02)


def wishes(n: int, *, n_samples: int = 2, **decoding: Any) -> list[Request]:
    settings = Decoding(**{"max_tokens": 12, **decoding})
    samples = tuple(range(n_samples))
    return [Request(example_id=str(i), prompt=f"question {i}", decoding=settings, samples=samples) for i in range(n)]


def connect(base_url: str, **options: Any) -> OpenAIEngine:
    return OpenAIEngine(
        "fake", **{"base_url": base_url, "capabilities": vllm_capabilities(), "timeouts": SHORT, **options}
    )


def by_example(responses: Iterator[Response]) -> dict[str, Response]:
    return {response.request.example_id: response for response in responses}


@pytest.mark.parametrize("kind", SPOILINGS)
def test_answers_and_bill_are_exact_under_every_fault(kind: Spoiling) -> None:
    requests = wishes(60)
    with OpenAIServer(FakeEngine()) as server:
        engine = connect(server.base_url)
        clean = by_example(engine.generate(requests))
        engine.close()
        paid_before = (server.prompt_tokens, server.completion_tokens)
        with ChaosProxy(server.base_url, spoilings=[kind], share=0.2, retry_after="0", pause_seconds=0.5) as proxy:
            engine = connect(proxy.base_url, timeouts=SHORT if kind == "pause" else NO_COPIES)
            spoiled = by_example(engine.generate(requests))
            engine.close()
            assert proxy.counts[kind] >= 5
        assert {key: each.generations for key, each in spoiled.items()} == {
            key: each.generations for key, each in clean.items()
        }
        booked = (
            sum(each.prompt_tokens + each.extra_prompt_tokens for each in spoiled.values()),
            sum(each.completion_tokens + each.extra_completion_tokens for each in spoiled.values()),
        )
        paid = (server.prompt_tokens - paid_before[0], server.completion_tokens - paid_before[1])
        extra = sum(each.extra_prompt_tokens for each in spoiled.values())
        if kind == "pause":  # a copy may be taken back before the server has seen it
            assert paid[0] <= booked[0] and paid[1] <= booked[1]
            assert extra <= 2 * (1 + 60 // 10)
        else:
            assert booked == paid
            assert (extra == 0) == (kind in ("busy", "error"))


class Scripted(OpenAIServer):
    """Answers what a function says where it says anything."""

    def __init__(self, script: Any, **options: Any) -> None:
        super().__init__(FakeEngine(), **options)
        self.script = script

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        scripted: tuple[int, dict[str, Any]] | None = self.script(body)
        return super().answer(path, body) if scripted is None else scripted


def refusing(status: int, needle: str) -> Any:
    """Return a script that refuses prompts with this text in them."""

    def script(body: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        return (status, {"error": {"message": "no\x1b[31m\nthanks"}}) if needle in body["prompt"] else None

    return script


@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_request_that_is_never_answered_while_others_are_has_failed(status: int) -> None:
    with Scripted(refusing(status, "question 3")) as server:
        engine = connect(server.base_url)
        found = by_example(engine.generate(wishes(10)))
        engine.close()
    assert {key for key, each in found.items() if each.error} == {"3"}
    for_good = status < 500  # the server may yet answer what it failed at, not what it refused
    assert found["3"].refused == for_good
    assert found["3"].error.removeprefix("refused: ") == f"HTTP {status}: no [31m thanks"
    assert not found["3"].generations


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"choices": [], "usage": {"prompt_tokens": 1}}, "choices"),
        ({"choices": [{"index": 0, "text": "a", "finish_reason": "stop"}]}, "no log probabilities"),
        (
            {
                "choices": [{"index": 0, "text": "a", "finish_reason": "stop", "logprobs": None, "token_ids": [1]}],
                "usage": {"prompt_tokens": 1},
            },
            "no log probabilities",
        ),
        (
            {
                "choices": [
                    {
                        "index": 0,
                        "text": "a",
                        "finish_reason": "stop",
                        "token_ids": [1],
                        "logprobs": {"tokens": ["a"], "token_logprobs": [float("nan")]},
                    }
                ],
                "usage": {"prompt_tokens": 1},
            },
            "cannot be used",
        ),
        (
            {
                "choices": [
                    {
                        "index": 0,
                        "text": "a",
                        "finish_reason": "content_filter",
                        "token_ids": [1],
                        "logprobs": {"tokens": ["a"], "token_logprobs": [-1.0]},
                    }
                ],
                "usage": {"prompt_tokens": 1},
            },
            "content_filter",
        ),
    ],
)
def test_an_answer_that_is_none_is_never_a_sample(answer: dict[str, Any], said: str) -> None:
    with Scripted(lambda body: (200, answer) if "question 1" in body["prompt"] else None) as server:
        engine = connect(server.base_url)
        found = by_example(engine.generate(wishes(3, n_samples=1)))
        engine.close()
    assert said in found["1"].error
    assert not found["0"].error and not found["2"].error


def test_attempts_that_told_nothing_are_booked_where_the_request_fails_for_good() -> None:
    with Scripted(lambda body: (200, {"choices": []}) if "question 3" in body["prompt"] else None) as server:
        engine = connect(server.base_url, concurrency=1)
        found = by_example(engine.generate(wishes(4)))
        engine.close()
    usual = sum(found[key].completion_tokens for key in "012") / 6  # of a sample
    assert found["3"].error and not found["3"].refused
    assert found["3"].extra_prompt_tokens == MAX_ATTEMPTS * 3  # as "question 3" is reckoned
    assert found["3"].extra_completion_tokens == MAX_ATTEMPTS * math.ceil(2 * usual)


def test_a_missing_key_ends_it_at_once_with_what_to_do() -> None:
    with OpenAIServer(FakeEngine(), key="sk-right") as server:
        with pytest.raises(EngineError, match="api_key_env or api_key_file"):
            connect(server.base_url)


def test_another_model_name_ends_it_at_once_with_the_nearest() -> None:
    with OpenAIServer(FakeEngine(), model="llama-8b") as server:
        engine = OpenAIEngine("lama-8b", base_url=server.base_url, capabilities=vllm_capabilities())
        with pytest.raises(EngineError, match="did you mean 'llama-8b'"):
            list(engine.generate(wishes(3)))
        engine.close()
        assert len(server.bodies) <= 3


def test_nothing_there_is_one_message() -> None:
    with OpenAIServer(FakeEngine()) as server:
        url = server.base_url
    with pytest.raises(EngineError, match="there must be a server at"):
        connect(url)


def test_an_endpoint_that_goes_away_gives_back_what_it_has_not_answered() -> None:
    requests = wishes(200)
    pulled = itertools.count()
    with OpenAIServer(FakeEngine()) as server:
        engine = connect(server.base_url, timeouts=Timeouts(patience_seconds=0.5))
        answered: list[Response] = []
        with pytest.raises(EndpointGone, match=r"answered nothing for 0\.5 s") as gone:
            for response in engine.generate(request for request, _ in zip(requests, pulled, strict=False)):
                answered.append(response)
                if len(answered) == 50:
                    server.close()
        engine.close()
    n_pulled = next(pulled)
    unanswered = gone.value.unanswered
    assert list(unanswered) == sorted(unanswered, key=requests.index)
    assert not any(response.error for response in answered)
    ids = [response.request.example_id for response in answered] + [request.example_id for request in unanswered]
    assert sorted(ids, key=int) == [request.example_id for request in requests[:n_pulled]]
    with OpenAIServer(FakeEngine()) as server:
        engine = connect(server.base_url)
        assert len(list(engine.generate([*unanswered, *requests[n_pulled:]]))) == 200 - len(answered)
        engine.close()


def test_an_endpoint_that_asks_to_wait_for_hours_is_gone_at_once() -> None:
    with OpenAIServer(FakeEngine()) as server:
        with ChaosProxy(server.base_url, spoilings=["busy"], share=1.0, retry_after="7200") as proxy:
            engine = connect(proxy.base_url)
            with pytest.raises(EndpointGone, match=r"asks to wait 7200 s.*HTTP 429: too busy"):
                list(engine.generate(wishes(3)))
            engine.close()


def test_a_dead_process_is_noticed_before_patience_ends() -> None:
    dead = threading.Event()

    def script(body: dict[str, Any]) -> None:
        dead.set()
        forever.wait(30)

    forever = threading.Event()
    with Scripted(script) as server:
        engine = connect(server.base_url, timeouts=Timeouts(), alive=lambda: not dead.is_set())
        with pytest.raises(EndpointGone, match="process has ended") as gone:
            list(engine.generate(wishes(3)))
        assert [request.example_id for request in gone.value.unanswered] == ["0", "1", "2"]
        forever.set()
        engine.close()


@pytest.mark.parametrize("seeded", [True, False])
def test_only_what_comes_out_the_same_is_sent_twice(seeded: bool) -> None:
    """Of two different samples the first to arrive is the shorter, so a copy of an unseeded one would mislead."""
    straggler = Request(example_id="late", prompt="straggler", decoding=Decoding(max_tokens=12), samples=(0,))
    sent = itertools.count(1)
    copied = threading.Event()

    def script(body: dict[str, Any]) -> None:
        if body["prompt"] == "straggler":
            if next(sent) == 1:
                copied.wait(60.0 if seeded else 3.0)  # 3 s: late enough for a copy, if one were sent
            else:
                copied.set()

    with Scripted(script) as server:
        timeouts = Timeouts(patience_seconds=120.0, timeout_seconds=120.0, hedge_seconds=0.1)
        engine = connect(server.base_url, capabilities=vllm_capabilities(seed=seeded), timeouts=timeouts)
        list(engine.generate(wishes(60, n_samples=1)))  # how long an answer takes is known only by those seen
        (response,) = engine.generate([straggler])
        engine.close()
    assert not response.error
    assert copied.is_set() == seeded
    assert (response.extra_prompt_tokens > 0) == seeded
