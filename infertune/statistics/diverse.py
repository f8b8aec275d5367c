"""A few of many that are unlike each other: the greedy mode of a determinantal process.

Chen, Zhang and Zhou, "Fast greedy MAP inference for determinantal point process to improve recommendation diversity"
(2018), algorithm 1. A set is worth the determinant of its part of L, L[i, j] = q[i] S[i, j] q[j]: quality times the
volume that the features span, so that a second one of a kind adds little.
"""

from collections.abc import Sequence

import numpy as np

from infertune.types.arrays import FloatArray

_LEAST_GAIN = 1e-9  # of what the chosen ones span already nothing is left


def diverse(features: FloatArray, quality: FloatArray, n: int) -> list[int]:
    """Return the numbers of at most ``n`` that are good and unlike each other, the best first.

    Args:
        features: Of length 1, so that their products are likenesses; shape ``[n_all, n_features]``.
        quality: Above 0; shape ``[n_all]``.
        n: How many are wanted. Fewer come back where all others are copies of the chosen ones.
    """
    gains = np.square(quality).astype(np.float64)  # d^2 of the paper
    rows = np.zeros((len(gains), 0))  # c of the paper
    chosen: list[int] = []
    while len(chosen) < min(n, len(gains)):
        best = int(np.argmax(gains))
        if gains[best] < _LEAST_GAIN * quality[best] ** 2:
            break
        chosen.append(best)
        likeness = quality * quality[best] * (features @ features[best])
        row = (likeness - rows @ rows[best]) / np.sqrt(gains[best])
        rows = np.column_stack([rows, row])
        gains = gains - np.square(row)
        gains[best] = -np.inf
    return chosen


def word_features(texts: Sequence[str], *, most_words: int = 2000) -> FloatArray:
    """Return the words of texts, rare ones counting more, as vectors of length 1; shape ``[n_texts, n_words]``.

    Args:
        texts: In any number.
        most_words: Only the commonest of those words that tell texts apart are counted.
    """
    counted = [_counts(text) for text in texts]
    n_with: dict[str, int] = {}
    for counts in counted:
        for word in counts:
            n_with[word] = n_with.get(word, 0) + 1
    telling = sorted((word for word, n in n_with.items() if n < len(texts)), key=lambda word: (-n_with[word], word))
    column = {word: number for number, word in enumerate(telling[:most_words])}
    found = np.zeros((len(texts), len(column) + 1))
    found[:, -1] = 1e-3  # a text without words is like any other such
    for row, counts in enumerate(counted):
        for word, count in counts.items():
            if word in column:
                found[row, column[word]] = np.log1p(count) * np.log(len(texts) / n_with[word])
    lengths: FloatArray = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / lengths, dtype=np.float64)


def _counts(text: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in text.lower().split():
        counts[word] = counts.get(word, 0) + 1
    return counts
