"""The guilty setting is found and nobody else: any set of settings that kill, any company, any order of pulls."""

from hypothesis import given
from hypothesis import strategies as st

from infertune.engines.vllm.suspects import MAX_DEATHS, Suspects
from infertune.types import Decoding, Request


def request(number: int, setting: int) -> Request:
    return Request(example_id=str(number), prompt="p", decoding=Decoding(temperature=float(setting)))


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=30),
    st.sets(st.integers(0, 4), max_size=3),
    st.integers(1, 12),
)
def test_guilty_settings_fail_and_all_others_are_answered(settings: list[int], killers: set[int], room: int) -> None:
    suspects = Suspects()
    source = [request(number, setting) for number, setting in enumerate(settings)]
    answered: list[Request] = []
    refused: list[Request] = []
    n_deaths = 0
    while True:
        group = suspects.next_group()
        if not group:
            group = tuple(source[:room])
            del source[:room]
        if not group:
            break
        asked = []
        for one in group:
            (refused if suspects.verdict(one) else asked).append(one)
        if any(int(one.decoding.temperature) in killers for one in asked):
            n_deaths += 1
            suspects.died(asked, "boom")
        else:
            answered += asked
    guilty = {one for one in map(request, range(len(settings)), settings) if int(one.decoding.temperature) in killers}
    assert set(refused) == guilty
    assert len(answered) + len(refused) == len(settings)
    assert set(answered).isdisjoint(guilty)
    # Each killer dies alone a few times, and once more in company.
    assert n_deaths <= (MAX_DEATHS + 1) * len(killers)
    for one in refused:
        assert suspects.verdict(one) == "its decoding settings killed the server 3 times: boom"


def test_the_innocent_are_asked_before_those_that_were_alone_with_a_death() -> None:
    suspects = Suspects()
    suspects.died([request(0, 0), request(1, 1), request(2, 0)], "boom")
    first = suspects.next_group()
    assert [one.example_id for one in first] == ["0", "2"]
    suspects.died(first, "boom")
    assert [one.example_id for one in suspects.next_group()] == ["1"]
    assert suspects.next_group() == first


def test_a_death_from_outside_puts_a_group_back() -> None:
    suspects = Suspects()
    suspects.died([request(0, 0), request(1, 1)], "boom")
    first = suspects.next_group()
    suspects.again(first)
    assert suspects.next_group() == first
    suspects.dismiss()
    assert suspects.next_group() == ()
