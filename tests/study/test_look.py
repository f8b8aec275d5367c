"""The look at a server is in the study's journal, and so is what it cost, an interrupted one's too."""

from pathlib import Path

import pytest
from toy_endpoint import ToyEndpoint, ToyServer

from infertune.bank import SampleBank
from infertune.bank.lease import Lease
from infertune.budget import Budget
from infertune.engines.endpoint.capabilities import Capabilities
from infertune.engines.leased import LeasedEngine
from infertune.engines.openai.engine import OpenAIEngine
from infertune.evaluation.account import Account
from infertune.study.look import Look
from infertune.study.trial_log import TrialLog
from infertune.types import Decoding, Request


@pytest.fixture
def log(tmp_path: Path) -> TrialLog:
    return TrialLog(str(tmp_path / "study.db"), "s")


def test_what_was_found_is_kept_with_all_that_it_cost(log: TrialLog) -> None:
    look = Look(log)
    assert (look.known("here"), look.cost) == (None, (0, 0))
    look.begin()
    look.spend(10, 1)
    look.spend(20, 2)  # and is killed
    again = Look(log)
    again.begin()
    again.spend(30, 3)
    again.keep("here", "found")
    later = Look(log)
    later.begin()
    assert (later.known("here"), later.known("elsewhere"), later.cost) == ("found", None, (50, 5))


def test_a_study_looks_once_and_pays_once(log: TrialLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path / "cache"))
    toy = ToyEndpoint()
    facts = []
    with ToyServer(toy) as server:
        for _ in range(2):
            engine = OpenAIEngine("toy", base_url=server.base_url, journal=Look(log))
            facts.append((dict(engine.facts), engine.capabilities))
            engine.close()
            looked = len(toy.bodies)
        assert looked == engine.probe.n_requests and engine.probe.is_recalled  # type: ignore[union-attr]
    with ToyServer(toy) as server:  # on another port
        engine = OpenAIEngine("toy", base_url=server.base_url, journal=Look(log))
        assert len(toy.bodies) == looked
        bank = SampleBank(tmp_path / "study.db")
        account = Account(study="s", engine=engine, bank=bank, budget=Budget(tokens=10**6), looked=Look(log).cost)
        assert account.spent.tokens == account.spent.extra_tokens == toy.n_tokens
        account.buy([Request(example_id="a", prompt="Hi", decoding=Decoding(max_tokens=4))])
        engine.close()
    assert account.spent.tokens == toy.n_tokens and account.spent.extra_tokens < toy.n_tokens
    assert facts[0] == facts[1]


def test_a_look_that_fails_is_paid_all_the_same(
    log: TrialLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("infertune.engines.probing.recall._NOTING_SECONDS", 0.0)
    toy = ToyEndpoint("ignores:max_tokens")
    with ToyServer(toy) as server, pytest.raises(Exception, match="max_tokens"):
        OpenAIEngine("toy", base_url=server.base_url, journal=Look(log))
    assert 0 < sum(Look(log).cost) <= toy.n_tokens


def test_servers_that_were_started_otherwise_are_others(log: TrialLog) -> None:
    look = Look(log)
    for server in ("a", "b"):
        look.of(server).begin()
        look.of(server).spend(10, 1)
        look.of(server).keep("here", f"found at {server}")
    again = Look(log)
    assert [again.of(server).known("here") for server in ("a", "b", "c")] == ["found at a", "found at b", None]
    assert (again.known("here"), again.cost, again.of("a").cost) == (None, (20, 2), (20, 2))
    again.forget()
    assert (again.of("a").known("here"), again.cost) == (None, (20, 2))


def test_the_look_of_an_earlier_version_is_known(log: TrialLog) -> None:
    log.note("look", {"paid": [3, 1], "under_way": [0, 0], "told": "here", "found": "it"})
    look = Look(log)
    assert (look.known("here"), look.cost) == ("it", (3, 1))
    look.of("a").keep("here", "another")
    assert (look.known("here"), look.of("a").known("here")) == ("it", "another")


def test_an_engine_behind_a_lease_tells_how_its_prompts_are_billed(tmp_path: Path) -> None:
    with ToyServer(ToyEndpoint()) as server, Lease(tmp_path / "study.db", "optimize", "s") as lease:
        engine = OpenAIEngine("toy", base_url=server.base_url, capabilities=Capabilities(server="some", n=False))
        assert engine.samples_per_prompt == LeasedEngine(engine, lease).samples_per_prompt == 1
        engine.close()
