"""Scorers of answers that have a form: JSON that keeps a schema, and text that fits a pattern."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.files.json_rows import loads
from infertune.types import Example

_LONGEST = 200_000  # characters of an answer that are read


@dataclass(frozen=True, kw_only=True)
class JSON:
    """Valid JSON: by a schema, by the fields of the reference, or by both.

    Where ``fields`` are named, the score is the share of them in which answer and reference, which is JSON too, have
    the same value. Otherwise it is 1. An answer that is no JSON, or does not keep the schema, scores 0.

    Attributes:
        schema: A JSON schema; empty for any JSON. It takes the package jsonschema.
        fields: Names of the reference's object, ``a.b`` for one within another; ``["*"]`` for all of the reference.
    """

    schema: dict[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.schema:
            _ = self._validator

    def normal_form(self, answer: str) -> str | None:
        """Return the value written in one way; None where the text is no JSON."""
        try:
            value = loads(answer[:_LONGEST])
            return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
        except (ValueError, RecursionError):
            return None

    def score(self, answer: str, example: Example) -> float:
        """Return the share of the fields that are right, or 1 for valid JSON; 0 where the schema is not kept."""
        try:
            value = loads(answer)
        except ValueError:
            return 0.0
        if self.schema and not self._keeps(value):
            return 0.0
        if not self.fields:
            return 1.0
        right = self._reference(example.reference)
        if self.fields == ("*",):
            return float(_same(value, right))
        same = [_same(_at(value, name), _at(right, name)) for name in self.fields]
        return sum(same) / len(same)

    def ideal(self, reference: str) -> str | None:
        """Return the reference where it is JSON."""
        return reference if self.normal_form(reference) is not None else None

    def _keeps(self, value: Any) -> bool:
        from referencing.exceptions import Unresolvable

        try:
            return bool(self._validator.is_valid(value))
        except RecursionError:
            return False
        except Unresolvable as error:
            raise InvalidInputError(f"schema: {error.ref} must be within the schema, for nothing is fetched") from None

    def _reference(self, reference: str) -> Any:
        try:
            return loads(reference)
        except ValueError as error:
            raise InvalidInputError(f"'fields': a reference must be JSON, but one is not: {error}") from None

    @cached_property
    def _validator(self) -> Any:
        try:
            from jsonschema import exceptions, validators
            from referencing import Registry
        except ImportError:
            raise DataUnavailableError(
                "a schema needs the package 'jsonschema': pip install 'infertune[text]'"
            ) from None
        kind = validators.validator_for(self.schema, default=validators.Draft202012Validator)
        try:
            kind.check_schema(self.schema)
        except exceptions.SchemaError as error:
            where = "/".join(map(str, error.path)) or "its root"
            raise InvalidInputError(f"schema: not a JSON schema, at {where}: {error.message}") from None
        return kind(self.schema, registry=Registry())  # one that fetches nothing


_NOTHING = object()


def _at(value: Any, name: str) -> Any:
    """Return what stands under ``a.b``; a mark of its own where nothing does."""
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _NOTHING
        value = value[part]
    return value


def _same(ours: Any, theirs: Any) -> bool:
    """Whether two JSON values are the same: 1 and 1.0 are, 1 and true are not, text but for the space around it."""
    if ours is _NOTHING or theirs is _NOTHING:
        return ours is theirs
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, str) and isinstance(theirs, str):
        return ours.strip() == theirs.strip()
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        return ours.keys() == theirs.keys() and all(_same(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return bool(ours == theirs)


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """1 where an answer fits a regular expression, else 0.

    Attributes:
        pattern: The expression; empty where each reference is one.
        whole: Whether the whole answer must fit, and not a part of it.
        ignore_case: Whether case does not count.
    """

    pattern: str = ""
    whole: bool = False
    ignore_case: bool = False

    def __post_init__(self) -> None:
        self._compiled(self.pattern)

    def normal_form(self, answer: str) -> str | None:
        """Return the answer without the space around it; None where that is all."""
        return answer[:_LONGEST].strip() or None

    def score(self, answer: str, example: Example) -> float:
        """Return whether the answer fits."""
        expression = self._compiled(self.pattern or example.reference)
        return float(bool(expression.fullmatch(answer) if self.whole else expression.search(answer)))

    def ideal(self, reference: str) -> None:
        """Nothing: of a pattern no answer is known."""

    def _compiled(self, pattern: str) -> re.Pattern[str]:
        try:
            return re.compile(pattern, re.IGNORECASE if self.ignore_case else 0)
        except re.error as error:
            raise InvalidInputError(f"pattern: '{pattern[:100]}' is not a regular expression: {error}") from None
