"""Prices by model from a file, strictly read; a price that is not given is never zero."""

from pathlib import Path

import pytest

from infertune.budget import Prices
from infertune.budget.prices import read
from infertune.errors import InvalidInputError

LIST = """\
currency: EUR
models:
  invented-large: {prompt_per_million: 2.0, completion_per_million: 10}
  invented/small:
    prompt_per_million: 0
    completion_per_million: 0.5
"""


def listed(tmp_path: Path, text: str, model: str = "invented-large") -> Prices:
    (tmp_path / "prices.yaml").write_text(text)
    return read(tmp_path / "prices.yaml", model)


def test_each_model_has_its_own(tmp_path: Path) -> None:
    large = listed(tmp_path, LIST)
    assert large == Prices(prompt_per_million=2.0, completion_per_million=10.0, currency="EUR")
    assert large.cost(500_000, 100_000) == 2.0
    assert large.amount(1000, 200) == "0.004 EUR"
    assert listed(tmp_path, LIST, "invented/small").cost(1e6, 1e6) == 0.5
    assert Prices(prompt_per_million=1, completion_per_million=1).amount(1e6, 0) == "1 in money"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LIST.replace("invented-large", "invented-huge"), "did you mean 'invented-huge'?"),
        (LIST.replace("currency: EUR\n", ""), "currency"),
        (LIST.replace("prompt_per_million: 2.0", "prompt_per_milion: 2.0"), "did you mean 'prompt_per_million'?"),
        (LIST.replace(": 10}", ": ten}"), "models"),
        (LIST.replace(": 10}", ": -10}"), "'invented-large': the price of a million completion tokens"),
        (LIST.replace(": 10}", ": .inf}"), "must be at least 0"),
        (LIST.replace(": 10}", ": .nan}"), "must be a number, but is NaN"),
        (LIST.replace(", completion_per_million: 10", ""), "completion_per_million"),
        ("models: {}\ncurrency: EUR\nold: 1\n", "unknown key 'old'"),
        ("currency: EUR\nmodels: {}\n", "no model is called 'invented-large'"),
        ("- 1\n", "prices.yaml"),
    ],
)
def test_what_is_no_price_list_is_refused_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"prices\.yaml") as caught:
        listed(tmp_path, text)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"nope\.yaml cannot be read"):
        read(tmp_path / "nope.yaml", "m")
