"""The division of one source: exact, disjoint, every answer in proportion, by ids and answers alone."""

from collections import Counter
from fractions import Fraction
from math import floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.tasks.definition import Splits
from infertune.tasks.division import allotted, divide, sizes

# Ids by number, each with one of a few answers.
FEW = st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=80).map(
    lambda labels: {f"id{number}": label for number, label in enumerate(labels)}
)


@st.composite
def wishes(draw: st.DrawFn) -> tuple[dict[str, str], int, int]:
    answers = draw(FEW)
    n_tune = draw(st.integers(1, len(answers) - 1))
    return answers, n_tune, draw(st.integers(1, len(answers) - n_tune))


@given(wishes())
def test_sizes_are_exact_and_no_example_is_in_both(wish: tuple[dict[str, str], int, int]) -> None:
    answers, n_tune, n_confirm = wish
    tune, confirm = divide(answers, n_tune, n_confirm)
    assert (len(tune), len(confirm)) == (n_tune, n_confirm)
    assert len({*tune, *confirm}) == n_tune + n_confirm
    assert {*tune, *confirm} <= answers.keys()


@given(wishes())
def test_every_answer_is_in_both_in_proportion(wish: tuple[dict[str, str], int, int]) -> None:
    answers, n_tune, n_confirm = wish
    whole = Counter(answers.values())
    assume(2 * len(whole) <= len(answers))
    for split in divide(answers, n_tune, n_confirm):
        there = Counter(answers[name] for name in split)
        for answer, number in whole.items():
            if number > 1:
                assert abs(there[answer] - Fraction(len(split) * number, len(answers))) < 1


@given(wishes(), st.randoms(use_true_random=False))
def test_the_order_of_the_examples_does_not_matter(wish: tuple[dict[str, str], int, int], random) -> None:
    answers, n_tune, n_confirm = wish
    mixed = list(answers.items())
    random.shuffle(mixed)
    assert divide(dict(mixed), n_tune, n_confirm) == divide(answers, n_tune, n_confirm)


@given(wishes())
def test_the_names_of_the_answers_do_not_matter_where_they_sort_alike(wish: tuple[dict[str, str], int, int]) -> None:
    answers, n_tune, n_confirm = wish
    other = {name: f"the answer {answer}" for name, answer in answers.items()}
    assert divide(other, n_tune, n_confirm) == divide(answers, n_tune, n_confirm)


@given(st.sets(st.text(max_size=5), min_size=2, max_size=60), st.data())
def test_answers_that_do_not_recur_divide_at_random_by_the_ids_alone(ids: set[str], data: st.DataObject) -> None:
    n_tune = data.draw(st.integers(1, len(ids) - 1))
    free = {name: f"answer {number}" for number, name in enumerate(ids)}
    other = {name: f"other {len(name)}.{number}" for number, name in enumerate(sorted(ids))}
    tune, confirm = divide(free, n_tune, len(ids) - n_tune)
    assert divide(other, n_tune, len(ids) - n_tune) == (tune, confirm)
    # One order of all, cut once: every smaller tune is the beginning of a larger one.
    assert divide(free, len(ids) - 1, 1)[0][:n_tune] == tune


def test_a_few_more_examples_move_few_of_the_others() -> None:
    answers = {f"id{number}": "abcd"[number % 4] for number in range(400)}
    more = answers | {f"new{number}": "abcd"[number % 4] for number in range(8)}
    before, after = divide(answers, 240, 160), divide(more, 245, 163)
    moved = (set(before[0]) & set(after[1])) | (set(before[1]) & set(after[0]))
    assert len(moved) <= 8


@given(st.lists(st.integers(0, 30), min_size=1, max_size=8).filter(any), st.data())
def test_the_largest_remainders_are_rounded_up(whole: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(whole)))
    found = allotted(whole, total, room=whole)
    exact = [Fraction(total * size, sum(whole)) for size in whole]
    assert sum(found) == total
    up = [share - floor(share) for share, n in zip(exact, found, strict=True) if n > share]
    down = [share - floor(share) for share, n in zip(exact, found, strict=True) if n <= share]
    assert all(0 <= n - floor(share) <= 1 for share, n in zip(exact, found, strict=True))
    assert not up or not down or min(up) >= max(down)


@given(st.integers(2, 2000), st.integers(1, 99), st.integers(1, 99))
def test_shares_are_rounded_to_the_nearest_and_use_all_where_they_sum_to_1(n: int, tune: int, confirm: int) -> None:
    n_tune, n_confirm = sizes(Splits(tune=tune / 100, confirm=(100 - tune) / 100), n)
    assert n_tune + n_confirm == n
    assert n_tune == min(max((2 * tune * n + 100) // 200, 1), n - 1)
    assert sizes(Splits(tune=tune / 100), n) == (n_tune, n_confirm)
    if tune + confirm < 100:
        few = sizes(Splits(tune=tune / 100, confirm=confirm / 100), n)
        assert few == (n_tune, min(max((2 * confirm * n + 100) // 200, 1), n - n_tune))


@pytest.mark.parametrize(
    ("splits", "n", "expected"),
    [
        (Splits(), 10, (6, 4)),
        (Splits(), 2, (1, 1)),
        (Splits(tune=0.5, confirm=0.5), 5, (3, 2)),  # a half goes up
        (Splits(tune=0.29, confirm=0.71), 50, (15, 35)),  # 14.5, which floating point makes 14.499...
        (Splits(tune=3, confirm=4), 10, (3, 4)),
        (Splits(tune=3), 10, (3, 7)),
        (Splits(confirm=3), 10, (7, 3)),
        (Splits(confirm=0.25), 10, (8, 2)),
        (Splits(tune=0.001), 10, (1, 9)),
    ],
)
def test_sizes(splits: Splits, n: int, expected: tuple[int, int]) -> None:
    assert sizes(splits, n) == expected


@pytest.mark.parametrize(
    ("splits", "n"), [(Splits(), 1), (Splits(), 0), (Splits(tune=5, confirm=6), 10), (Splits(tune=9), 9)]
)
def test_too_few_examples_are_refused(splits: Splits, n: int) -> None:
    with pytest.raises(InvalidInputError, match="'splits'"):
        sizes(splits, n)
