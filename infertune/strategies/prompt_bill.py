"""How often a request pays for its prompt: once, where a server gives all its samples together; else more often."""

import math


def n_prompts(n_samples: int, samples_per_prompt: int | None) -> int:
    """Return how many prompts a request of so many samples pays for.

    Args:
        n_samples: At least 1.
        samples_per_prompt: Most samples that share one prompt's price; None where all do.
    """
    return 1 if samples_per_prompt is None else math.ceil(n_samples / samples_per_prompt)
