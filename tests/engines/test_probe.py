"""The probe judges by effect: a right endpoint honours all, and each defect is seen for what it is."""

import itertools
import json
import threading
import zlib
from collections import Counter
from typing import Any

import httpx
import pytest
from toy_endpoint import ToyEndpoint, ToyServer

from infertune.engines.endpoint.api_key import Key
from infertune.engines.openai.unsupported import lacking
from infertune.engines.probing import probe_client
from infertune.engines.probing.probe import Probe, ProbeStep, probe
from infertune.engines.probing.probe_client import Endpoint
from infertune.errors import EngineError
from infertune.testing.chaos_proxy import SPOILINGS, ChaosProxy

ALL = {
    *("chat", "completions", "max_tokens", "temperature", "n", "top_p", "top_k", "min_p", "repetition_penalty"),
    *("stop", "logprobs", "raw_logprobs", "token_ids", "seed", "seed_nests"),
}
CPU_METRICS = 'vllm:cache_config_info{block_size="128",cpu_kvcache_space_bytes="4294967296"} 1.0\n'
GPU_METRICS = 'vllm:cache_config_info{block_size="16",cpu_kvcache_space_bytes="None"} 1.0\n'


def probed(toy: ToyEndpoint, **options: object) -> Probe:
    with toy.client() as client:
        return probe(client, model="toy", **options)  # type: ignore[arg-type]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait between two attempts."""
    monkeypatch.setattr(probe_client, "FIRST_WAIT_SECONDS", 0.001)


def verdicts(found: Probe) -> dict[str, str]:
    return {row.setting: row.verdict for row in found.rows}


@pytest.mark.parametrize("defects", [(), ("ties",), ("noise",), ("ties", "noise")], ids=str)
def test_a_right_endpoint_honours_everything(defects: tuple[str, ...]) -> None:
    """Also where likeliest tokens tie, and where a text turns now and then with what else is in the batch."""
    found = probed(ToyEndpoint(*defects))
    assert verdicts(found) == dict.fromkeys(ALL, "honoured")
    capabilities = found.capabilities
    assert (
        capabilities.temperature
        and capabilities.logprobs
        and capabilities.seed_nests
        and not capabilities.max_completion_tokens
    )
    assert capabilities.extra == ()


# What a defect makes of the settings; all others must still be honoured.
DEFECTS = {
    **{f"ignores:{name}": {name: "ignored"} for name in ("top_p", "top_k", "min_p", "repetition_penalty", "stop")},
    **{f"refuses:{name}": {name: "refused"} for name in ("top_p", "top_k", "min_p", "repetition_penalty", "stop")},
    "ignores:return_token_ids": {"token_ids": "ignored"},
    "refuses:return_token_ids": {"token_ids": "refused"},
    "ignores:logprobs": {"logprobs": "ignored", "raw_logprobs": "not tried"},
    "refuses:logprobs": {"logprobs": "refused", "raw_logprobs": "not tried"},
    "processed": {"raw_logprobs": "ignored"},
    "ignores:seed": {"seed": "ignored", "seed_nests": "not tried"},
    "refuses:seed": {"seed": "refused", "seed_nests": "not tried"},
    "apart": {"seed_nests": "ignored"},
    "ignores:n": {"n": "ignored", "seed_nests": "not tried"},
    "refuses:n": {"n": "refused", "seed_nests": "not tried"},
    "copies": {"n": "ignored", "seed_nests": "not tried"},
    "leaves stop": {"stop": "ignored"},
    "no completions": {"completions": "refused"},
    "no chat": {"chat": "refused"},
    "newer limit": {},
}


@pytest.mark.parametrize("noise", [(), ("ties", "noise")], ids=str)
@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_seen_and_nothing_else_suffers(defect: str, noise: tuple[str, ...]) -> None:
    found = probed(ToyEndpoint(defect, *noise))
    assert verdicts(found) == dict.fromkeys(ALL, "honoured") | DEFECTS[defect]


@pytest.mark.parametrize("defect", ["", *DEFECTS])
def test_what_is_left_out_rests_on_one_verdict_that_the_table_shows(defect: str) -> None:
    """No setting is honoured in one line and missing in another: each reason quotes a row that is not honoured."""
    found = probed(ToyEndpoint(*([defect] if defect else [])))
    honoured = {row.setting for row in found.rows if row.verdict == "honoured"}
    gone = {
        each.value or each.name.removeprefix("decoding."): each.reason
        for each in lacking(found.capabilities, (), found)
    }
    for name, reason in gone.items():
        needed = {"chat": "chat", "plain": "completions", "max_tokens": "logprobs"}.get(str(name), str(name))
        if name == "best_of_n":
            needed = "raw_logprobs" if "logprobs" in honoured else "logprobs"
        row = found.row(needed)
        assert row.verdict != "honoured"
        assert reason.endswith(f"({row.verdict}: {row.seen})")
        assert needed in reason or needed == name
    assert ("max_tokens" in gone) == ("logprobs" not in honoured)
    assert ("best_of_n" in gone) == (not {"logprobs", "raw_logprobs"} <= honoured)


