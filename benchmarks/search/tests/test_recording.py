"""What is recorded for the search benchmark is what the search would have bought, whole and to the last character."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.search import archive, tables
from benchmarks.search.recording import Recording, recording
from infertune.bank import SampleBank
from infertune.engines.replay import ReplayEngine
from infertune.evaluation.replay import replayed_responses
from infertune.evaluation.scoring import CachedScorer
from infertune.testing import FakeEngine


@pytest.fixture(scope="module")
def plan() -> Recording:
    return recording("opposites", n_configurations=12, n_tune=5, n_confirm=4, n_samples=5)


@pytest.fixture(scope="module")
def recorded(plan: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, engine = tmp_path_factory.mktemp("recorded") / "opposites.db", FakeEngine()
    bank = SampleBank(path)
    for response in engine.generate(plan.requests()):
        bank.put("recording", engine.facts, response)
    bank.close()
    return path


def test_the_design_covers_all_prompts_and_greedy_decoding(plan: Recording) -> None:
    request = plan.space.tier("request")
    prompts = request["prompt.template"].values()
    assert len(set(plan.configurations)) == 12
    assert plan.configurations[0] == request.default_configuration()
    assert all(request.allows(each) for each in plan.configurations)
    greedy = [each for each in plan.configurations if each["decoding.temperature"] == 0]
    assert {each["prompt.template"] for each in greedy} == set(prompts)
    sampled = [each["prompt.template"] for each in plan.configurations if each["decoding.temperature"] > 0]
    assert min(sampled.count(prompt) for prompt in prompts) >= 1
    more = recording("opposites", n_configurations=20, n_tune=5, n_confirm=4, n_samples=5)
    assert more.configurations[:12] == plan.configurations


def test_the_tables_are_what_an_evaluation_of_the_bank_says(plan: Recording, recorded: Path) -> None:
    bank = SampleBank(recorded)
    read = tables.read(tables.write(plan, bank, recorded.with_suffix(".npz")))
    assert read.configurations == plan.configurations and read.n_tune == 5
    scorer = CachedScorer(plan.task)
    for configuration in plan.configurations:
        found = bank.get(FakeEngine().facts, plan.requests_of(configuration, list(plan.examples)))
        number = read.number[configuration]
        assert read.prompt_tokens[number].tolist() == [response.prompt_tokens for response in found]
        for limit in plan.task.max_tokens_choices:
            for extractor in plan.task.extractors:
                n = len(found[0].generations)
                examples = np.arange(len(plan.examples))
                stored = read.table(configuration, examples, n, limit, extractor)
                lengths = [[min(len(g.token_ids), limit) for g in response.generations] for response in found]
                assert stored.tokens.tolist() == lengths
        replayed = replayed_responses(plan.space, scorer, configuration, plan.examples, found)
        assert replayed is not None
        for candidate in replayed.candidates(configuration, [example.id for example in plan.examples]):
            assert candidate.example_ids == read.example_ids
            if candidate.configuration["strategy.name"] == "first":
                limit = int(candidate.configuration["decoding.max_tokens"])
                stored = read.table(configuration, np.arange(9), n, limit, plan.task.default_extractor)
                np.testing.assert_allclose(candidate.scores, stored.scores.mean(axis=1))
    bank.close()


def test_what_was_not_recorded_is_not_in_the_tables(plan: Recording, recorded: Path) -> None:
    bank = SampleBank(recorded)
    read = tables.read(tables.write(plan, bank, recorded.with_suffix(".npz")))
    bank.close()
    other = plan.configurations[0].with_values({"decoding.top_p": 0.05})
    with pytest.raises(KeyError):
        read.table(other, np.arange(3), 3, 16, "default")


def test_the_archive_gives_the_bank_back(plan: Recording, recorded: Path) -> None:
    packed = archive.pack(recorded)
    kept = recorded.rename(recorded.with_name("original.db"))
    engine, bank = ReplayEngine(str(archive.unpack(packed))), SampleBank(kept)
    requests = list(plan.requests())
    assert list(engine.generate(requests)) == bank.get(engine.facts, requests)
    assert bank.missing(engine.facts, requests) == []
    engine.close()
    bank.close()
    kept.rename(recorded)
