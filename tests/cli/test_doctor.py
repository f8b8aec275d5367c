"""The doctor says what a server honours, in words and as data, and ends with 4 where nothing can be generated."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Infertune
from toy_endpoint import ToyEndpoint, ToyServer

from infertune import plugins
from infertune.testing import FakeEngine
from infertune.testing.openai_server import OpenAIServer
from infertune.types import Unsupported


@pytest.fixture
def right() -> Iterator[ToyServer]:
    with ToyServer(ToyEndpoint()) as server:
        yield server


@pytest.fixture
def careless() -> Iterator[ToyServer]:
    with ToyServer(ToyEndpoint("ignores:min_p", "refuses:top_k", "no completions")) as server:
        yield server


def looking_at(server: OpenAIServer) -> tuple[str, ...]:
    return ("doctor", "--engine", "openai", "--base-url", server.base_url, "--model", "toy")


def test_the_table_has_a_line_a_setting(infertune: Infertune, careless: ToyServer) -> None:
    result = infertune(*looking_at(careless), "--task", "capitals")
    assert result.code == 0, result.err
    table, _, leaves = result.out.partition("Left out of the search space of capitals:")
    lines = {line.split()[0]: line for line in table.splitlines() if line.strip()}
    assert " ignored " in lines["min_p"] and "distinct of 16 samples at 0.999" in lines["min_p"]
    assert " refused " in lines["top_k"] and "HTTP 400: unknown argument top_k" in lines["top_k"]
    assert " honoured " in lines["top_p"] and " refused " in lines["completions"]
    assert "unknown" in lines["price"]
    for gone in ("min_p is not searched and stays at 0:", "top_k is not", "prompt=capitals-quiz is left out"):
        assert gone in leaves
    assert "top_p" not in leaves and "capitals-chat is left out" not in leaves
    assert "\x1b" not in result.out


def test_a_right_server_keeps_the_space_whole(infertune: Infertune, right: ToyServer) -> None:
    result = infertune(*looking_at(right), "--task", "capitals")
    assert "The whole search space of capitals can be searched." in result.out


def test_what_is_honoured_is_never_called_missing(infertune: Infertune) -> None:
    """A server that gives log probabilities, but nothing by which to tell whether they are the model's own."""
    with OpenAIServer(FakeEngine(), model="toy") as server:
        result = infertune(*looking_at(server), "--task", "capitals")
    assert result.code == 0, result.err
    table, _, left_out = result.out.partition("Left out of the search space of capitals:")
    lines = {line.split()[0]: line for line in table.splitlines() if line.strip()}
    assert " honoured " in lines["logprobs"] and " honoured " in lines["token_ids"]
    assert " unclear " in lines["raw_logprobs"]
    assert "max_tokens" not in left_out, "text can be cut, for the tokens are told"
    (reason,) = [part for part in " ".join(left_out.split()).split(" - ") if "best_of_n" in part]
    assert "it needs raw_logprobs, which the server does not honour (unclear: no likeliest tokens" in reason


def test_seeds_are_told_by_their_one_verdict(infertune: Infertune) -> None:
    with ToyServer(ToyEndpoint("refuses:seed")) as server:
        lines = {line.split()[0]: line for line in infertune(*looking_at(server)).out.splitlines() if line.strip()}
    assert " refused " in lines["seed"]
    assert "not sent (refused: HTTP 400: unknown argument seed)" in lines["seeds"]


