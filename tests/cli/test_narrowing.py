"""What an engine does not honour is left out by optimize and refused by evaluate, before anything is spent."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from command import Infertune
from toy_endpoint import ToyEndpoint, ToyServer

from infertune import plugins
from infertune.api.evaluation import order_note
from infertune.testing.fake_engine import FakeEngine
from infertune.types import Unsupported

OPTIMIZE = ("optimize", "--task", "capitals", "--engine", "poor", "--budget-tokens", "20k", "--set", "n=1,3")


class PoorEngine(FakeEngine):
    """Honours no min_p, ranks nothing, takes chat only."""

    built: ClassVar[list["PoorEngine"]] = []

    def __init__(self, model: str) -> None:
        super().__init__()
        self.built.append(self)

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        return [
            Unsupported(name="decoding.min_p", reason="it is ignored"),
            Unsupported(name="strategy.name", value="best_of_n", reason="it ranks nothing"),
            Unsupported(name="prompt.kind", value="plain", reason="it takes chat only"),
        ]


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> type[PoorEngine]:
    load = plugins.load

    def loading(kind: str, name: str) -> Any:
        return PoorEngine if (kind, name) == ("engines", "poor") else load(kind, name)

    monkeypatch.setattr(plugins, "load", loading)
    monkeypatch.setattr(PoorEngine, "built", [])
    return PoorEngine


def test_optimize_says_it_and_asks_for_none_of_it(infertune: Infertune, engine: type[PoorEngine]) -> None:
    result = infertune(*OPTIMIZE, "--json")
    assert result.code == 0, result.err
    said = ["min_p is not searched and stays at 0: it is ignored", "voter=best_of_n is left out: it ranks nothing"]
    for note in said:
        assert f"Note: {note}." in result.err
        assert note in result.json["notes"]
    requests = engine.built[0].requests
    assert requests
    assert all(request.decoding.min_p == 0 and not isinstance(request.prompt, str) for request in requests)
    assert {each["configuration"]["strategy.name"] for each in result.json["tune"]["front"]} <= {"first", "majority"}


def test_evaluate_refuses_what_sets_it(infertune: Infertune, engine: type[PoorEngine]) -> None:
    evaluate = ("evaluate", "--task", "capitals", "--engine", "poor", "--examples", "3")
    assert infertune(*evaluate).code == 0
    for setting, fragment in (
        ("min_p=0.1", "decoding.min_p must be 0 on this engine, but is 0.1: it is ignored"),
        ("prompt=capitals-quiz", "prompt.template must not be capitals-quiz on this engine: it takes chat only"),
    ):
        result = infertune(*evaluate, "--set", setting)
        assert (result.code, result.out) == (2, "")
        assert fragment in " ".join(result.err.split())
        assert not engine.built[-1].requests


def test_an_engine_without_a_setting_says_so(infertune: Infertune, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("decoding.presence_penalty: {low: 0, high: 2, step: 1, tier: request}\n")
    result = infertune(*OPTIMIZE, "--space", "space.yaml")
    assert result.code == 2
    assert "the engine 'poor' has no setting decoding.presence_penalty" in result.err


def test_prices_come_from_a_file(infertune: Infertune, tmp_path: Path) -> None:
    """They are shown where the budget is not one of money too."""
    (tmp_path / "prices.yaml").write_text(
        "currency: EUR\nmodels: {invented: {prompt_per_million: 1, completion_per_million: 2}}\n"
    )
    priced = (*OPTIMIZE, "--prices", "prices.yaml", "--model")
    found = infertune(*priced, "invented", "--json").json["spent"]
    assert found["money"] == pytest.approx((found["prompt_tokens"] + 2 * found["completion_tokens"]) / 1e6)
    assert found["currency"] == "EUR"
    assert f"which is {found['money']:.4g} EUR" in infertune(*priced, "invented").out
    unknown = infertune(*priced, "inventd")
    assert unknown.code == 2 and "did you mean 'invented'?" in unknown.err
    twice = infertune(*priced, "invented", "--price-prompt", "1", "--price-completion", "1")
    assert twice.code == 2 and "must not be given together" in twice.err
    assert yaml.safe_load((tmp_path / "capitals.yaml").read_text())["model"] == "invented"


def test_a_study_on_an_endpoint_that_ignores_min_p(infertune: Infertune, tmp_path: Path) -> None:
    """From the probe to the books: nothing is asked of what is ignored, and every token is accounted for."""
    toy = ToyEndpoint("ignores:min_p", "ignores:nonsense")
    (tmp_path / "space.yaml").write_text(
        "decoding.presence_penalty: {low: 0, high: 2, step: 1, default: 0, tier: request}\n"
        "decoding.nonsense: {choices: [0, 1], tier: request}\n"
    )
    with ToyServer(toy) as server:
        endpoint = ("--engine", "openai", "--base-url", server.base_url, "--model", "toy")
        result = infertune(
            *("optimize", "--task", "capitals", *endpoint, "--budget-tokens", "30k", "--set", "n=1,3"),
            *("--space", "space.yaml", "--json"),
        )
        bodies, n_tokens = list(toy.bodies), toy.n_tokens
        again = infertune("evaluate", "--config", "capitals.yaml", "--set", "min_p=0.1")
        asked_min_p = [body for body in toy.bodies if "min_p" in body and body["min_p"] != 0.999]
    assert again.code == 2 and "decoding.min_p must be 0 on this engine, but is 0.1" in again.err
    assert not asked_min_p
    assert result.code == 0, result.err
    study = bodies[int(re.search(r"in (\d+) requests", result.err)[1]) :]  # type: ignore[index]
    assert study
    assert not any("min_p" in body or "nonsense" in body for body in study)
    assert {body["presence_penalty"] for body in study if "presence_penalty" in body} == {0, 1, 2}
    notes = " ".join(result.json["notes"])
    assert "min_p is not searched and stays at 0: the server does not honour it (ignored: " in notes
    assert "nonsense is left out: the server does not honour it (ignored: " in notes
    spent = result.json["spent"]
    assert spent["tokens"] == n_tokens


HF = "repetition_penalty,temperature,top_k,top_p,min_p,gumbel"
VLLM = "repetition_penalty,temperature,min_p,top_k,top_p"
BOTH = {"decoding.top_p": 0.9, "decoding.min_p": 0.1}


@pytest.mark.parametrize(
    ("found_on", "runs_on", "order", "configuration", "noted"),
    [
        ("hf", "vllm", VLLM, BOTH, True),
        ("vllm", "hf", HF, BOTH, True),
        ("hf", "openai", VLLM, BOTH, True),
        ("hf", "openai", "", BOTH, True),
        ("openai", "hf", HF, BOTH, True),
        ("vllm", "openai", VLLM, BOTH, False),
        ("hf", "hf", HF, BOTH, False),
        ("hf", "vllm", VLLM, BOTH | {"decoding.top_p": 1.0}, False),
        ("hf", "vllm", VLLM, {"decoding.top_p": 0.9}, False),
        ("hf", "vllm", VLLM, {}, False),
    ],
)
def test_another_order_of_top_p_and_min_p_is_said(
    found_on: str, runs_on: str, order: str, configuration: dict[str, float], noted: bool
) -> None:
    note = order_note(found_on, runs_on, {"warpers": order} if order else {}, configuration)
    assert bool(note) is noted
    if noted:
        assert "another distribution" in note and found_on in note and runs_on in note
