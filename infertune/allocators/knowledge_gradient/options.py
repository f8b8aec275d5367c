"""The switches of the allocator `value`, each a part of it that the benchmark can take away."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the benchmark's ablation switches; docs/design/search.md has the figures.

    Attributes:
        explore_full: New configurations are valued by all the uncertainty there is about them, not by what the first
            examples would resolve.
        rotate: How far the examples of a new configuration begin after those of the last, in lengths of its own;
            with 0 all configurations begin with the same.
        target_trials: How many new configurations the budget would buy, if it bought nothing else.
        n_start: Configurations of the fixed beginning.
        few_samples: Of each example of most of them.
        full_every: One in so many is sampled in full.
        least_gain: The search ends when the rest of the budget, were every token worth as much as the best to be had
            now, would gain less utility than this.
        pairing: Further examples may also be those that the rival had.
        active: Further examples are drawn by how much other configurations disagree on them, and weighted (`active`);
            otherwise they follow those had.
        any_samples: Orders with every number of samples compete; otherwise all are of the largest that keeps the cap.
        shrunk: Known configurations and their choices are judged by what the model expects of them; otherwise by their
            own means, the best of which is mostly the luckiest.
        fantasies: Pending orders are taken as landed with what is expected of them; otherwise they do not count.
        difficulty: Common examples are known to be common; otherwise every score is luck of its own.
        cap_slack: A number of samples is still bought where it would be over the cap by this factor, for costs are
            estimates; with infinity what cannot keep the cap is bought too.
    """

    explore_full: bool = False
    rotate: float = 1.0
    target_trials: int = 48
    n_start: int = 12
    few_samples: int = 3
    full_every: int = 2
    least_gain: float = 0.0
    pairing: bool = False
    active: bool = False
    any_samples: bool = True
    shrunk: bool = True
    fantasies: bool = True
    difficulty: bool = True
    cap_slack: float = 1.25


WHOLE = Options()