def test_an_engine_that_is_not_probed_lists_what_it_lacks(
    infertune: Infertune, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Poor(FakeEngine):
        unsupported = (Unsupported(name="decoding.min_p", reason="it has none"),)

        def __init__(self, model: str) -> None:
            super().__init__()

    monkeypatch.setattr(plugins, "load", lambda kind, name: Poor)
    out = infertune("doctor", "--engine", "poor").out
    assert "Not honoured:" in out and "decoding.min_p: it has none" in out
    assert "Every setting is honoured" not in out


def test_progress_is_on_standard_error_and_says_what_is_tried(infertune: Infertune, right: ToyServer) -> None:
    result = infertune(*looking_at(right))
    assert "probe" in result.err and "max_tokens, step 1 of 10" in result.err
    assert "step 1 of" not in result.out


def test_data_for_scripts(infertune: Infertune, careless: ToyServer, tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(
        "currency: EUR\nmodels: {toy: {prompt_per_million: 1, completion_per_million: 2}}\n"
    )
    found = infertune(*looking_at(careless), "--json", "--prices", "prices.yaml").json
    probe = found["probe"]
    assert probe["rows"]["min_p"]["verdict"] == "ignored"
    assert probe["honours"]["min_p"] is False and probe["honours"]["top_p"] is True
    assert probe["tokens"] == probe["prompt_tokens"] + probe["completion_tokens"] > 0
    assert probe["n_requests"] >= len(careless.toy.bodies)
    assert found["prices"] == {"prompt_per_million": 1.0, "completion_per_million": 2.0, "currency": "EUR"}
    assert {each["name"] for each in found["unsupported"]} == {"decoding.min_p", "decoding.top_k", "prompt.kind"}


def test_a_setting_of_the_users_own_is_looked_at(infertune: Infertune, right: ToyServer, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(
        "decoding.presence_penalty: {low: -2, high: 2, step: 1, default: 0, tier: request}\n"
        "decoding.nonsense: {choices: [0, 1], tier: request}\n"
    )
    result = infertune(*looking_at(right), "--task", "capitals", "--space", "space.yaml")
    lines = {line.split()[0]: line for line in result.out.splitlines() if line.strip()}
    assert " honoured " in lines["presence_penalty"]
    assert "nonsense is left out: the server does not honour it (ignored" in result.out


def test_code_4_where_nothing_can_be_generated(infertune: Infertune, right: ToyServer) -> None:
    wrong = infertune(*looking_at(right)[:-1], "toys")
    assert (wrong.code, wrong.out) == (4, "")
    assert "did you mean 'toy'?" in wrong.err
    with ToyServer(ToyEndpoint()) as gone:
        arguments = looking_at(gone)
    result = infertune(*arguments)
    assert result.code == 4
    assert "there must be a server at" in result.err


def test_a_key_that_is_refused_is_code_4_and_not_shown(infertune: Infertune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_KEY", "sk-wrong-1234")
    with ToyServer(ToyEndpoint(), key="sk-right-1234") as server:
        result = infertune(*looking_at(server), "--api-key-env", "TOY_KEY")
        assert result.code == 4
        assert "sk-wrong-1234" not in result.out + result.err
        monkeypatch.setenv("TOY_KEY", "sk-right-1234")
        assert infertune(*looking_at(server), "--api-key-env", "TOY_KEY").code == 0


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["--engine", "openai"], "the engine 'openai' needs --base-url"),
        (["--engine", "opennai"], "did you mean 'openai'?"),
        (["--base-url", "http://127.0.0.1:1/v1"], "together with --engine openai"),
        (["--engine", "openai", "--base-url", "http://u:p@127.0.0.1:1/v1"], "must not hold a user or a password"),
        (["--engine", "openai", "--base-url", "localhost:1"], "must be a URL"),
        (["--engine", "openai", "--base-url", "http://127.0.0.1:1/v1", "--set", "n=1"], "together with --task"),
        (["--engine", "openai", "--base-url", "http://127.0.0.1:1/v1", "--task", "capitols"], "'capitals'"),
    ],
)
def test_one_message(infertune: Infertune, arguments: list[str], fragment: str) -> None:
    result = infertune("doctor", *arguments)
    assert (result.code, result.out) == (2, "")
    assert fragment in " ".join(result.err.split())


@pytest.mark.model
def test_this_machine(infertune: Infertune) -> None:
    result = infertune("doctor")
    assert result.code == 0
    for part in ("python", "cores", "memory", "torch", "vllm", "engines", "bundled:smollm2-135m"):
        assert part in result.out
    found = json.loads(infertune("doctor", "--json").out)
    assert found["n_cores"] >= 1 and found["memory_bytes"] > 2**28
    assert {"hf", "openai"} <= set(found["engines"])
