"""`infertune.tune_serving` from Python, on a simulated server with a clock of its own."""

from pathlib import Path
from types import SimpleNamespace

import pytest

import infertune
from infertune.api import serving, serving_study
from infertune.recipes import serving_recipe
from infertune.testing.simulated_launcher import SimulatedLauncher


@pytest.fixture(autouse=True)
def simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedLauncher:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path / "cache"))
    made = SimulatedLauncher()
    monkeypatch.setattr(serving, "launcher", lambda *_, **__: (made, made.space))
    monkeypatch.setattr(serving_study, "time", SimpleNamespace(monotonic=made.clock))
    return made


def test_a_search_from_its_goal_to_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = infertune.tune_serving(
        "synthetic:input=5,output=2",
        engine="command",
        slo="p99_ttft<400ms, p99_itl<60ms",
        budget_seconds=1800,
        burst_seconds=5,
        progress=False,
    )
    assert capsys.readouterr() == ("", "")
    best = result.best_config()
    assert best and all(name.startswith("engine.") for name in best)
    path = result.save()
    assert path is not None and serving_recipe.read(path).settings == best
    assert result.save("other.yaml") == Path("other.yaml") and Path("other.yaml").exists()
    assert "Finals: goodput" in str(result) and result._repr_html_().startswith("<pre")
    assert result.as_json()["verdict"]["text"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "such as slo 'p99_ttft<300ms"),
        ({"maximize": "goodput", "minimize": "cost"}, "maximize and minimize must not be given together"),
        ({"slo": "p99_ttft<1s", "budget_seconds": 1}, "burst_seconds must be less than budget_seconds"),
        ({"slo": "p99_ttft<1s", "out": "no/such/folder.yaml"}, "the folder of out must exist"),
    ],
)
def test_an_error_names_the_argument(changes: dict[str, object], said: str) -> None:
    with pytest.raises(infertune.InfertuneError) as raised:
        infertune.tune_serving("synthetic:input=5,output=2", engine="command", progress=False, **changes)  # type: ignore[arg-type]
    assert said in str(raised.value) and "--" not in str(raised.value)
