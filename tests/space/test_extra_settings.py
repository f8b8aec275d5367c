"""Settings that only some servers know: legal in a space file, sent under their own name, a part of a sample's key."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from infertune import tasks
from infertune.api.task_space import task_space
from infertune.bank import SampleBank
from infertune.engines.endpoint.capabilities import vllm_capabilities
from infertune.engines.openai.payload import calls, refusal
from infertune.errors import InvalidInputError
from infertune.evaluation.requests import requests_for
from infertune.space.default_space import default_space
from infertune.space.extra_settings import extra_ends, is_extra, with_extras
from infertune.testing.fake_engine import FakeEngine
from infertune.types import Decoding, Request, Scalar

SPACE = default_space(prompts=("ask",), max_tokens=(4, 16))
PENALTY = "decoding.presence_penalty"


def with_file(tmp_path: Path, text: str) -> dict[str, tuple[Scalar, Scalar]]:
    (tmp_path / "space.yaml").write_text(text)
    return extra_ends(task_space(tasks.load("capitals"), tmp_path / "space.yaml", []))


def test_a_space_file_may_add_them(tmp_path: Path) -> None:
    text = (
        f"{PENALTY}: {{low: -2, high: 2, step: 0.5, default: 0.0, tier: request}}\n"
        "decoding.top_h: {choices: [0.4, 0.2, 0.8], tier: request, when: temperature > 0}\n"
        "decoding.mode: {choices: [fast, exact, slow], tier: request}\n"
        "decoding.strict: {choices: [true, false], tier: request}\n"
    )
    assert with_file(tmp_path, text) == {
        "presence_penalty": (-2.0, 2.0),
        "top_h": (0.2, 0.8),
        "mode": ("fast", "slow"),
        "strict": (False, True),
    }


@pytest.mark.parametrize(
    ("name", "tier", "message"),
    [
        ("decoding.temperatur", "request", "did you mean 'decoding.temperature'?"),
        ("decoding.repetition_penality", "request", "did you mean 'decoding.repetition_penalty'?"),
        ("decoding.seed", "request", "must be left to the engine"),
        ("decoding.messages", "request", "must be left to the engine"),
        ("decoding.extra", "request", "must be left to the engine"),
        ("decoding.stop", "request", "must change what is generated"),
        ("prompt.style", "request", "must change what is generated"),
        ("decoding.a.b", "request", "must change what is generated"),
        ("decoding.presence_penalty", "replay", "must be of the tier request"),
    ],
)
def test_but_not_what_is_no_setting(name: str, tier: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"space\.yaml") as caught:
        with_file(tmp_path, f"{name}: {{choices: [1, 2], tier: {tier}}}\n")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "name", ["presence_penalty", "frequency_penalty", "top_h", "typical_p", "min_tokens", "top_a"]
)
def test_names_in_use_are_not_taken_for_slips(name: str, tmp_path: Path) -> None:
    assert with_file(tmp_path, f"decoding.{name}: {{choices: [1, 2], tier: request}}\n") == {name: (1, 2)}
    assert is_extra(f"decoding.{name}") and not is_extra("decoding.top_p") and not is_extra(name)


def test_a_configuration_from_outside_brings_its_own() -> None:
    configuration = SPACE.default_configuration().with_values({PENALTY: 1.5})
    space = with_extras(SPACE, configuration, where="best.yaml")
    assert space.configuration(configuration) == configuration
    assert with_extras(SPACE, SPACE.default_configuration(), where="best.yaml") == SPACE
    with pytest.raises(InvalidInputError, match=r"best\.yaml: 'decoding\.seed' must be left"):
        with_extras(SPACE, {"decoding.seed": 1}, where="best.yaml")


def test_they_travel_from_the_configuration_into_the_body() -> None:
    task = tasks.load("capitals")
    configuration = task_space(task, None, []).default_configuration().with_values({PENALTY: 1.5, "decoding.a": "x"})
    (request,) = requests_for(task, configuration, task.tune[:1], n_samples=1, max_tokens=8, seed=0)
    assert request.decoding.extra == (("a", "x"), ("presence_penalty", 1.5))
    capabilities = replace(vllm_capabilities(), extra=("a", "presence_penalty"))
    body = msgspec.json.decode(calls(request, model="m", capabilities=capabilities, extra_body={})[0].body)
    assert (body["presence_penalty"], body["a"]) == (1.5, "x")
    assert refusal(request, capabilities) == ""
    assert "does not honour a" in refusal(request, vllm_capabilities())


def test_no_setting_speaks_over_the_engine() -> None:
    request = Request(example_id="1", prompt="p", decoding=Decoding(extra=(("model", "x"), ("max_tokens", 999))))
    capabilities = replace(vllm_capabilities(), extra=("model", "max_tokens"))
    body = msgspec.json.decode(calls(request, model="m", capabilities=capabilities, extra_body={})[0].body)
    assert (body["model"], body["max_tokens"]) == ("m", 256)


def test_samples_of_other_values_are_other_samples(tmp_path: Path) -> None:
    engine = FakeEngine()
    bank = SampleBank(tmp_path / "bank.db")

    def request(*extra: tuple[str, Scalar]) -> Request:
        return Request(example_id="1", prompt="p", decoding=Decoding(extra=extra))

    (response,) = engine.generate([request(("a", 1))])
    bank.put("study", engine.facts, response)
    same = [request(("a", 1)), request(("a", 1.0))]
    other = [request(), request(("a", 2)), request(("a", True)), request(("a", "1")), request(("b", 1))]
    assert bank.missing(engine.facts, same) == []
    assert len(bank.missing(engine.facts, other)) == len(other)
    bank.close()


def test_the_key_of_a_request_without_them_is_what_it_was() -> None:
    from infertune.bank.keys import keys_of

    decoding = Decoding(temperature=0.7, top_k=5, max_tokens=9, stop=("x",))
    request = Request(example_id="e1", prompt="Hi", decoding=decoding, seed=3)
    assert keys_of({"engine": "fake"}, [request]) == ["d6b4e8842770c6d6f55119b8eb62ef39"]
