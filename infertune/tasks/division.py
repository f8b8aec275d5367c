"""The two splits of one source: exactly as large as the task file asks, every answer in both in proportion.

An example's place is a hash of its id. Where answers recur (each twice on average, or oftener), every answer is
divided by itself, and those that occur once together: each gets its share of a split, rounded by the largest
remainders (Hamilton's method) so that the sizes stay exact. The lowest places of each become ``tune``, the highest
``confirm``.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import cycle

from infertune.errors import InvalidInputError
from infertune.tasks.definition import Splits

_TUNE = Fraction("0.6")  # of the examples, where the task file does not say


def place(example_id: str) -> float:
    """Return an example's fixed place in [0, 1)."""
    digest = hashlib.sha256(f"infertune split {example_id}".encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56


def sizes(splits: Splits, n: int) -> tuple[int, int]:
    """Return how many of ``n`` examples are tune and confirm.

    A count is itself. A share is rounded to the nearest whole number, a half upwards; ``confirm`` gets what is left
    where the two sum to 1 or it is not given. Neither is ever empty.

    Raises:
        InvalidInputError: There are too few examples.
    """
    tune, confirm = splits.tune, splits.confirm
    if n < 2:
        raise InvalidInputError(f"'splits' needs at least 2 examples, one for each split, but there is {n}")
    if isinstance(tune, int) or isinstance(confirm, int):
        n_tune = tune if isinstance(tune, int) else n - confirm if isinstance(confirm, int) else 0
        n_confirm = confirm if isinstance(confirm, int) else n - n_tune
        if n_tune < 1 or n_confirm < 1 or n_tune + n_confirm > n:
            asked = " + ".join(str(one) for one in (tune, confirm) if one is not None)
            raise InvalidInputError(
                f"'splits' must take at least 1 each and at most the {n} examples there are, but is {asked}"
            )
        return n_tune, n_confirm
    shares = [Fraction(str(one)) if isinstance(one, float) else None for one in (tune, confirm)]
    share = shares[0] if shares[0] is not None else _TUNE if shares[1] is None else 1 - shares[1]
    n_tune = min(max(_nearest(share * n), 1), n - 1)
    rest = n - n_tune
    if shares[1] is None or share + shares[1] == 1:
        return n_tune, rest
    return n_tune, min(max(_nearest(shares[1] * n), 1), rest)


def divide(answers: Mapping[str, str], n_tune: int, n_confirm: int) -> tuple[list[str], list[str]]:
    """Return the ids of tune and of confirm, each in the order of their places.

    Args:
        answers: By example id. The order of the ids does not matter.
    """
    strata = _strata(answers)
    whole = [len(stratum) for stratum in strata]
    confirms = allotted(whole, n_confirm, room=whole)
    tunes = allotted(whole, n_tune, room=[size - taken for size, taken in zip(whole, confirms, strict=True)])
    low = [name for stratum, n in zip(strata, tunes, strict=True) for name in stratum[:n]]
    high = [name for stratum, n in zip(strata, confirms, strict=True) for name in stratum[len(stratum) - n :]]
    return sorted(low, key=_ordered), sorted(high, key=_ordered)


def allotted(whole: Sequence[int], total: int, *, room: Sequence[int]) -> list[int]:
    """Return the shares of ``total`` in proportion to ``whole`` by the largest remainders, none above its room."""
    n = sum(whole)
    exact = [Fraction(total * size, n) for size in whole]
    found = [int(share) for share in exact]
    by_remainder = sorted(range(len(whole)), key=lambda at: found[at] - exact[at])
    left = total - sum(found)
    for at in cycle(by_remainder):
        if left == 0:
            break
        if found[at] < room[at]:
            found[at] += 1
            left -= 1
    return found


def _strata(answers: Mapping[str, str]) -> list[list[str]]:
    """Return the ids answer by answer, sorted by place; all together where hardly an answer recurs."""
    counts = Counter(answers.values())
    recur = 2 * len(counts) <= len(answers)
    by_answer: dict[str, list[str]] = defaultdict(list)
    for name, answer in answers.items():
        by_answer[f"={answer}" if recur and counts[answer] > 1 else ""].append(name)
    return [sorted(by_answer[answer], key=_ordered) for answer in sorted(by_answer)]


def _ordered(name: str) -> tuple[float, str]:
    return place(name), name


def _nearest(number: Fraction) -> int:
    return int(number + Fraction(1, 2))
