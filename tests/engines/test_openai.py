"""The engine over a real HTTP server: the contract, what is sent and paid, and what happens when it is ended."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from infertune.engines.endpoint.capabilities import Capabilities, vllm_capabilities
from infertune.engines.openai.engine import OpenAIEngine
from infertune.errors import EngineError, InvalidInputError
from infertune.testing import EngineContract, FakeEngine, OpenAIServer
from infertune.types import Decoding, Message, Request


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(FakeEngine()) as server:
        yield server


@pytest.fixture(scope="module")
def engine(server: OpenAIServer) -> Iterator[OpenAIEngine]:
    engine = OpenAIEngine("fake", base_url=server.base_url, capabilities=vllm_capabilities())
    yield engine
    engine.close()


class TestOpenAIEngine(EngineContract):
    pass


def wish(example: str = "a", *, samples: tuple[int, ...] = (0,), prompt: Any = "Say", **decoding: Any) -> Request:
    return Request(example_id=example, prompt=prompt, decoding=Decoding(**decoding), samples=samples)


def sent_by(server: OpenAIServer, request: Request, known: Capabilities, **options: Any) -> list[dict[str, Any]]:
    """Return the bodies that a request becomes."""
    engine = OpenAIEngine("fake", base_url=server.base_url, capabilities=known, **options)
    before = len(server.bodies)
    (response,) = engine.generate([request])
    engine.close()
    assert not response.error
    return sorted(server.bodies[before:], key=lambda body: body.get("seed", 0))


# What is sent


def test_only_what_is_honoured_is_sent(server: OpenAIServer) -> None:
    (body,) = sent_by(server, wish(temperature=0.5, max_tokens=9), Capabilities())
    assert body == {"model": "fake", "prompt": "Say", "max_tokens": 9, "temperature": 0.5}


def test_what_is_off_is_not_sent_for_some_servers_refuse_every_way_to_say_so(server: OpenAIServer) -> None:
    (body,) = sent_by(server, wish(temperature=0.5), replace(vllm_capabilities(), seed=False))
    assert not {"top_p", "top_k", "min_p", "repetition_penalty", "stop", "seed"} & body.keys()
    (body,) = sent_by(server, wish(top_p=0.9, min_p=0.1), replace(vllm_capabilities(), seed=False))
    assert (body["top_p"], body["min_p"]) == (0.9, 0.1) and "top_k" not in body


def test_samples_whose_seeds_follow_one_another_are_one_call(server: OpenAIServer) -> None:
    bodies = sent_by(server, wish(samples=(7, 0, 3, 4, 5)), vllm_capabilities())
    first = bodies[0]["seed"]
    assert [(body["seed"] - first, body.get("n", 1)) for body in bodies] == [(0, 1), (3, 3), (7, 1)]
    assert all(0 <= body["seed"] < 2**31 for body in bodies)


def test_seeds_that_do_not_nest_are_one_call_each(server: OpenAIServer) -> None:
    bodies = sent_by(server, wish(samples=(0, 1, 2)), replace(vllm_capabilities(), seed_nests=False))
    assert [body["seed"] - bodies[0]["seed"] for body in bodies] == [0, 1, 2]
    assert not any("n" in body for body in bodies)


def test_settings_share_their_seeds_and_examples_do_not(server: OpenAIServer) -> None:
    def seed(request: Request) -> int:
        return int(sent_by(server, request, vllm_capabilities())[0]["seed"])

    assert seed(wish("a", temperature=0.5)) == seed(wish("a", temperature=1.5, top_p=0.5))
    assert seed(wish("a")) != seed(wish("b"))
    assert seed(wish("a")) != seed(replace(wish("a"), seed=1))


def test_the_extra_body_is_in_every_request_and_in_the_facts(server: OpenAIServer) -> None:
    extra = {"chat_template_kwargs": {"enable_thinking": False}}
    chat = wish(prompt=(Message("user", "Hello"),))
    for given in (extra, '{"chat_template_kwargs": {"enable_thinking": false}}'):
        (body,) = sent_by(server, chat, vllm_capabilities(), extra_body=given)
        assert body["chat_template_kwargs"] == {"enable_thinking": False}
    plain, changed = (
        OpenAIEngine("fake", base_url=server.base_url, capabilities=vllm_capabilities(), extra_body=each)
        for each in ({}, extra)
    )
    assert dict(plain.facts) != dict(changed.facts)


def test_a_setting_that_is_not_honoured_fails_and_is_not_dropped(server: OpenAIServer) -> None:
    engine = OpenAIEngine("fake", base_url=server.base_url, capabilities=replace(vllm_capabilities(), min_p=False))
    hot, cold = engine.generate([wish(min_p=0.1), wish(min_p=0.1, temperature=0.0)])
    hot, cold = sorted((hot, cold), key=lambda response: response.request.decoding.temperature, reverse=True)
    assert "does not honour min_p" in hot.error
    assert not cold.error  # at temperature 0 it has no effect
    assert [each.name for each in engine.unsupported] == ["decoding.min_p"]
    engine.close()


# What is paid and told


def test_without_n_the_prompt_is_paid_for_every_sample_and_costs_one_in_use(server: OpenAIServer) -> None:
    engine = OpenAIEngine("fake", base_url=server.base_url, capabilities=replace(vllm_capabilities(), n=False))
    (response,) = engine.generate([wish(samples=(0, 1, 2), prompt="Say four words now")])
    engine.close()
    assert (response.prompt_tokens, response.extra_prompt_tokens) == (4, 8)


def test_stop_texts_are_cut_here_where_the_server_does_not(server: OpenAIServer, engine: OpenAIEngine) -> None:
    request = wish(samples=tuple(range(8)), stop=("e", "日"), max_tokens=20)
    other = OpenAIEngine("fake", base_url=server.base_url, capabilities=replace(vllm_capabilities(), stop=False))
    (there,), (here,) = engine.generate([request]), other.generate([request])
    other.close()
    assert here.generations == there.generations
    assert here.extra_completion_tokens > 0 == there.extra_completion_tokens


@pytest.mark.parametrize(
    ("known", "tokens", "places", "logprobs"),
    [
        (replace(vllm_capabilities(), token_ids=False), False, True, True),
        (replace(vllm_capabilities(), raw_logprobs=False), True, True, False),
        (replace(vllm_capabilities(), raw_logprobs=False, token_ids=False), False, True, False),
        (replace(vllm_capabilities(), logprobs=False, raw_logprobs=False), True, False, False),
        (replace(vllm_capabilities(), logprobs=False, raw_logprobs=False, token_ids=False), False, False, False),
    ],
)
def test_what_a_server_does_not_tell_is_not_made_up(
    server: OpenAIServer, engine: OpenAIEngine, known: Capabilities, tokens: bool, places: bool, logprobs: bool
) -> None:
    request = wish(samples=(0, 1, 2))
    other = OpenAIEngine("fake", base_url=server.base_url, capabilities=known)
    (full,), (part,) = engine.generate([request]), other.generate([request])
    other.close()
    for whole, poor in zip(full.generations, part.generations, strict=True):
        assert poor.text == whole.text
        assert len(poor.token_ids) == len(whole.token_ids) or not (tokens or places)
        assert poor.token_ids == (whole.token_ids if tokens else (-1,) * len(poor.token_ids))
        assert poor.logprobs == (whole.logprobs if logprobs else ())
        assert poor.text_ends == (whole.text_ends if places else ())
    assert part.completion_tokens == full.completion_tokens  # where only the sum is known, it is shared out evenly
    lacking = {(each.name, each.value) for each in other.unsupported}
    assert (("decoding.max_tokens", None) in lacking) == (not places)
    assert (("strategy.name", "best_of_n") in lacking) == (not logprobs)


def test_facts_survive_another_port_and_tell_no_secrets(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with OpenAIServer(FakeEngine()) as other:
        one, two = (
            dict(OpenAIEngine("fake", base_url=each.base_url, capabilities=vllm_capabilities()).facts)
            for each in (server, other)
        )
    assert one == two
    assert "secret" not in repr(one) and "127" not in repr(one)


# Room, ends


class Gathering(OpenAIServer):
    """Answers when so many calls are inside at once."""

    def __init__(self, n_calls: int) -> None:
        super().__init__(FakeEngine())
        self.together = threading.Barrier(n_calls, timeout=20)
        self.inside = self.most_inside = 0

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.together.wait()
        self.inside -= 1
        return super().answer(path, body)


def test_no_more_samples_are_in_flight_than_allowed() -> None:
    with Gathering(2) as server:
        engine = OpenAIEngine("fake", base_url=server.base_url, capabilities=vllm_capabilities(), concurrency=4)
        assert len(list(engine.generate(wish(str(n), samples=(0, 1)) for n in range(20)))) == 20
        assert server.most_inside == 2
        engine.close()


class Hanging(OpenAIServer):
    """Answers the first calls, and the others only when it ends."""

    def __init__(self, n_answered: int) -> None:
        super().__init__(FakeEngine())
        self.left = n_answered
        self.end = threading.Event()

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.left -= 1
        if self.left < 0:
            self.end.wait(60)
        return super().answer(path, body)


def test_leaving_early_cancels_what_is_in_flight_and_leaves_nothing() -> None:
    with Hanging(1) as server:
        engine = OpenAIEngine("fake", base_url=server.base_url, capabilities=vllm_capabilities())
        responses = engine.generate(wish(str(n)) for n in range(16))
        next(responses)
        responses.close()  # type: ignore[attr-defined]
        assert engine._loop is not None
        assert not asyncio.all_tasks(engine._loop)
        server.end.set()
        assert len(list(engine.generate([wish("again")]))) == 1
        thread = engine._thread
        engine.close()
        engine.close()
        assert thread is not None and not thread.is_alive()
        with pytest.raises(EngineError, match="closed"):
            next(engine.generate([wish()]))


def test_an_engine_closed_with_requests_in_flight_ends_them() -> None:
    with Hanging(1) as server:
        engine = OpenAIEngine("fake", base_url=server.base_url, capabilities=vllm_capabilities())
        responses = engine.generate(wish(str(n)) for n in range(16))
        next(responses)
        engine.close()
        responses.close()  # type: ignore[attr-defined]
        server.end.set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_url": "http://me:hunter2@127.0.0.1/v1"}, "must not hold a user or a password"),
        ({"base_url": "127.0.0.1:8000/v1"}, "must be a URL such as"),
        ({"base_url": "http://127.0.0.1/v1?key=hunter2"}, "must end before any"),
        ({"base_url": "http://127.0.0.1:9/v1", "concurrency": 0}, "at least 1"),
        ({"base_url": "http://127.0.0.1:9/v1", "extra_body": "[1]"}, "JSON object"),
        ({"base_url": "http://127.0.0.1:9/v1", "extra_body": "{"}, "JSON object"),
    ],
)
def test_wrong_options_are_one_message(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as error:
        OpenAIEngine("fake", capabilities=Capabilities(), **options)
    assert "hunter2" not in str(error.value)
