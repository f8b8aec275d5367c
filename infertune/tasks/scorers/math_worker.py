"""The process behind math.py: reads pairs of texts, one JSON list a line, and writes whether they are equal."""

import json
import resource
import sys

from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

MEMORY_BYTES = 2 * 2**30  # an answer such as 9^{9^{9^9}} must not take the machine's


def equal(reference: str, answer: str) -> bool:
    """Return whether the answer equals the reference, which math-verify wants first."""
    gold, given = (
        parse(f"${text}$", extraction_config=[LatexExtractionConfig(), ExprExtractionConfig()])
        for text in (reference, answer)
    )
    return bool(verify(gold, given, allow_set_relation_comp=True))  # x > 3 is (3, ∞)


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
