"""The process behind math.py: reads pairs of texts, one JSON list a line, and writes whether they are equal."""

import json
import re
import resource
import sys
from dataclasses import replace
from functools import reduce
from typing import Any

import sympy
from math_verify import LatexExtractionConfig, parse, verify
from sympy.core.relational import Relational

from infertune.tasks.math_reading import items

MEMORY_BYTES = 2 * 2**30  # an answer such as 9^{9^{9^9}} must not take the machine's
# Units are parted before; here a final t or h is a variable.
_LATEX = LatexExtractionConfig()
_LATEX = replace(_LATEX, normalization_config=replace(_LATEX.normalization_config, units=False))
_OR = re.compile(r" ?\\text\{ ?or ?\} ?| or | ?\\lor(?![A-Za-z]) ?| ?\\cup(?![A-Za-z]) ?")
_AND = re.compile(r" ?\\text\{ ?and ?\} ?| and | ?\\land(?![A-Za-z]) ?| ?\\cap(?![A-Za-z]) ?")
_CONDITION = re.compile(r"[<>]|\\(?:[lg]eq|neq)(?![A-Za-z])")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z](?:_\{?\w\}?)?) ?= ?(?P<value>[^=<>]+)")


def equal(reference: str, answer: str) -> bool:
    """Return whether the answer equals the reference, which math-verify wants first."""
    reference, answer = _as_tuple(reference, answer), _as_tuple(answer, reference)
    if _CONDITION.search(reference) or _CONDITION.search(answer):
        right, given = _solutions(reference), _solutions(answer)
        if right and given:
            return bool(right[0] == given[0]) and (right[1] == given[1] or not (right[1] and given[1]))
    return bool(verify(_parsed(reference), _parsed(answer), allow_set_relation_comp=True))  # x > 3 is (3, ∞)


def _parsed(text: str) -> list[Any]:
    return list(parse(f"${text}$", extraction_config=[_LATEX]))


def _as_tuple(text: str, other: str) -> str:
    """Return (1, 2) for y=2, x=1 where the other text names no variables: it has them in their order."""
    found = [_ASSIGNMENT.fullmatch(item) for item in items(_AND.sub(", ", text))]
    assigned = {match["name"]: match["value"] for match in found if match}
    if len(assigned) < max(2, len(found)) or "=" in other:
        return text
    return "(" + ", ".join(assigned[name] for name in sorted(assigned)) + ")"


def _solutions(text: str) -> tuple[sympy.Set, set[str]] | None:
    """Return the numbers that fulfil inequalities, or are in intervals, and the variable; None for other texts."""
    alternatives: list[sympy.Set] = []
    variables: set[str] = set()
    for alternative in _OR.split(text):
        conditions = [_set(condition, variables) for condition in _AND.split(alternative)]
        if None in conditions:
            return None
        alternatives.append(reduce(sympy.Intersection, conditions))
    return (reduce(sympy.Union, alternatives), variables) if len(variables) <= 1 else None


def _set(text: str, variables: set[str]) -> sympy.Set | None:
    (condition, *_) = [one for one in _parsed(text) if not isinstance(one, str)] or [None]
    if isinstance(condition, sympy.Tuple) and len(condition) == 2:
        return sympy.Interval.open(*condition)
    if isinstance(condition, sympy.Set) and not condition.has(Relational):
        return condition
    if isinstance(condition, Relational | sympy.And) and not isinstance(condition, sympy.Eq):
        free = condition.free_symbols
        variables.update(symbol.name for symbol in free)
        if len(free) == 1:
            return condition.subs(free.pop(), sympy.Dummy(real=True)).as_set()
    return None


def main() -> None:
    """Answer until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for line in sys.stdin:
        reference, answer = json.loads(line)
        try:
            same = equal(reference, answer)
        except (Exception, RecursionError, MemoryError):
            same = False
        print(json.dumps(same), flush=True)


if __name__ == "__main__":
    main()
