"""The bank gives back what was put in, sells nothing twice, and survives other writers, kills and strange files."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from infertune.bank import SampleBank
from infertune.bank.usage import Usage
from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.testing import FakeEngine
from infertune.types import Decoding, Generation, Message, Request, Response

FACTS = {"engine": "fake", "model": "babble"}
ENGINE = FakeEngine()  # one for all, for it numbers words as they come


@pytest.fixture
def bank(tmp_path):
    with closing(SampleBank(tmp_path / "study.db")) as bank:
        yield bank


def wish(example="e", *, n=3, samples=None, prompt="p", seed=0, **decoding) -> Request:
    return Request(
        example_id=example,
        prompt=prompt,
        decoding=Decoding(**decoding),
        seed=seed,
        samples=tuple(range(n)) if samples is None else samples,
    )


def answer(request: Request, engine: FakeEngine = ENGINE) -> Response:
    """What the fake engine answers, its log probabilities rounded as the bank does."""
    (response,) = engine.generate([request])
    return rounded(response)


def rounded(response: Response) -> Response:
    return replace(
        response,
        generations=tuple(replace(g, logprobs=tuple(np.float32(g.logprobs).tolist())) for g in response.generations),
    )


def buy(bank: SampleBank, request: Request, study: str = "s") -> Response:
    response = answer(request)
    bank.put(study, FACTS, response)
    return response


# What is put comes back

float32 = st.floats(max_value=0, width=32, allow_nan=False)
generations = st.integers(0, 12).flatmap(
    lambda n: st.builds(
        Generation,
        sample=st.just(0),
        text=st.text(st.characters(), max_size=12),  # every code point, the impossible ones included
        token_ids=st.tuples(*[st.integers(0, 2**31 - 1)] * n),
        logprobs=st.tuples(*[float32] * n),
        text_ends=st.tuples(*[st.integers(0, 12)] * n),
        finish_reason=st.just("stop"),
    )
)
prompts = st.one_of(
    st.text(max_size=8), st.lists(st.builds(Message, st.text(max_size=4), st.text(max_size=8)), max_size=3).map(tuple)
)


@settings(deadline=None, max_examples=40)
@given(generation=generations, prompt=prompts, example=st.text(max_size=5), seed=st.integers(0, 2**128))
def test_anything_comes_back_as_it_was(generation, prompt, example, seed):
    request = wish(example, n=1, prompt=prompt, seed=seed)
    response = Response(request=request, generations=(generation,), prompt_tokens=3, seconds=0.5)
    with closing(SampleBank("sqlite://")) as bank:
        bank.put("s", FACTS, response)
        assert bank.get(FACTS, [request]) == [response]
        assert bank.missing(FACTS, [request]) == []


def test_it_is_there_for_the_next_process(tmp_path):
    request = wish()
    with closing(SampleBank(tmp_path / "a.db")) as bank:
        response = buy(bank, request)
    with closing(SampleBank(f"sqlite:///{tmp_path}/a.db")) as bank:
        assert bank.get(FACTS, [request]) == [response]


def test_an_empty_bank_lacks_everything(bank):
    requests = [wish("a"), wish("b", temperature=0.0)]
    assert bank.missing(FACTS, requests) == requests
    assert bank.get(FACTS, requests) == [
        Response(request=replace(r, samples=()), generations=(), prompt_tokens=0, seconds=0.0) for r in requests
    ]
    assert bank.missing(FACTS, []) == bank.get(FACTS, []) == []


# What shaped a sample is its key


@pytest.mark.parametrize(
    "other",
    [
        wish("other"),
        wish(prompt="other"),
        wish(prompt=(Message("user", "p"),)),
        wish(seed=1),
        wish(temperature=0.9),
        wish(top_p=0.9),
        wish(top_k=1),
        wish(min_p=0.1),
        wish(repetition_penalty=1.1),
    ],
)
def test_another_request_is_another_sample(bank, other):
    buy(bank, wish())
    assert bank.missing(FACTS, [wish()]) == []
    assert bank.missing(FACTS, [other]) == [other]
    assert bank.get(FACTS, [other])[0].generations == ()


def test_another_engine_is_another_sample(bank):
    buy(bank, wish())
    for facts in ({"engine": "fake"}, FACTS | {"dtype": "float16"}, {"engine": "babble", "model": "fake"}):
        assert bank.missing(facts, [wish()]) == [wish()]


def test_whole_and_real_numbers_are_the_same_setting(bank):
    buy(bank, wish(temperature=1, top_p=1))
    assert bank.missing(FACTS, [wish(temperature=1.0, top_p=1.0)]) == []
    assert bank.missing(dict(reversed(FACTS.items())), [wish()]) == []


# Samples, lengths and stop texts


def test_only_what_is_lacking_is_wished_for(bank):
    response = buy(bank, wish(samples=(0, 2)))
    (lacking,) = bank.missing(FACTS, [wish(n=5)])
    assert lacking == wish(samples=(1, 3, 4))
    (held,) = bank.get(FACTS, [wish(n=5)])
    assert held == replace(response, request=wish(samples=(0, 2)))
    more = buy(bank, lacking)
    (whole,) = bank.get(FACTS, [wish(samples=(4, 0, 3, 1, 2))])
    assert [g.sample for g in whole.generations] == [4, 0, 3, 1, 2]
    assert set(whole.generations) == {*response.generations, *more.generations}


limits = st.integers(1, 30)
stop_texts = st.sampled_from([(), (" ",), (" so", "end"), ("end", " so"), ("e",)])


@settings(deadline=None, max_examples=60)
@given(
    bought=st.lists(st.tuples(limits, stop_texts), min_size=1, max_size=3),
    asked_limit=limits,
    asked_stop=stop_texts,
    example=st.text("ab", max_size=3),
)
def test_what_it_gives_is_what_the_engine_would(bought, asked_limit, asked_stop, example):
    """The sample is never a longer, shorter or otherwise stopped one: it is the engine's own, or it is missing."""
    request = wish(example, max_tokens=asked_limit, stop=asked_stop)
    with closing(SampleBank("sqlite://")) as bank:
        for limit, stop in bought:
            buy(bank, wish(example, max_tokens=limit, stop=stop))
        lacking = bank.missing(FACTS, [request])
        (held,) = bank.get(FACTS, [request])
        expected = answer(request)
        assert {*held.request.samples, *(lacking[0].samples if lacking else ())} == set(request.samples)
        for generation in held.generations:
            engines = expected.generations[generation.sample]
            assert generation == replace(engines, logprobs=generation.logprobs)
        if any(limit >= asked_limit and stop in ((), asked_stop) for limit, stop in bought):
            assert not lacking


