"""Servers with an oddity each: what the look passes the engine can use, and the bill is what the server really did."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from odd_endpoint import Body, OddEndpoint
from toy_endpoint import ToyServer

from infertune.engines.openai.engine import OpenAIEngine
from infertune.engines.probing import probe as probing
from infertune.types import Decoding, Message, Request, Response

CHAT = (Message("user", "Name a random animal, a random colour and a random town."),)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path))
    monkeypatch.setattr("infertune.engines.openai.retry.FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr("infertune.engines.probing.probe_client.FIRST_WAIT_SECONDS", 0.001)


def each_choice(change: Callable[[Body], Any]) -> Callable[[Body, Body], Body]:
    def alter(body: Body, answer: Body) -> Body:
        for choice in answer["choices"]:
            change(choice)
        return answer

    return alter


def usage_as(form: Callable[[Body], Any]) -> Callable[[Body, Body], Body]:
    return lambda body, answer: answer | {"usage": form(answer["usage"])}


def no(name: str, taken: Callable[[Any], bool]) -> Callable[[Body], tuple[int, Body] | None]:
    """Refuse a field whose value is not taken."""
    return lambda body: (
        (422, {"error": f"`{name}` must not be {body[name]}"}) if name in body and not taken(body[name]) else None
    )


def older(choice: Body) -> None:
    if "message" in choice and choice.get("logprobs"):
        each = choice["logprobs"]["content"]
        choice["logprobs"] = {
            "tokens": [token["token"] for token in each],
            "token_logprobs": [token["logprob"] for token in each],
            "top_logprobs": [{top["token"]: top["logprob"] for top in token["top_logprobs"]} for token in each],
        }


def parts(choice: Body) -> None:
    if "message" in choice:
        text = choice["message"]["content"]
        choice["message"]["content"] = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": text}]


def never(body: Body) -> None:
    return None


NOTHING_TOLD = ("ignores:logprobs", "ignores:return_token_ids")
FORMS: dict[str, OddEndpoint] = {
    "usage in floats": OddEndpoint(alter=usage_as(lambda u: {name: float(n) for name, n in u.items()})),
    "usage as texts": OddEndpoint(alter=usage_as(lambda u: {name: str(n) for name, n in u.items()})),
    "usage by other names": OddEndpoint(
        alter=usage_as(lambda u: {"input_tokens": u["prompt_tokens"], "output_tokens": u["completion_tokens"]})
    ),
    "usage as a total": OddEndpoint(alter=usage_as(lambda u: {"total_tokens": u["total_tokens"]})),
    "no numbers of choices": OddEndpoint(alter=each_choice(lambda choice: choice.pop("index"))),
    "no finish_reason": OddEndpoint(alter=each_choice(lambda choice: choice.update(finish_reason=None))),
    "other finish_reasons": OddEndpoint(
        alter=each_choice(
            lambda choice: choice.update(
                finish_reason={"stop": "end_turn", "length": "MAX_TOKENS"}[choice["finish_reason"]]
            )
        )
    ),
    "older log probabilities": OddEndpoint(alter=each_choice(older)),
    "content in parts": OddEndpoint(*NOTHING_TOLD, alter=each_choice(parts)),
    "top_p below 1": OddEndpoint(refuse=no("top_p", lambda p: 0 < p < 1)),
    "top_k above 0": OddEndpoint(refuse=no("top_k", lambda k: k > 0)),
    "min_p above 0": OddEndpoint(refuse=no("min_p", lambda p: p > 0)),
    "penalty other than 1": OddEndpoint(refuse=no("repetition_penalty", lambda p: p != 1)),
    "no likeliest tokens": OddEndpoint(refuse=no("top_logprobs", lambda n: False)),
}


def engine_on(server: ToyServer) -> OpenAIEngine:
    return OpenAIEngine("toy", base_url=server.base_url, again=True)


def wish(example: str = "a", n: int = 5, **decoding: Any) -> Request:
    settings = Decoding(**{"max_tokens": 8, **decoding})
    return Request(example_id=example, prompt=CHAT, decoding=settings, samples=tuple(range(n)))


def paid(responses: list[Response]) -> int:
    return sum(
        each.prompt_tokens + each.completion_tokens + each.extra_prompt_tokens + each.extra_completion_tokens
        for each in responses
    )


@pytest.mark.parametrize("form", FORMS)
def test_what_the_look_passes_the_engine_can_use(form: str) -> None:
    toy = FORMS[form]
    with ToyServer(toy) as server:
        engine = engine_on(server)
        refused = [row for row in engine.probe.rows if row.verdict == "refused"]  # type: ignore[union-attr]
        found = list(engine.generate([wish(), wish("b", temperature=0.7), wish("c", stop=("zq",)), wish("d", n=1)]))
        engine.close()
    assert not refused or form == "no likeliest tokens"
    assert engine.capabilities.stop and engine.capabilities.top_p and engine.capabilities.repetition_penalty
    assert [each.error for each in found] == [""] * 4
    assert {len(each.token_ids) for response in found for each in response.generations} == {8}
    assert all(each.text and each.finish_reason == "length" for response in found for each in response.generations)
    assert paid(found) == toy.n_tokens  # the look is booked with the first response


def first_only(body: Body, answer: Body) -> Body:
    n = len(answer["choices"])
    usage = answer["usage"] | {"completion_tokens": answer["usage"]["completion_tokens"] // n}
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    return answer | {"choices": answer["choices"][:1], "usage": usage}


def at_most(n: int) -> Callable[[Body], tuple[int, Body] | None]:
    return lambda body: (400, {"error": {"message": f"n must be at most {n}"}}) if body.get("n", 1) > n else None


def each_pays(body: Body, answer: Body) -> Body:
    usage = answer["usage"] | {"prompt_tokens": answer["usage"]["prompt_tokens"] * len(answer["choices"])}
    return answer | {"usage": usage | {"total_tokens": usage["prompt_tokens"] + usage["completion_tokens"]}}


@pytest.mark.parametrize("told", [(), NOTHING_TOLD], ids=["told", "nothing told"])
@pytest.mark.parametrize(
    ("odd", "share", "n_calls"),
    [
        ({}, None, 1),
        ({"refuse": at_most(1)}, 1, 5),
        ({"alter": first_only}, 1, 5),
        ({"refuse": at_most(2)}, 2, 3),
        ({"refuse": at_most(4)}, 4, 2),
        ({"refuse": at_most(8)}, 8, 1),
        ({"refuse": at_most(11)}, 11, 1),
        ({"alter": each_pays}, 1, 1),
    ],
)
def test_samples_are_asked_for_and_billed_as_the_server_does(
    odd: dict[str, Any], share: int | None, n_calls: int, told: tuple[str, ...]
) -> None:
    toy = OddEndpoint(*told, **odd)
    with ToyServer(toy) as server:
        engine = engine_on(server)
        assert engine.samples_per_prompt == share
        before = len(toy.bodies)
        (found,) = engine.generate([wish()])
        engine.close()
    probe = engine.probe
    assert probe is not None
    assert (found.error, len(toy.bodies) - before) == ("", n_calls)
    assert len({each.text for each in found.generations}) == 5
    assert found.prompt_tokens == len(CHAT[0].content.split())
    n_prompts = 1 if share is None else -(-5 // share)
    again = found.extra_prompt_tokens - probe.prompt_tokens
    assert again == (n_prompts - 1) * found.prompt_tokens
    assert found.completion_tokens == 40 and found.extra_completion_tokens == probe.completion_tokens


def test_seeds_that_do_not_nest_are_given_up_for_samples_that_share_a_prompt() -> None:
    toy = OddEndpoint("apart")
    with ToyServer(toy) as server:
        engine = engine_on(server)
        before = len(toy.bodies)
        list(engine.generate([wish()]))
        engine.close()
    assert engine.facts["seeded"] == "no"
    assert [(body.get("n"), "seed" in body) for body in toy.bodies[before:]] == [(5, False)]


@pytest.mark.parametrize("least", [2, 16, 23])
def test_the_least_max_tokens_is_found_and_smaller_ones_are_left_out(least: int) -> None:
    with ToyServer(OddEndpoint(refuse=no("max_tokens", lambda n: n >= least))) as server:
        engine = engine_on(server)
        (found,) = engine.generate([wish(max_tokens=least - 1)])
        engine.close()
    assert engine.capabilities.least_max_tokens == least
    assert found.refused and f"below {least}" in found.error
    assert any((each.name, each.below) == ("decoding.max_tokens", least) for each in engine.unsupported)


def test_the_fifth_stop_text_is_cut_here() -> None:
    def four(body: Body) -> tuple[int, Body] | None:
        return (400, {"error": "array too long"}) if len(body.get("stop", ())) > 4 else None

    toy = OddEndpoint(refuse=four)
    with ToyServer(toy) as server:
        engine = engine_on(server)
        (whole,) = engine.generate([wish(n=1)])
        fifth = whole.generations[0].text.split()[3]
        (found,) = engine.generate([wish(n=1, stop=("zq1", "zq2", "zq3", "zq4", fifth))])
        engine.close()
    assert engine.capabilities.most_stops == 4
    assert found.generations[0].text == whole.generations[0].text.partition(fifth)[0]
    assert found.generations[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("taken", "least", "most"),
    [
        (lambda t: t > 0, 0.01, None),
        (lambda t: t >= 0.05, 0.1, None),
        (lambda t: t <= 1, 0.0, 1.0),
        (lambda t: 0 < t <= 1, 0.01, 1.0),
    ],
)
def test_the_range_of_temperature_is_found(taken: Callable[[float], bool], least: float, most: float | None) -> None:
    toy = OddEndpoint(refuse=no("temperature", taken))
    with ToyServer(toy) as server:
        engine = engine_on(server)
        engine.close()
    assert (engine.capabilities.least_temperature, engine.capabilities.most_temperature) == (least, most)
    verdicts = {row.setting: row.verdict for row in engine.probe.rows}  # type: ignore[union-attr]
    assert not {"refused", "ignored"} & set(verdicts.values())  # texts at 0.1 are not all greedy


def test_thoughts_that_nothing_limits_are_paid_tokens() -> None:
    def beside(body: Body, answer: Body) -> Body:
        for choice in answer["choices"]:
            if "message" in choice:
                choice["message"]["reasoning_content"] = "hm " * 20
        usage = answer["usage"]
        n = 20 * len(answer["choices"])
        details = {"completion_tokens_details": {"reasoning_tokens": n}}
        return answer | {"usage": usage | {"completion_tokens": usage["completion_tokens"] - n} | details}

    toy = OddEndpoint(*NOTHING_TOLD, alter=beside, thoughts=20)
    with ToyServer(toy) as server:
        engine = engine_on(server)
        (found,) = engine.generate([wish(n=3)])
        engine.close()
    assert [len(each.token_ids) for each in found.generations] == [28] * 3
    assert "hm" not in found.generations[0].text
    assert paid([found]) == toy.n_tokens


@pytest.mark.parametrize("n", [10**18, 10**9, -5, "many"])
def test_one_bill_that_cannot_be_spoils_nothing(n: Any) -> None:
    odd: list[int] = []

    def alter(body: Body, answer: Body) -> Body:
        odd.append(1)
        return answer | ({"usage": {"prompt_tokens": n, "completion_tokens": n}} if len(odd) % 7 == 0 else {})

    toy = OddEndpoint(alter=alter)
    with ToyServer(toy) as server:
        engine = engine_on(server)
        found = list(engine.generate([wish(str(number)) for number in range(30)]))
        engine.close()
    assert not any(each.error for each in found)
    assert 0.9 * toy.n_tokens < paid(found) < 1.2 * toy.n_tokens


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, {"error": {"code": "content_filter", "message": "the prompt was filtered"}}),
        (403, {"error": {"message": "your input was flagged by moderation"}}),
        (200, {"error": {"code": "content_filter", "message": "the prompt was filtered"}}),
        (200, {"choices": [{"message": {"content": None}, "finish_reason": "content_filter"}]}),
        (200, {"choices": [{"message": {"content": None, "refusal": "I was filtered"}, "finish_reason": "stop"}]}),
    ],
)
def test_what_a_filter_withholds_is_final_at_once(status: int, answer: Body) -> None:
    toy = OddEndpoint(refuse=lambda body: (status, answer) if "bad" in json.dumps(body["messages"]) else None)
    toy_paths = OddEndpoint._answer

    def only_chat(self: OddEndpoint, path: str, body: Body) -> tuple[int, Body]:
        return toy_paths(self, path, body) if "messages" in body else (404, {})

    toy._answer = only_chat.__get__(toy)  # type: ignore[method-assign]
    with ToyServer(toy) as server:
        engine = engine_on(server)
        before = len(toy.bodies)
        bad = Request(example_id="bad", prompt=(Message("user", "bad"),), decoding=Decoding(max_tokens=8))
        found = {each.request.example_id: each for each in engine.generate([bad, wish(n=1)])}
        engine.close()
    assert found["bad"].refused and not found["a"].error
    assert any(word in found["bad"].error for word in ("filter", "moderation"))
    assert len(toy.bodies) - before == 2


@pytest.mark.parametrize("status", [204, 302, 404, 403])
def test_one_odd_status_among_many_is_a_failed_attempt(status: int) -> None:
    counts = [0]

    def refuse(body: Body) -> tuple[int, Body] | None:
        counts[0] += "zq" in body.get("stop", ())
        return (status, {}) if counts[0] and counts[0] % 10 == 5 else None

    toy = OddEndpoint(refuse=refuse)
    with ToyServer(toy) as server:
        engine = engine_on(server)
        found = list(engine.generate([wish(str(number), n=1, stop=("zq",)) for number in range(40)]))
        engine.close()
    assert len(found) == 40 and not any(each.error for each in found)


def test_a_slow_server_is_asked_what_is_needed_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "LONGEST_SECONDS", 0.0)
    toy = OddEndpoint()
    with ToyServer(toy) as server:
        engine = engine_on(server)
        engine.close()
    verdicts = {row.setting: row.verdict for row in engine.probe.rows}  # type: ignore[union-attr]
    needed = {"chat", "completions", "max_tokens", "temperature", "n"}
    assert {name for name, verdict in verdicts.items() if verdict == "honoured"} == needed
    assert all("slow" in engine.probe.row(name).seen for name in verdicts.keys() - needed)  # type: ignore[union-attr]
