"""Scores of pieces of evidence on examples that they share or do not, as sums that need no example by itself.

The score of configuration c on example e is u(c) + luck, and the luck of different examples is independent. Examples
asked of the same pieces have the same covariance S of it, so a few matrices, one for each such set, stand for
hundreds of examples. What all scores say of u is in two sums over examples, Z marking who was asked:

    information = sum Z' S^-1 Z,      sum Z' S^-1 y

(crossed random effects; Baayen, Davidson and Bates 2008). Blocks are padded to the largest set.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from infertune.types.arrays import FloatArray


class Crossed:
    """Which examples were asked of which pieces.

    Attributes:
        n: Pieces.
        counts: Examples of each set, ``[n_sets]``.
        members: Pieces of each set, padded with n, ``[n_sets, width]``.
        set_of: Of each example, ``[n_examples]``; -1 where nobody was asked.

    Args:
        examples: Of each piece, each once.
        n_examples: How many there are.
    """

    def __init__(self, examples: Sequence[NDArray[np.intp]], n_examples: int) -> None:
        self.n = len(examples)
        rows = np.concatenate(examples)
        columns = np.repeat(np.arange(self.n), [len(each) for each in examples])
        was_asked = np.zeros((n_examples, self.n), dtype=bool)
        was_asked[rows, columns] = True
        used = np.flatnonzero(was_asked.any(axis=1))
        packed = np.packbits(was_asked[used], axis=1)
        keys = packed.view([("", packed.dtype)] * packed.shape[1])[:, 0]
        _, first, number, self.counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        self.set_of = np.full(n_examples, -1)
        self.set_of[used] = number
        asked = was_asked[used[first]]
        width = int(asked.sum(axis=1).max())
        order = np.argsort(~asked, axis=1, kind="stable")[:, :width]
        self._has = np.take_along_axis(asked, order, axis=1)
        self.members = np.where(self._has, order, self.n)
        self._at = np.where(self._has, order, 0)
        together = np.argsort(number, kind="stable")
        self._starts = np.cumsum(self.counts) - self.counts
        place = np.zeros((n_examples, self.n), dtype=np.int32)  # of its score among all, from 1; 0 is none
        place[rows, columns] = np.arange(1, len(rows) + 1)
        self._cells = place[used[together][:, None], self._at[number[together]]] * self._has[number[together]]

    @cached_property
    def both(self) -> FloatArray:
        """1 where two members are of the set, 0 in the padding, ``[n_sets, width, width]``."""
        return np.asarray(self._has[:, :, None] & self._has[:, None, :], dtype=np.float64)

    @cached_property
    def padding(self) -> FloatArray:
        """1 on the diagonals of the padding, so that blocks can be inverted, ``[n_sets, width, width]``."""
        return np.where(self._has[:, :, None], 0.0, np.eye(self._has.shape[1]))

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        """Where each number of all blocks belongs in a matrix of the pieces, and one more for the padding."""
        return np.asarray((self.members[:, :, None] * (self.n + 1) + self.members[:, None, :]).ravel())

    def sums(self, scores: FloatArray) -> FloatArray:
        """Return the sums over the examples of each set, of scores piece by piece: ``[n_scores, R]`` to
        ``[n_sets, width, R]``."""
        return np.asarray(np.add.reduceat(self._by_example(scores), self._starts, axis=0))

    def products(self, scores: FloatArray) -> FloatArray:
        """Return the sums of products of two members' scores, ``[n_sets, width, width]``, all numbers together."""
        cells = self._by_example(scores)
        return np.asarray(np.add.reduceat(cells @ cells.transpose(0, 2, 1), self._starts, axis=0))

    def blocks(self, matrix: FloatArray) -> FloatArray:
        """Return the part of a matrix ``[n, n]`` that belongs to each set."""
        return np.asarray(matrix[self._at[:, :, None], self._at[:, None, :]] * self.both)

    def rows(self, matrix: FloatArray, sets: NDArray[np.intp] | slice = slice(None)) -> FloatArray:
        """Return the rows of a matrix ``[n, m]`` that belong to all sets, or to some: ``[n_sets, width, m]``."""
        return np.asarray(matrix[self._at[sets]] * self._has[sets][:, :, None])

    def gathered(self, blocks: FloatArray) -> FloatArray:
        """Return the sum of all blocks, each in its place, ``[n, n]``."""
        n = self.n + 1
        found = np.bincount(self._places, weights=blocks.ravel(), minlength=n * n)
        return np.asarray(found.reshape(n, n)[:-1, :-1], dtype=np.float64)

    def gathered_rows(self, rows: FloatArray, sets: NDArray[np.intp] | slice = slice(None)) -> FloatArray:
        """Return the sum of the rows of all sets, or of some, each in its place, ``[n, m]``."""
        found = np.zeros((self.n + 1, rows.shape[2]))
        np.add.at(found, self.members[sets].ravel(), rows.reshape(-1, rows.shape[2]))
        return found[:-1]

    def shares(self, examples: Sequence[NDArray[np.intp]]) -> FloatArray:
        """Return which share of some examples is of each set, ``[n_sets, m]``."""
        found = np.zeros((len(self.counts) + 1, len(examples)))
        for column, each in enumerate(examples):
            np.add.at(found[:, column], self.set_of[each], 1.0 / len(each))
        return found[:-1]  # those that nobody was asked have set -1, the row behind the last

    def overlaps(self, counts: FloatArray) -> FloatArray:
        """Return the covariances ``[n, n]`` of means of numbers that each example has for itself, of variance 1.

        Args:
            counts: Examples of each piece, ``[n]``.
        """
        asked = np.zeros((len(self.counts), self.n + 1))
        np.put_along_axis(asked, self.members, 1.0, axis=1)
        share = asked[:, :-1] / counts
        return np.asarray((share.T * self.counts) @ share)

    def _by_example(self, scores: FloatArray) -> FloatArray:
        padded = np.concatenate([np.zeros((1, scores.shape[1])), scores])
        return np.asarray(padded[self._cells])