def test_a_longer_wish_is_bought_anew_unless_the_sample_had_ended(bank):
    response = buy(bank, wish(n=20, max_tokens=8))
    cut_short = tuple(g.sample for g in response.generations if g.finish_reason == "length")
    assert 0 < len(cut_short) < 20
    (lacking,) = bank.missing(FACTS, [wish(n=20, max_tokens=30)])
    assert lacking == wish(samples=cut_short, max_tokens=30)
    buy(bank, lacking)
    assert bank.missing(FACTS, [wish(n=20, max_tokens=30)]) == []
    assert (
        rounded(answer(wish(n=20, max_tokens=30))).generations
        == bank.get(FACTS, [wish(n=20, max_tokens=30)])[0].generations
    )


def test_an_answer_once_given_stays(bank):
    """An engine that is not reproducible may sell the same sample twice; the first one remains the answer."""
    first = buy(bank, wish(max_tokens=8))
    bank.put(
        "other", FACTS, replace(answer(wish(max_tokens=30), FakeEngine(lambda *_: "something else")), seconds=9.0)
    )
    assert bank.get(FACTS, [wish(max_tokens=8)])[0].generations == first.generations


# The books


def test_a_study_pays_for_what_it_bought_and_not_for_what_it_found(bank):
    one = replace(answer(wish("a")), seconds=1.5)
    two = replace(answer(wish("b")), seconds=2.0)
    bank.put("first", FACTS, one)
    bank.put("second", FACTS, two)
    bank.get(FACTS, [wish("a"), wish("b")])
    assert bank.spent("first") == Usage(
        prompt_tokens=1, completion_tokens=one.completion_tokens, n_requests=1, seconds=1.5
    )
    assert bank.spent("second").tokens == 1 + two.completion_tokens
    assert bank.spent("unknown") == Usage()


