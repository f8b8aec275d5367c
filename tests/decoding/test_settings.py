"""The table of decoding settings is the one that everything else iterates."""

from dataclasses import fields

import pytest
from pages import ROOT

from infertune.decoding.settings import NEUTRAL, SETTINGS, Setting
from infertune.engines.endpoint.capabilities import Capabilities
from infertune.engines.openai.dialects import dialect
from infertune.space.default_space import default_space
from infertune.types import Decoding

each_setting = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)


@each_setting
def test_a_setting_is_known_to_requests_endpoints_and_the_space(setting: Setting) -> None:
    known = {field.name: field.default for field in fields(Decoding)}
    assert known[setting.name] == setting.neutral
    assert setting.name in {field.name for field in fields(Capabilities)}
    parameter = default_space(prompts=("a",), max_tokens=8)[f"decoding.{setting.name}"]
    assert parameter.default == setting.default and parameter.contains(setting.default)
    assert (parameter.when is not None) == setting.needs_sampling


@each_setting
def test_what_it_is_searched_and_probed_with_means_something(setting: Setting) -> None:
    low, high, _ = setting.searched
    for value in (*setting.choices, *setting.strongest, *(() if setting.choices else (high,)), setting.neutral):
        assert value >= setting.low if setting.low_is_taken else value > setting.low
        assert setting.high is None or (value <= setting.high if setting.high_is_taken else value < setting.high)
    assert setting.choices or low < high


@each_setting
def test_the_page_says_what_the_table_says(setting: Setting) -> None:
    page = (ROOT / "docs" / "decoding.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith(f"| {setting.name} |")]
    assert setting.domain in row and setting.rule in row and setting.source in row and f" {setting.neutral:g} " in row


def test_a_setting_is_called_as_the_server_calls_it() -> None:
    assert dialect("llama.cpp").spoken({"repetition_penalty": 1.2}).get("repeat_penalty") == 1.2
    assert dialect("vllm").spoken({"repetition_penalty": 1.2}) == {"repetition_penalty": 1.2}


def test_every_setting_but_temperature_has_a_neutral_value() -> None:
    assert set(NEUTRAL) == {setting.name for setting in SETTINGS} - {"temperature"}
