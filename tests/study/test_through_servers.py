"""A whole study through HTTP: bad days change neither its answer nor its books, and its key is nowhere."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from planted import SEARCHES, make_study, plain, space_of, write, write_task

from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.engines.endpoint.capabilities import vllm_capabilities
from infertune.engines.openai.engine import EndpointGone, OpenAIEngine
from infertune.engines.openai.retry import Timeouts
from infertune.errors import EngineError
from infertune.selection.recommendation import Recommendation
from infertune.study.trial_log import TrialLog
from infertune.testing import ChaosProxy, FakeEngine, OpenAIServer
from infertune.types import Engine

KEY = "sk-planted-0123456789abcdef"
# Few enough configurations, and tokens enough, to try them all on every example: what faults cost decides nothing.
SMALL = ("temperature=0.3,1", "top_p=1", "top_k=0", "min_p=0", "repetition_penalty=1", "n=1,3")
QUICK = Timeouts(patience_seconds=30.0, timeout_seconds=5.0, hedge_seconds=0.3)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infertune.engines.openai.retry.FIRST_WAIT_SECONDS", 0.02)


def connect(base_url: str, **options: Any) -> OpenAIEngine:
    return OpenAIEngine(
        "fake", **{"base_url": base_url, "capabilities": vllm_capabilities(), "timeouts": QUICK, **options}
    )


def run(folder: Path, engine: Engine, **changes: Any) -> Recommendation:
    folder.mkdir(exist_ok=True)
    task = write_task(folder, n_tune=40, n_confirm=50)
    try:
        settings = {"space": space_of(task, *SMALL), "budget": Budget(tokens=20_000), **changes}
        return make_study(folder, task=task, engine=engine, **settings).run()
    finally:
        engine.close()


@pytest.mark.parametrize("way", SEARCHES)
def test_a_fifth_of_the_requests_spoiled_changes_no_answer(tmp_path: Path, way: str) -> None:
    # Samplers try all there is; a search by orders decides by what has landed, here one sample after the other.
    few = {"concurrency": 1} if way == "orders" else {}
    hasty = replace(QUICK, hedge_seconds=0.1)
    with OpenAIServer(FakeEngine(write)) as server:
        clean = run(tmp_path / "clean", connect(server.base_url, timeouts=Timeouts(), **few), search=SEARCHES[way])
        before = server.prompt_tokens + server.completion_tokens
        assert (clean.spent.tokens, clean.spent.extra_tokens) == (before, 0)
        with ChaosProxy(server.base_url, pause_seconds=0.3, retry_after="0") as proxy:
            found = run(tmp_path / "chaos", connect(proxy.base_url, timeouts=hasty, **few), search=SEARCHES[way])
            assert sum(n for kind, n in proxy.counts.items() if kind != "passed") > 40
        paid = server.prompt_tokens + server.completion_tokens - before
    assert plain(found) == plain(clean)
    assert found.recommended["prompt.template"] == "good"
    assert (found.spent.n_failed, found.spent.n_requests) == (0, clean.spent.n_requests)
    assert found.spent.tokens == clean.spent.tokens + found.spent.extra_tokens
    assert paid <= found.spent.tokens <= 1.02 * paid  # a copy taken back in time is booked all the same
    bank = SampleBank(tmp_path / "chaos" / "study.db")
    booked = bank.spent("planted")
    assert (booked.tokens, booked.extra_tokens) == (found.spent.tokens, found.spent.extra_tokens)


def test_an_endpoint_that_goes_away_ends_the_study_and_the_same_study_goes_on(tmp_path: Path) -> None:
    with OpenAIServer(FakeEngine(write)) as server:
        whole = run(
            tmp_path / "whole", connect(server.base_url, concurrency=4, timeouts=Timeouts())
        )  # asks nothing twice
    first = OpenAIServer(FakeEngine(write))
    landed = 0

    def on_progress(progress: object) -> None:
        nonlocal landed
        landed += 1
        if landed == 60:
            first.close()

    with first, pytest.raises(EndpointGone, match="goes on from there"):
        engine = connect(first.base_url, concurrency=4, timeouts=Timeouts(patience_seconds=0.2))
        run(tmp_path / "cut", engine, on_progress=on_progress)
    bank = SampleBank(tmp_path / "cut" / "study.db")
    assert bank.spent("planted").n_failed == 0
    with OpenAIServer(FakeEngine(write)) as second:
        found = run(tmp_path / "cut", connect(second.base_url, concurrency=4))
    assert plain(found) == plain(whole)
    assert found.spent.tokens == whole.spent.tokens + found.spent.extra_tokens


class Refusing(OpenAIServer):
    """Refuses every prompt of the poor template, as a server does with what is too long for it."""

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "Well, the question" in body["prompt"]:
            return 400, {"error": {"message": "the prompt is too long"}}
        return super().answer(path, body)


@pytest.mark.parametrize("way", SEARCHES)
def test_a_configuration_that_is_always_refused_is_infeasible_with_its_cause(tmp_path: Path, way: str) -> None:
    with Refusing(FakeEngine(write)) as server:
        found = run(tmp_path / "study", connect(server.base_url), search=SEARCHES[way])
    trials = TrialLog(SampleBank(tmp_path / "study" / "study.db").url, "planted").trials()
    causes = {str(trial.configuration["prompt.template"]): trial.cause for trial in trials}
    assert causes == {"good": "", "poor": "every request failed: refused: HTTP 400: the prompt is too long"}
    assert found.recommended["prompt.template"] == "good"
    assert found.spent.n_failed > 20


class Echoing(OpenAIServer):
    """Answers every fifth call with an error and every seventh with no choices, the caller's key in both."""

    def __init__(self) -> None:
        super().__init__(FakeEngine(write), key=KEY)
        self.n = 0

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.n += 1
        if self.n % 5 == 0:
            return 400, {"error": {"message": f"I do not like Authorization: Bearer {KEY} today"}}
        if self.n % 7 == 0:
            return 200, {"choices": [], "usage": {"prompt_tokens": 1}, "headers": {"Authorization": f"Bearer {KEY}"}}
        return super().answer(path, body)


@pytest.mark.parametrize("source", ["env", "file"])
def test_the_key_is_in_no_file_and_no_word(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "secrets"
    kept.write_text(KEY + "\n")
    monkeypatch.setenv("MY_KEY", KEY)
    monkeypatch.setenv("WRONG_KEY", "sk-another-0123456789")
    given = {"api_key_env": "MY_KEY"} if source == "env" else {"api_key_file": str(kept)}
    with Echoing() as server:
        engine = connect(server.base_url, **given)
        words = [repr(engine), repr(dict(engine.facts)), repr(vars(engine))]
        found = run(tmp_path / "study", engine)
        assert server.n > 200
        with pytest.raises(EngineError) as refused:
            connect(server.base_url, api_key_env="WRONG_KEY")
    assert "sk-another" not in str(refused.value)
    words += [repr(found), str(refused.value), json.dumps(msgspec.to_builtins(dict(found.default)))]
    words += list(capfd.readouterr())
    bank = SampleBank(tmp_path / "study" / "study.db")
    assert found.spent.n_failed > 10
    words.append(repr(TrialLog(bank.url, "planted").trials()))
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path != kept]
    assert any(path.name == "study.db" for path in written)
    assert not [path.name for path in written if KEY.encode() in path.read_bytes()]
    assert not [word for word in words if KEY in word]
    assert any(b"Authorization: Bearer [key]" in path.read_bytes() for path in written)  # the error itself is kept