def test_what_was_paid_beyond_the_answers_is_booked_apart_also_of_failures(bank):
    made = answer(wish())
    bank.put("s", FACTS, replace(made, extra_prompt_tokens=5, extra_completion_tokens=7))
    bank.put(
        "s",
        FACTS,
        replace(made, request=wish("f"), generations=(), extra_prompt_tokens=2, seconds=1.0, error="broken"),
    )
    spent = bank.spent("s")
    assert (spent.prompt_tokens, spent.completion_tokens) == (made.prompt_tokens, made.completion_tokens)
    assert (spent.extra_prompt_tokens, spent.extra_completion_tokens, spent.extra_tokens) == (7, 7, 14)
    assert spent.tokens == made.prompt_tokens + made.completion_tokens + 14
    assert (spent.all_prompt_tokens, spent.all_completion_tokens) == (
        made.prompt_tokens + 7,
        made.completion_tokens + 7,
    )
    assert (spent.n_requests, spent.n_failed) == (1, 1)


def test_the_account_kept_along_the_way_is_the_banks(bank):
    made = answer(wish())
    responses = [
        replace(made, extra_prompt_tokens=5, seconds=0.0),
        replace(made, request=wish("f"), generations=(), extra_completion_tokens=3, seconds=0.0, error="broken"),
    ]
    kept = Usage()
    for response in responses:
        bank.put("s", FACTS, response)
        kept = kept.plus(response)
    assert kept == bank.spent("s")


def test_a_sample_of_unknown_tokens_answers_for_nothing_that_would_cut_it(bank):
    def untold(request: Request, *, n_tokens: int, reason: str) -> Response:
        sample = Generation(
            sample=0, text="one two", token_ids=(-1,) * n_tokens, logprobs=(), text_ends=(), finish_reason=reason
        )
        return Response(request=request, generations=(sample,), prompt_tokens=1, seconds=0.0)

    made = untold(wish("long", n=1, max_tokens=9), n_tokens=9, reason="length")
    bank.put("s", FACTS, made)
    ended = untold(wish("ended", n=1, max_tokens=9), n_tokens=4, reason="stop")
    bank.put("s", FACTS, ended)
    held = {
        (example, limit, stop): not bank.missing(FACTS, [wish(example, n=1, max_tokens=limit, stop=stop)])
        for example in ("long", "ended")
        for limit in (3, 4, 9, 20)
        for stop in ((), ("two",))
    }
    assert {key for key, value in held.items() if value} == {
        ("long", 9, ()),
        ("ended", 4, ()),
        ("ended", 9, ()),
        ("ended", 20, ()),
    }
    assert bank.get(FACTS, [made.request])[0].generations == made.generations
    assert bank.get(FACTS, [wish("ended", n=1, max_tokens=20)])[0].generations == ended.generations
    assert not bank.get(FACTS, [wish("long", n=1, max_tokens=3)])[0].generations


def test_the_same_response_is_booked_once(bank):
    response = buy(bank, wish())
    spent = bank.spent("s")
    bank.put("s", FACTS, response)
    assert bank.spent("s") == spent
    assert len(bank.get(FACTS, [wish()])[0].generations) == 3
    bank.put("s", FACTS, replace(response, seconds=7.0))  # really bought twice, as by two workers at once
    assert bank.spent("s").n_requests == 2


def test_a_failure_is_remembered_and_is_no_sample(bank):
    request = wish(max_tokens=10_000_000)
    failed = buy(bank, request)
    assert failed.error
    assert bank.missing(FACTS, [request]) == [request]
    assert bank.get(FACTS, [request])[0].error == failed.error
    assert bank.get(FACTS, [wish(max_tokens=16)])[0].error == ""
    assert bank.spent("s") == Usage(n_failed=1)
    bank.put("s", FACTS, answer(request, FakeEngine(context_tokens=20_000_000)))
    (held,) = bank.get(FACTS, [request])
    assert held.error == "" and len(held.generations) == 3


