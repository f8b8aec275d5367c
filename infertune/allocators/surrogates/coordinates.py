"""Configurations as points whose distances mean something, for the kernel of a Gaussian process.

A number lies at its position in its range, in logarithm where the range is one of ratios or a list of numbers. A
parameter that exists only where another is above some value shrinks with it. Choices of texts are equal or not.

Temperature and the truncations lie by what they leave of a distribution (`left_by_settings`): all of them shrink with
that heat, which is itself half of where temperature lies. So a high temperature with top_k 1, or with a small top_p,
lies where greedy decoding does, and what is learned of one is known of all.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from infertune.allocators.surrogates.left_by_settings import heat
from infertune.decoding.settings import TRUNCATIONS
from infertune.space import Parameter, SearchSpace
from infertune.space.names import DECODING, TEMPERATURE
from infertune.types import Configuration, Scalar
from infertune.types.arrays import FloatArray

_REMEMBERED = 3  # a model has three kernels


class Coordinates:
    """The axes of a space: ``numbers`` have positions in [0, 1], ``labels`` are integers that are equal or not."""

    def __init__(self, space: SearchSpace) -> None:
        varied = [parameter for parameter in space.parameters if _varies(parameter)]
        self._space = space
        self._known: dict[Configuration, list[float]] = {}
        self._among: dict[bytes, tuple[FloatArray, FloatArray]] = {}  # by theta, the last one used last
        self.numbers = tuple(p for p in varied if not _is_label(p))
        self.labels = tuple(p for p in varied if _is_label(p))

    @property
    def n_axes(self) -> int:
        """Numbers first, then labels."""
        return len(self.numbers) + len(self.labels)

    def points(self, configurations: Sequence[Configuration]) -> FloatArray:
        """Return ``[n_configurations, n_axes]``."""
        for each in configurations:
            if each not in self._known:
                positions = [self._position(parameter, each) for parameter in self.numbers]
                self._known[each] = positions + [self._label(parameter, each) for parameter in self.labels]
        rows = [self._known[each] for each in configurations]
        return np.array(rows, dtype=np.float64).reshape(len(configurations), self.n_axes)

    def differences(self, one: FloatArray, other: FloatArray) -> FloatArray:
        """Return the squared difference of all pairs, of labels whether they differ: ``[n_axes, n_one, n_other]``."""
        difference = one.T[:, :, None] - other.T[:, None, :]
        difference *= difference
        n = len(self.numbers)
        difference[n:] = difference[n:] > 0
        return difference

    def correlation(self, theta: FloatArray, one: FloatArray, other: FloatArray) -> FloatArray:
        """Return ``exp(-theta . differences)`` of all pairs, ``[n_one, n_other]``, by one product of matrices."""
        near, far = self._stretched(theta, one), self._stretched(theta, other)
        found = near @ far.T
        found *= 2.0
        found -= (near * near).sum(axis=1)[:, None]
        found -= (far * far).sum(axis=1)
        np.minimum(found, 0.0, out=found)
        return np.asarray(np.exp(found, out=found))

    def correlations_among(self, theta: FloatArray, points: FloatArray) -> FloatArray:
        """Return the correlations of points with each other, ``[n, n]``.

        Those of the last call with this theta are remembered: as evidence comes, only a few points are new.
        """
        before, known = self._among.pop(theta.tobytes(), (points[:0], points[:0, :0]))
        shorter = min(len(before), len(points))
        same = (before[:shorter] == points[:shorter]).all(axis=1)
        n = int(np.append(same, False).argmin())  # up to the first that differs
        found = np.empty((len(points), len(points)))
        found[:n, :n] = known[:n, :n]
        found[n:] = self.correlation(theta, points[n:], points)
        found[:n, n:] = found[n:, :n].T
        found.flags.writeable = False  # it is handed out again
        self._among[theta.tobytes()] = points, found
        while len(self._among) > _REMEMBERED:
            del self._among[next(iter(self._among))]
        return found

    def _stretched(self, theta: FloatArray, points: FloatArray) -> FloatArray:
        """Return points whose squared distances are ``theta . differences``: a label is one of several corners."""
        n = len(self.numbers)
        columns = [points[:, :n] * np.sqrt(theta[:n])]
        for axis, parameter in enumerate(self.labels, n):
            labels = np.arange(-1, len(parameter.values()))
            columns.append((points[:, axis, None] == labels) * math.sqrt(theta[axis] / 2))
        return np.concatenate(columns, axis=1)

    def _position(self, parameter: Parameter, configuration: Mapping[str, Scalar]) -> float:
        if parameter.name not in configuration:
            return 0.0
        if parameter.name == TEMPERATURE:
            return heat(configuration) * (1.0 + _scaled(parameter, float(configuration[TEMPERATURE]))) / 2.0
        position = _scaled(parameter, float(configuration[parameter.name]))
        neutral = _scaled(parameter, float(parameter.default))
        return (position - neutral) * self._presence(parameter, configuration)

    def _presence(self, parameter: Parameter, configuration: Mapping[str, Scalar]) -> float:
        """Return 1 for what always exists, and the position of what it depends on otherwise."""
        if parameter.name.removeprefix(DECODING) in TRUNCATIONS:
            return heat(configuration)
        when = parameter.when
        if when is None or when.operator not in (">", ">=") or when.name not in configuration:
            return 1.0
        return _scaled(self._space[when.name], float(configuration[when.name]))

    @staticmethod
    def _label(parameter: Parameter, configuration: Mapping[str, Scalar]) -> float:
        return -1.0 if parameter.name not in configuration else parameter.values().index(configuration[parameter.name])


def _is_label(parameter: Parameter) -> bool:
    return isinstance(parameter.default, str | bool)


def _varies(parameter: Parameter) -> bool:
    return parameter.continuous or len(parameter.values()) > 1


def _scaled(parameter: Parameter, value: float) -> float:
    """Return the position of a value between the lowest and the highest, 0 to 1."""
    ends = (
        [float(each) for each in parameter.choices]
        if parameter.kind == "choice"
        else [float(parameter.low or 0.0), float(parameter.high or 0.0)]
    )
    low, high = min(ends), max(ends)
    if low == high:  # it is fixed, and what goes with it has all its effect
        return 1.0
    if low >= 0 and (parameter.log or parameter.kind == "choice"):
        shift = 0.0 if low > 0 else 1.0
        low, high, value = math.log(low + shift), math.log(high + shift), math.log(max(value + shift, 1e-12))
    return (value - low) / (high - low)
