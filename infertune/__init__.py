"""infertune: which inference configuration buys the most utility per token, and how sure are we?"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infertune.api import (
        Joint,
        JointResult,
        Records,
        Result,
        ServingResult,
        evaluate,
        maximize,
        optimize,
        tune_serving,
    )
    from infertune.budget import Budget, Prices
    from infertune.engines.options import HF, VLLM, OpenAI, Replay
    from infertune.errors import InfertuneError
    from infertune.selection.recommendation import Recommendation
    from infertune.space import Configuration, Parameter, SearchSpace
    from infertune.tasks import Task
    from infertune.tasks import load as load_task

__version__ = "0.1.0"

__all__ = [
    "HF",
    "VLLM",
    "Budget",
    "Configuration",
    "InfertuneError",
    "Joint",
    "JointResult",
    "OpenAI",
    "Parameter",
    "Prices",
    "Recommendation",
    "Records",
    "Replay",
    "Result",
    "SearchSpace",
    "ServingResult",
    "Task",
    "evaluate",
    "load_task",
    "maximize",
    "optimize",
    "tune_serving",
]

# Where each name comes from; it is imported when it is first asked for, so that importing infertune stays light.
_HOMES = {
    "infertune.api": (
        "Joint",
        "JointResult",
        "Records",
        "Result",
        "ServingResult",
        "evaluate",
        "maximize",
        "optimize",
        "tune_serving",
    ),
    "infertune.budget": ("Budget", "Prices"),
    "infertune.engines.options": ("HF", "VLLM", "OpenAI", "Replay"),
    "infertune.errors": ("InfertuneError",),
    "infertune.selection.recommendation": ("Recommendation",),
    "infertune.space": ("Configuration", "Parameter", "SearchSpace"),
    "infertune.tasks": ("Task",),
}


def __getattr__(name: str) -> Any:
    import importlib

    if name == "load_task":
        return importlib.import_module("infertune.tasks").load
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'infertune' has no attribute '{name}'")
