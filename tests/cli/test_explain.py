"""``infertune explain`` says what a setting is."""

import json

from command import Infertune

from infertune.decoding.settings import SETTINGS


def test_one_setting(infertune: Infertune) -> None:
    result = infertune("explain", "repetition_penalty")
    assert result.code == 0
    for said in ("arXiv:1909.05858", "repeat_penalty at llama.cpp", "does nothing at", "tokens"):
        assert said in result.out
    assert json.loads(infertune("explain", "decoding.min_p", "--json").out)["neutral"] == 0


def test_all_of_them(infertune: Infertune) -> None:
    found = json.loads(infertune("explain", "--json").out)
    assert {f"decoding.{setting.name}" for setting in SETTINGS} <= {each["name"] for each in found}
    assert all(each["effect"] for each in found)
    assert "temperature" in infertune("explain").out


def test_an_unknown_one(infertune: Infertune) -> None:
    result = infertune("explain", "temprature")
    assert (result.code, result.out) == (2, "") and "did you mean 'temperature'?" in result.err