def test_each_step_is_told_with_the_time_that_is_left() -> None:
    steps: list[ProbeStep] = []
    paid: list[int] = []
    found = probed(
        ToyEndpoint(),
        extra={"presence_penalty": (-2.0, 2.0)},
        on_step=steps.append,
        on_paid=lambda *tokens: paid.append(sum(tokens)),
    )
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert {step.n_steps for step in steps} == {len(steps)}
    tried = " ".join(step.setting for step in steps)
    assert all(row.setting.removeprefix("raw_").removesuffix("_nests") in tried for row in found.rows[2:])
    assert all(0 <= step.seconds_left < 90 for step in steps)
    assert paid == sorted(paid) and 0 < paid[0] < paid[-1] == found.tokens


def test_an_endpoint_of_one_temperature_is_seen() -> None:
    found = verdicts(probed(ToyEndpoint("ignores:temperature")))
    assert found["temperature"] == "ignored"
    assert found["top_p"] == found["min_p"] == "honoured"
    assert verdicts(probed(ToyEndpoint("refuses:temperature")))["temperature"] == "refused"


def test_the_newer_name_of_the_limit_is_found() -> None:
    found = probed(ToyEndpoint("newer limit"))
    assert found.capabilities.max_completion_tokens
    assert probed(ToyEndpoint()).capabilities.max_completion_tokens is False


@pytest.mark.parametrize(("defect", "verdict"), [("ignores", "ignored"), ("refuses", "refused"), ("", "honoured")])
def test_an_argument_of_any_name_is_tried_at_its_two_ends(defect: str, verdict: str) -> None:
    toy = ToyEndpoint(*([f"{defect}:presence_penalty"] if defect else []))
    found = probed(toy, extra={"presence_penalty": (-2.0, 2.0)})
    assert found.row("presence_penalty").verdict == verdict
    assert found.capabilities.extra == (("presence_penalty",) if not defect else ())


def test_an_argument_that_acts_on_sampling_only_is_seen_by_seeds() -> None:
    """Greedy text does not know it; without seeds nothing can be said, which is not honoured."""
    seeded = probed(ToyEndpoint(), extra={"top_p": (0.1, 1.0)})
    assert seeded.row("top_p").verdict == "honoured"
    blind = probed(ToyEndpoint("ignores:seed"), extra={"nonsense": (0, 1)})
    assert blind.row("nonsense").verdict == "unclear"
    assert blind.capabilities.extra == ()


def test_what_cannot_be_limited_cannot_be_used() -> None:
    with pytest.raises(EngineError, match="must honour max_tokens"):
        probed(ToyEndpoint("ignores:max_tokens"))
    with pytest.raises(EngineError, match="must honour max_tokens"):
        probed(ToyEndpoint("ignores:max_tokens", "uncounted"))


def test_where_tokens_are_not_counted_a_limit_is_seen_by_the_texts() -> None:
    found = probed(ToyEndpoint("uncounted"))
    assert verdicts(found) == dict.fromkeys(ALL, "honoured")
    assert "no tokens are counted" in found.row("max_tokens").seen
    assert found.prompt_tokens > 0 < found.completion_tokens  # judged by the texts


@pytest.mark.parametrize("seed", range(3))
def test_bad_days_of_an_endpoint_are_not_blamed_on_its_settings(seed: int, quick: None) -> None:
    """Busy, broken and half answers are asked for again, as are those that lack a choice."""
    toy = ToyEndpoint()
    with ToyServer(toy) as server:
        kinds = [kind for kind in SPOILINGS if kind not in ("stalled", "pause")]
        with ChaosProxy(server.base_url, share=0.3, spoilings=kinds, retry_after="0", seed=seed) as proxy:
            with httpx.Client(base_url=proxy.base_url) as client:
                found = probe(client, model="toy")
    assert sum(proxy.counts[kind] for kind in kinds) > 10
    assert verdicts(found) == dict.fromkeys(ALL, "honoured")


def test_an_endpoint_that_stays_busy_is_no_verdict(quick: None) -> None:
    toy = ToyEndpoint()
    toy.answer = lambda path, body: (429, {"error": "slow down"})  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="too busy to be probed: HTTP 429: slow down"):
        probed(toy)


def test_a_wrong_model_is_named_with_the_nearest() -> None:
    with ToyEndpoint().client() as client, pytest.raises(EngineError, match="did you mean 'toy'"):
        probe(client, model="toys")


