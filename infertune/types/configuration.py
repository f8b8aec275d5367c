"""One assignment of the search space: a value with an identity."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping

from infertune.types.requests import Scalar


class Configuration(Mapping[str, Scalar]):
    """A frozen assignment of dotted names to values; two are equal when their canonical JSON is.

    Parameters that do not exist under the other values are absent: a greedy configuration has no ``top_p``.
    """

    __slots__ = ("_canonical", "_values")

    def __init__(self, values: Mapping[str, Scalar]) -> None:
        for name, value in values.items():
            if type(value) not in (bool, int, float, str) or (isinstance(value, float) and not math.isfinite(value)):
                raise TypeError(f"{name} must be a bool, int, finite float or str, but is {value!r}")
        self._values = dict(sorted(values.items()))
        self._canonical: str | None = None

    def with_values(self, values: Mapping[str, Scalar]) -> "Configuration":
        """Return this configuration with some values set or added."""
        return Configuration({**self._values, **values})

    @property
    def canonical(self) -> str:
        """JSON with sorted keys in which whole floats are written as ints, for 1.0 and 1 are the same setting."""
        if self._canonical is None:  # made when it is first asked for: most configurations are never compared
            plain = {n: int(v) if isinstance(v, float) and v.is_integer() else v for n, v in self._values.items()}
            self._canonical = json.dumps(plain, separators=(",", ":"))
        return self._canonical

    @property
    def digest(self) -> str:
        """The identity: the first 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()[:16]

    def __getitem__(self, name: str) -> Scalar:
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return self.canonical == other.canonical if isinstance(other, Configuration) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._canonical or self.canonical)

    def __repr__(self) -> str:
        return f"Configuration({self._values})"
