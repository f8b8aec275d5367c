"""A finished trial, and the JSON record that a study's log keeps of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from infertune.types import Configuration, Scalar
from infertune.types.evidence import Evidence, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedTrial:
    """One finished trial.

    Attributes:
        configuration: Values of the request tier, as proposed.
        n_planned: How many examples it was to be evaluated on.
        order: Which those are, and of how many samples; None for the first of ``tune`` as the study's plan has it.
        unanswered: Examples of the order whose requests failed.
        placed: Number of the order, which is another where a later order landed first; None in old logs, where it is
            the trial's.
        evidence: What it brought, where that is kept.
        n_examples: Examples whose requests did not fail.
        chosen: The complete configuration with the best replay choice within the cap, or the cheapest when none is.
        utility: Mean utility of ``chosen`` on the trial's examples; None when every request failed.
        cost_tokens: Mean tokens per request of ``chosen`` in use.
        over_cap_tokens: Above 0 by how much even the cheapest choice breaks the cost cap.
        cause: Why the trial failed; empty when it did not.
    """

    number: int
    configuration: Mapping[str, Any]
    n_planned: int
    n_examples: int = 0
    chosen: Mapping[str, Any] = field(default_factory=dict)
    utility: float | None = None
    cost_tokens: float | None = None
    over_cap_tokens: float = 0.0
    cause: str = ""
    order: Order | None = None
    unanswered: tuple[int, ...] = ()
    placed: int | None = None
    evidence: Evidence | None = field(default=None, compare=False)


def order_as_json(order: Order) -> dict[str, Any]:
    """Return an order in lists, mappings and scalars."""
    return {
        "configuration": dict(order.configuration),
        "examples": list(order.examples),
        "n_samples": order.n_samples,
        "max_tokens": order.max_tokens,
    }


def order_from_json(value: Mapping[str, Any]) -> Order:
    """Return the order that ``order_as_json`` was given."""
    return Order(
        configuration=Configuration(value["configuration"]),
        examples=tuple(value["examples"]),
        n_samples=value["n_samples"],
        max_tokens=value["max_tokens"],
    )


class _OrderRecord(msgspec.Struct, frozen=True):
    configuration: dict[str, Scalar]
    examples: tuple[int, ...]
    n_samples: int
    max_tokens: int | None


class _Record(msgspec.Struct, frozen=True):
    """As it is written; earlier versions knew no orders."""

    number: int
    configuration: dict[str, Scalar]
    n_planned: int
    n_examples: int
    chosen: dict[str, Scalar]
    utility: float | None
    cost_tokens: float | None
    over_cap_tokens: float
    cause: str
    order: _OrderRecord | None = None
    unanswered: tuple[int, ...] = ()
    placed: int | None = None


def as_record(trial: LoggedTrial) -> dict[str, Any]:
    """Return a trial in lists, mappings and scalars, without its evidence."""
    record = {name: getattr(trial, name) for name in _Record.__struct_fields__}
    return record | {"order": trial.order and order_as_json(trial.order)}


def read(record: str) -> LoggedTrial:
    """Return the trial of a record as JSON text.

    Raises:
        ValueError: It is none.
    """
    found = msgspec.json.decode(record, type=_Record)
    order = None if found.order is None else order_from_json(msgspec.structs.asdict(found.order))
    return LoggedTrial(**msgspec.structs.asdict(found) | {"order": order})
