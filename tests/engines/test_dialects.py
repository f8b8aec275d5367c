"""What a kind of server says otherwise is probed and sent in its own words, and counted as it is."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from llama_like_endpoint import DEFAULTS, MOST_N, SAMPLERS, LlamaLikeEndpoint
from toy_endpoint import ToyEndpoint, ToyServer

from infertune.engines.endpoint.capabilities import Capabilities
from infertune.engines.openai.engine import OpenAIEngine
from infertune.engines.openai.payload import calls
from infertune.engines.probing.probe import Probe, probe
from infertune.types import Decoding, Request


def probed(toy: ToyEndpoint) -> Probe:
    with toy.client() as client:
        return probe(client, model="toy")


def sent(server: str, decoding: Decoding, **known: Any) -> dict[str, Any]:
    settings = dict.fromkeys(("top_p", "top_k", "min_p", "repetition_penalty", "token_ids", "logprobs"), True)
    capabilities = Capabilities(server=server, **settings, **known)
    request = Request(example_id="a", prompt="Once", decoding=decoding, samples=(0,))
    (call,) = calls(request, model="m", capabilities=capabilities, extra_body={})
    found: dict[str, Any] = json.loads(call.body)
    return found


def test_a_server_of_other_habits_honours_everything() -> None:
    found = probed(LlamaLikeEndpoint())
    assert {row.setting: row.verdict for row in found.rows if row.verdict != "honoured"} == {}
    assert found.row("repetition_penalty").seen.endswith("sent as repeat_penalty")
    assert (found.server.name, found.limits.most_n, found.limits.counts_one) == ("llama.cpp", MOST_N, True)
    assert found.capabilities.warpers == "repetition_penalty,top_k,top_p,min_p,temperature"


def test_no_request_of_the_look_asks_for_more_samples_than_come() -> None:
    toy = LlamaLikeEndpoint()
    probed(toy)
    numbers = [body.get("n", 1) for body in toy.bodies]
    assert max(numbers) > MOST_N  # that is how the limit was found
    assert sum(number > MOST_N for number in numbers) <= 4
    assert all(body.get("n", 1) <= MOST_N for body in toy.bodies if "seed" in body)


@pytest.mark.parametrize("samplers", [None, 3, [], ["top_k"], ["top_k"] * 5, [["top_k"]], SAMPLERS[:-1]], ids=str)
def test_an_order_that_is_none_is_the_usual_one(samplers: Any) -> None:
    toy = LlamaLikeEndpoint(samplers=samplers)
    assert probed(toy).capabilities.warpers == "repetition_penalty,top_k,top_p,min_p,temperature"


def test_another_order_is_believed() -> None:
    toy = LlamaLikeEndpoint(samplers=SAMPLERS[::-1])
    assert probed(toy).capabilities.warpers == "temperature,min_p,top_p,top_k,repetition_penalty"


def test_neutral_is_said_where_silence_means_another_value() -> None:
    body = sent("llama.cpp", Decoding(max_tokens=4))
    assert {name: body[name] for name in DEFAULTS} == {"top_k": 0, "top_p": 1.0, "min_p": 0.0}
    assert body["repeat_penalty"] == 1.0
    assert not {"repetition_penalty", "return_token_ids"} & body.keys()
    assert not {*DEFAULTS, "repetition_penalty"} & sent("vllm", Decoding(max_tokens=4)).keys()


def test_a_setting_goes_by_the_servers_own_name_and_over_all_of_the_text() -> None:
    decoding = Decoding(max_tokens=4, repetition_penalty=1.2, top_p=0.9)
    body = sent("llama.cpp", decoding)
    assert (body["repeat_penalty"], body["top_p"], "repetition_penalty" in body) == (1.2, 0.9, False)
    assert body["repeat_last_n"] > 2**15
    assert sent("vllm", decoding)["repetition_penalty"] == 1.2


def test_a_setting_of_ones_own_goes_before_a_neutral_one() -> None:
    decoding = Decoding(max_tokens=4, extra=(("repeat_penalty", 1.3),))
    assert sent("llama.cpp", decoding, extra=("repeat_penalty",))["repeat_penalty"] == 1.3


@pytest.mark.parametrize("stop", [(), ("b", "d", "f", "g", "k", "l", "m", "n")], ids=["whole", "empty"])
def test_every_token_of_its_samples_is_told_and_counted(stop: tuple[str, ...]) -> None:
    """Of texts that end at once it tells no log probabilities, and of several samples it counts one."""
    toy = LlamaLikeEndpoint()
    with ToyServer(toy) as server:
        engine = OpenAIEngine("toy", base_url=server.base_url, capabilities=probed(toy).capabilities)
        try:
            decoding = Decoding(temperature=1.0, max_tokens=5, stop=stop)
            asked = [Request(example_id="a", prompt="Once more", decoding=decoding, samples=tuple(range(12)))]
            (response,) = list(engine.generate(asked))
        finally:
            engine.close()
    assert not response.error
    assert [body["n"] for body in toy.bodies[-2:]] in ([8, 4], [4, 8])
    made = [len(each.token_ids) for each in response.generations]
    assert made == ([0] * 12 if stop else [5] * 12)
    assert all(-1 not in each.token_ids for each in response.generations)


def test_a_server_that_takes_settings_as_a_text_gets_them_so() -> None:
    body = sent("transformers", Decoding(max_tokens=4, temperature=0.7, top_k=5, top_p=0.9))
    assert (body["temperature"], body["top_p"]) == (0.7, 0.9)
    assert json.loads(body["generation_config"]) == {
        "top_k": 5,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "do_sample": True,
    }
    assert not {"top_k", "min_p", "repetition_penalty"} & body.keys()
    greedy = sent("transformers", Decoding(max_tokens=4, temperature=0.0))
    assert json.loads(greedy["generation_config"])["do_sample"] is False


class Gateway(ToyEndpoint):
    """Shows of vLLM behind it nothing but the mark in its answers, and has token ids in a place of its own."""

    def _answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        status, answer = super()._answer(path, body)
        if status == 200:
            answer["system_fingerprint"] = "vllm-0.32.0-2a254291"
            for choice in answer["choices"]:
                choice["provider_specific_fields"] = {"token_ids": choice.pop("token_ids", None)}
        return status, answer


def test_vllm_behind_a_gateway_is_known_by_its_answers_and_gets_no_seed() -> None:
    toy = Gateway(owned_by="openai")
    found = probed(toy)
    assert (found.server.name, found.server.version, found.server.may_be_cpu) == ("vllm", "0.32.0", True)
    assert not any("seed" in body for body in toy.bodies)
    others = {row.setting: row.verdict for row in found.rows if row.verdict != "honoured"}
    assert others == {"seed": "not tried", "seed_nests": "not tried"}


@pytest.mark.parametrize("mark", [None, 3, "", "fp_44709d6fcb", {"a": "vllm-1"}, "x" * 10_000], ids=repr)
def test_other_marks_are_nobodys(mark: Any) -> None:
    toy = ToyEndpoint()
    answer = toy.answer
    toy.answer = lambda path, body: (  # type: ignore[method-assign]
        (made := answer(path, body))[0],
        made[1] | {"system_fingerprint": mark},
    )
    assert probed(toy).server.name == "other"


@pytest.mark.parametrize(("server", "word"), [("llama.cpp", "close"), ("vllm", "keep-alive")])
def test_a_server_of_few_threads_gets_a_connection_for_each_request(server: str, word: str) -> None:
    """A kept one holds a thread, and requests on the others starve: its connections are counted, and its words."""
    toy = ToyEndpoint()
    seen: list[tuple[int, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            seen.append((self.client_address[1], self.headers["Connection"]))
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told = json.dumps(toy.answer(self.path, body)[1]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        url = f"http://127.0.0.1:{listening.server_port}/v1"
        engine = OpenAIEngine("toy", base_url=url, capabilities=Capabilities(server=server), concurrency=1)
        seen.clear()  # of the look for the right path
        asked = [Request(example_id=str(i), prompt="Once", decoding=Decoding(max_tokens=2)) for i in range(5)]
        assert not any(each.error for each in engine.generate(asked))
        engine.close()
        listening.shutdown()
    assert {said for _, said in seen} == {word}
    assert len({port for port, _ in seen}) == (5 if word == "close" else 1)