# Many processes, and sudden ends

WRITER = """
import sys
from infertune.bank import SampleBank
from infertune.testing import FakeEngine
from infertune.types import Decoding, Request

bank = SampleBank(sys.argv[1])
for number in range(int(sys.argv[3])):
    request = Request(example_id=f"{sys.argv[2]}-{number}", prompt="p", decoding=Decoding(), samples=tuple(range(9)))
    bank.put(sys.argv[2], {"engine": "fake", "model": "babble"}, next(FakeEngine().generate([request])))
    print(number, flush=True)
"""


def start_writer(path, name: str, n: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, str(n)], stdout=subprocess.PIPE, text=True)


def test_processes_may_create_and_fill_one_file_at_once(tmp_path):
    path = tmp_path / "shared.db"
    writers = [start_writer(path, f"w{number}", 40) for number in range(3)]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    with closing(SampleBank(path)) as bank:
        requests = [wish(f"w{w}-{number}", n=9) for w in range(3) for number in range(40)]
        assert bank.missing(FACTS, requests) == []
        assert [bank.spent(f"w{w}").n_requests for w in range(3)] == [40, 40, 40]


@pytest.mark.parametrize("attempt", range(3))
def test_a_killed_writer_leaves_whole_responses_and_all_it_had_confirmed(tmp_path, attempt):
    path = tmp_path / "killed.db"
    source = random.Random(attempt)
    with start_writer(path, "k", 100_000) as writer:
        confirmed = [writer.stdout.readline() for _ in range(source.randint(1, 60))]
        writer.send_signal(signal.SIGKILL)
        confirmed += writer.stdout.readlines()
    n_confirmed = sum(line.endswith("\n") for line in confirmed)
    with closing(SampleBank(path)) as bank:
        requests = [wish(f"k-{number}", n=9) for number in range(n_confirmed + 2)]
        n_held = [len(response.generations) for response in bank.get(FACTS, requests)]
        assert n_held[:n_confirmed] == [9] * n_confirmed
        assert set(n_held[n_confirmed:]) <= {0, 9}
        assert bank.spent("k").n_requests == n_held.count(9)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# One file with the trial log


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("bank_first", [True, False])
def test_optuna_and_the_bank_share_a_file(tmp_path, bank_first):
    optuna = pytest.importorskip("optuna")
    path = tmp_path / "study.db"
    if bank_first:
        SampleBank(path).close()
    with closing(SampleBank(path)) if bank_first else closing(sqlite3.connect(":memory:")):
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        study = optuna.create_study(study_name="trials", storage=storage)
        study.add_trial(optuna.create_trial(value=0.5))
    with closing(SampleBank(path)) as bank:
        response = buy(bank, wish())
        study.add_trial(optuna.create_trial(value=0.7))
        again = optuna.load_study(study_name="trials", storage=f"sqlite:///{path}")
        assert [trial.value for trial in again.trials] == [0.5, 0.7]
        assert bank.get(FACTS, [wish()]) == [response]
        assert storage.get_head_version() == storage.get_current_version()
    storage.engine.dispose()


@pytest.mark.filterwarnings("ignore")
def test_the_dashboard_opens_the_file(tmp_path):
    optuna = pytest.importorskip("optuna")
    dashboard = pytest.importorskip("optuna_dashboard")
    path = tmp_path / "study.db"
    with closing(SampleBank(path)) as bank:
        buy(bank, wish())
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        optuna.create_study(study_name="trials", storage=storage).add_trial(optuna.create_trial(value=0.5))
        page = dashboard.wsgi(storage)
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/api/studies",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
        }
        body = b"".join(page(environ, lambda *status: None))
        assert [study["study_name"] for study in json.loads(body)["study_summaries"]] == ["trials"]
    storage.engine.dispose()


