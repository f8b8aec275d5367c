"""What was noted is not done again, in both kinds of logs that studies have."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.bank.notes import Notes, once
from infertune.serving.measure.event_log import EventLog
from infertune.study.trial_log import TrialLog

Open = Callable[[], Notes]
JSON = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@pytest.fixture(params=["trials", "events"])
def reopened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Return what opens the log as another process would."""
    path = tmp_path / "study.db"
    opened: list[EventLog] = []

    def open_log() -> Notes:
        if request.param == "trials":
            return TrialLog(f"sqlite:///{path}", "mine")
        opened.append(EventLog(path, "mine"))
        return opened[-1]

    yield open_log
    for log in opened:
        log.close()


def never(known: Any) -> Any:
    raise AssertionError("it was done again")


def test_an_act_is_done_once(reopened: Open) -> None:
    log = reopened()
    assert once(log, "key", lambda known: {"was": known}) == {"was": None}
    assert once(log, "key", never) == {"was": None}
    assert once(reopened(), "key", never) == {"was": None}


def test_other_keys_are_other_acts(reopened: Open) -> None:
    log = reopened()
    assert [once(log, f"key {n}", lambda _, n=n: {"n": n})["n"] for n in (1, 2, 1)] == [1, 2, 1]


def test_of_a_killed_act_nothing_stays(reopened: Open) -> None:
    def killed(known: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once(reopened(), "key", killed)
    assert once(reopened(), "key", lambda known: {"was": known}) == {"was": None}


def test_an_act_that_comes_to_nothing_is_done_again(reopened: Open) -> None:
    log = reopened()
    assert once(log, "key", lambda known: None) is None
    assert log.noted("key") is None
    assert once(log, "key", lambda known: {"n": 1}) == {"n": 1}


def test_what_does_not_hold_any_more_is_told_and_replaced(tmp_path: Path) -> None:
    log = TrialLog(f"sqlite:///{tmp_path}/study.db", "mine")
    once(log, "key", lambda known: {"budget": 1})
    assert once(log, "key", never, holds=lambda known: known["budget"] == 1) == {"budget": 1}
    new = once(log, "key", lambda known: {"budget": 2, "had": known}, holds=lambda known: known["budget"] == 2)
    assert new == {"budget": 2, "had": {"budget": 1}} == log.noted("key")


@settings(max_examples=40, deadline=None)
@given(value=st.dictionaries(st.text(max_size=3), JSON))
def test_who_acts_and_who_reads_go_on_with_the_same_value(tmp_path_factory: Any, value: Any) -> None:
    with closing(EventLog(tmp_path_factory.mktemp("x") / "study.db", "mine")) as log:
        made = once(log, "key", lambda known: value)
        assert repr(made) == repr(once(log, "key", never)) == repr(log.noted("key"))