def test_an_endpoint_that_answers_neither_way_is_quoted() -> None:
    with pytest.raises(EngineError, match="Not Found"):
        probed(ToyEndpoint("no chat", "no completions"))


def test_the_cost_is_all_that_was_generated() -> None:
    toy = ToyEndpoint()
    found = probed(toy)
    assert found.n_requests == len(toy.bodies)
    assert 0 < found.completion_tokens < 4000
    assert found.tokens == found.prompt_tokens + found.completion_tokens
    assert max(body.get("n", 1) for body in toy.bodies) <= 12


@pytest.mark.parametrize(
    ("owned_by", "metrics", "sent"),
    [
        ("vllm", CPU_METRICS, False),
        ("vllm", "", False),
        ("somebody", CPU_METRICS, False),
        ("vllm", GPU_METRICS, True),
        ("somebody", "", True),
    ],
)
def test_a_server_that_may_be_vllm_on_a_cpu_gets_no_seed(owned_by: str, metrics: str, sent: bool) -> None:
    toy = ToyEndpoint(owned_by=owned_by, metrics=metrics)
    found = probed(toy, extra={"nonsense": (0, 1)})
    assert any("seed" in body for body in toy.bodies) is sent
    assert found.capabilities.seed is sent
    assert found.row("seed").verdict == ("honoured" if sent else "not tried")


def test_seeds_known_to_be_safe_are_probed() -> None:
    assert probed(ToyEndpoint(owned_by="vllm", metrics=CPU_METRICS), seeds_safe=True).capabilities.seed


def test_no_key_is_quoted() -> None:
    toy = ToyEndpoint("refuses:min_p")
    answer = toy.answer
    toy.answer = lambda path, body: (  # type: ignore[method-assign]
        (400, {"error": {"message": "Bearer sk-secret-1 may not"}}) if "min_p" in body else answer(path, body)
    )
    with toy.client() as client:
        found = probe(client, model="toy", key=Key("sk-secret-1"))
    assert found.row("min_p").verdict == "refused"
    assert "sk-secret-1" not in repr(found) and "[key]" in found.row("min_p").seen


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"choices": 3}',
        b'{"choices": [{"index": 1, "text": "a"}]}',
        b'{"choices": [{"index": 0, "text": "a"}, {"index": 0, "text": "b"}]}',
        b'{"choices": [{"index": 0, "text": "a", "logprobs": {"token_logprobs": [NaN]}}]}',
        b'{"choices": [{"index": 0, "text": "a", "logprobs": {"token_logprobs": [1, 2], "top_logprobs": [null]}}]}',
        b'\xff{"choices": []}',
    ],
)
def test_an_answer_that_is_none_is_no_answer(body: bytes, quick: None) -> None:
    client = httpx.Client(
        base_url="http://x/v1", transport=httpx.MockTransport(lambda request: httpx.Response(200, content=body))
    )
    with client, pytest.raises(EngineError, match="an answer of another form"):
        probe(client, model="toy")
    assert Endpoint(client, model="toy").n_requests == 0


@pytest.mark.parametrize(("concurrency", "most"), [(None, 8), (16, 2), (3, 1)])
def test_load_is_bounded(concurrency: int | None, most: int) -> None:
    toy = ToyEndpoint()
    under_way = [0]
    peak = [0]
    lock = threading.Lock()

    def handle(request: httpx.Request) -> httpx.Response:
        with lock:
            under_way[0] += 1
            peak[0] = max(peak[0], under_way[0])
        try:
            return toy.respond(request)
        finally:
            with lock:
                under_way[0] -= 1

    with httpx.Client(base_url="http://toy/v1", transport=httpx.MockTransport(handle)) as client:
        probe(client, model="toy", concurrency=concurrency)
    assert 1 <= peak[0] <= most


def test_at_a_flaky_endpoint_questions_with_bad_luck_are_asked_again(quick: None) -> None:
    """Where two calls of five fail, a few of a probe's many questions fail eight times in a row."""
    toy, asked = ToyEndpoint(), Counter[str]()
    right = toy.answer
    faults = itertools.cycle([(429, {"error": "slow down"}), (500, {"error": "oops"}), (200, "later")])

    def answer(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        text = json.dumps(body, sort_keys=True)
        asked[text] += 1
        luck = zlib.crc32(text.encode()) % 10
        n_faults = {0: 8, 1: 1, 2: 1, 3: 2}.get(luck, 0)
        return next(faults) if asked[text] <= n_faults else right(path, body)

    toy.answer = answer  # type: ignore[method-assign]
    assert verdicts(probed(toy)) == dict.fromkeys(ALL, "honoured")
    assert max(asked.values()) > 8