# PostgreSQL


@pytest.mark.skipif("INFERTUNE_TEST_POSTGRES" not in os.environ, reason="INFERTUNE_TEST_POSTGRES names no server")
def test_postgresql_does_the_same():
    study = f"s{time.time()}"  # the server is not emptied between runs
    request = wish(study, n=9, max_tokens=64, seed=2**100)
    engine = FakeEngine(lambda *_: "nul \0 and half a character \ud800 " * 3)
    with closing(SampleBank(os.environ["INFERTUNE_TEST_POSTGRES"])) as bank:
        response = answer(request, engine)
        assert bank.missing(FACTS, [request]) == [request]
        bank.put(study, FACTS, response)
        bank.put(study, FACTS, response)
        bank.put(study, FACTS, answer(wish("fails", max_tokens=10_000_000)))
        assert bank.missing(FACTS, [request]) == []
        assert bank.get(FACTS, [request]) == [response]
        assert bank.spent(study) == Usage(
            prompt_tokens=1, completion_tokens=response.completion_tokens, n_requests=1, n_failed=1
        )


# Strange files


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, " * 200)
    with pytest.raises(InvalidInputError, match="must be a SQLite file or a new one"):
        SampleBank(path)
    assert path.read_text() == "dear diary, " * 200


def test_another_programs_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "cookies.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE moz_cookies (id)")
    content = path.read_bytes()
    with pytest.raises(InvalidInputError, match="moz_cookies"):
        SampleBank(path)
    assert path.read_bytes() == content


def test_a_damaged_file_says_so_and_how_to_rescue_it(tmp_path):
    path = tmp_path / "damaged.db"
    with closing(SampleBank(path)) as bank:
        for number in range(60):
            buy(bank, wish(str(number)))
    content = bytearray(path.read_bytes())
    content[4096 * 4 :] = b"\xff" * (len(content) - 4096 * 4)
    path.write_bytes(content)
    with pytest.raises(DataUnavailableError, match=r"damaged.*recover"), closing(SampleBank(path)) as bank:
        bank.get(FACTS, [wish(str(number)) for number in range(60)])


def test_a_newer_bank_is_refused(tmp_path):
    path = tmp_path / "newer.db"
    SampleBank(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE bank_schema SET version = 99")
        connection.commit()
    with pytest.raises(InvalidInputError, match="version 99"):
        SampleBank(path)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("{}/absent/study.db", "folder of a study's file must exist"),
        ("{}", "is a folder"),
        ("mongodb://host/study", "sqlite or postgresql"),
        ("mysql://host/study", "sqlite or postgresql"),
        ("://", "must look like"),
    ],
)
def test_a_place_that_cannot_be_is_refused(tmp_path, place, message):
    with pytest.raises(InvalidInputError, match=message):
        SampleBank(place.format(tmp_path))


def test_a_study_finds_its_rows_by_index(tmp_path):
    """64 examples must be found at once among any number of others."""
    path = tmp_path / "study.db"
    SampleBank(path).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        plan = connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT * FROM bank_requests LEFT OUTER JOIN bank_generations "
                "ON bank_requests.id = bank_generations.request WHERE bank_requests.key IN ('a', 'b')"
            )
        ).fetchall()
    engine.dispose()
    assert all("SEARCH" in step.detail and "INDEX" in step.detail for step in plan)


def test_a_sample_wished_for_at_two_lengths_is_generated_once_at_the_longer(bank):
    short, long = wish(samples=(0, 1, 2), max_tokens=2), wish(samples=(0,), max_tokens=8)
    for wishes in ([short, long], [long, short]):
        lacking = bank.missing(FACTS, wishes)
        assert {(r.decoding.max_tokens, r.samples) for r in lacking} == {(2, (1, 2)), (8, (0,))}
    assert bank.missing(FACTS, [short, short]) == [short]
    for response in ENGINE.generate(bank.missing(FACTS, [short, long])):
        bank.put("s", FACTS, response)
    assert [len(response.generations) for response in bank.get(FACTS, [short, long])] == [3, 1]
