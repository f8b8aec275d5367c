"""What every replay choice is worth where the chances of all answers are known, and lengths do not depend on them."""

from collections.abc import Mapping

import numpy as np

from infertune.testing.expected_votes import likeliest, plurality, thinned
from infertune.testing.synthetic import Truth
from infertune.types import Configuration
from infertune.types.arrays import FloatArray


def voted_truth(
    choices: tuple[Configuration, ...],
    *,
    chances: FloatArray,
    logprobs: FloatArray,
    noise: FloatArray,
    in_time: Mapping[int, FloatArray],
    prompt_tokens: float,
    lengths: Mapping[int, float],
) -> Truth:
    """Return the truth of some examples; their number is the last axis throughout.

    Args:
        choices: Of the replay tier.
        chances: ``[n_answers + 1, n_examples]``, the right answer first and no answer last.
        logprobs: Of these, before noise.
        noise: Scale of its Gumbel noise, ``[n_examples]``.
        in_time: Chance that an answer is given within each limit, ``[n_examples]``.
        prompt_tokens: Their mean.
        lengths: Mean length of a sample under each limit.
    """
    answered = 1 - chances[-1]
    ns = sorted({int(each["strategy.n"]) for each in choices})
    wins = plurality(chances[:-1] / np.maximum(answered, 1e-12), ns[-1])
    best = dict(zip(ns, likeliest(chances, logprobs, noise, ns), strict=True))
    utility, cost = [], []
    for each in choices:
        n, max_tokens = int(each["strategy.n"]), int(each["decoding.max_tokens"])
        if each["strategy.name"] == "best_of_n":
            value = best[n] * in_time[max_tokens]
        else:
            value = thinned(wins, answered * in_time[max_tokens], n)
        utility.append(float(value.mean()))
        cost.append(prompt_tokens + n * lengths[max_tokens])
    return Truth(choices=choices, utility=np.array(utility), cost_tokens=np.array(cost))
