"""The methods of the search benchmark by name; a peer in an environment of its own is a file here and a line below."""

from collections.abc import Callable, Mapping

from benchmarks.search.methods.allocated import Allocated, InWaves
from benchmarks.search.methods.peer import Peer
from benchmarks.search.methods.trials import Trials
from benchmarks.search.race import Method, Setting
from infertune.allocators.ecooptigen.allocator import EcoOptiGenAllocator
from infertune.allocators.knowledge_gradient.allocator import KnowledgeGradientAllocator
from infertune.allocators.knowledge_gradient.options import Options
from infertune.samplers.qmc import QMCSampler
from infertune.samplers.random import RandomSampler
from infertune.samplers.tpe import TPESampler


def value(**options: object) -> Callable[[Setting], Method]:
    """Return the allocator `value` with some of its options changed."""
    return lambda setting: Allocated(setting, KnowledgeGradientAllocator(Options(**options)))  # type: ignore[arg-type]


def _optuna(variant: str, **options: object) -> Peer:
    """Return a variant of Optuna's; those with rungs fit them to the budget."""
    options = {"variant": variant} | options
    return Peer("optuna_peer", "optuna", any_budget=variant != "hyperband", options=options)


PEERS: Mapping[str, Peer] = {
    "random, no reuse": Peer("random_peer", any_budget=True),
    "optuna tpe": _optuna("tpe"),
    "optuna tpe, 18 examples": _optuna("tpe", examples=18),
    "optuna tpe, 144 examples": _optuna("tpe", examples=144),
    "optuna gp": _optuna("gp"),
    "optuna tpe, hyperband": _optuna("hyperband"),
    "optuna tpe, wilcoxon": _optuna("wilcoxon"),
    "flaml blendsearch": Peer("flaml_peer", "flaml", options={"variant": "blendsearch"}),
    "flaml ecooptigen": Peer("flaml_peer", "flaml", options={"variant": "ecooptigen"}),
    "ecotune, our reading": Peer("ecotune_peer"),
    "syne asha": Peer("syne_peer", "syne", options={"variant": "asha"}),
    "syne asha, promoting": Peer("mobster_peer", "syne-0.13", options={"variant": "asha"}),
    "syne cqr": Peer("syne_peer", "syne", any_budget=True, options={"variant": "cqr"}),
    "syne mobster": Peer("mobster_peer", "syne-0.13", options={"variant": "mobster"}),
    "dehb": Peer("dehb_peer", "dehb"),
    "smac, hyperband": Peer("smac_peer", "smac", options={"variant": "hyperband"}),
    "smac": Peer("smac_peer", "smac", any_budget=True, options={"variant": "flat"}),
}

# The allocator `value` with one of its parts changed.
ABLATIONS: Mapping[str, Mapping[str, object]] = {
    "common examples are not known to be common": {"difficulty": False},
    "all configurations begin on the same examples": {"rotate": 0.0},
    "more examples may be the rival's": {"pairing": True},
    "further examples by disagreement, weighted": {"active": True},
    "known ones are judged by their own means": {"shrunk": False},
    "pending orders do not count": {"fantasies": False},
    "always as many samples as keep the cap": {"any_samples": False},
    "samples that cannot keep the cap are bought too": {"cap_slack": float("inf")},
    "new configurations by all their uncertainty": {"explore_full": True},
    "half as many new configurations": {"target_trials": 24},
    "twice as many new configurations": {"target_trials": 96},
    "six to begin with": {"n_start": 6},
    "ends when the rest would gain under 0.1 points": {"least_gain": 0.001},
    "ends when the rest would gain under 0.3 points": {"least_gain": 0.003},
    "ends when the rest would gain under 1 point": {"least_gain": 0.01},
}

METHODS: Mapping[str, Callable[[Setting], Method]] = {
    "random": lambda setting: Trials(setting, RandomSampler()),
    "qmc": lambda setting: Trials(setting, QMCSampler()),
    "tpe": lambda setting: Trials(setting, TPESampler()),
    "ecooptigen": lambda setting: Allocated(setting, EcoOptiGenAllocator()),
    "ecooptigen, 60 examples": lambda setting: Allocated(setting, EcoOptiGenAllocator(n_tuning=60)),
    "value": value(),
    "value, all under way": lambda setting: Allocated(setting, KnowledgeGradientAllocator(), most_share=float("inf")),
    "value, in waves": lambda setting: InWaves(setting, KnowledgeGradientAllocator()),
    **{name: value(**options) for name, options in ABLATIONS.items()},
    **PEERS,
}
