"""infertune: which inference configuration buys the most utility per token, and how sure are we?"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infertune.api.archive import compare, open_study, studies
    from infertune.api.ask_tell import Call, Study
    from infertune.api.check import check
    from infertune.api.evaluation import evaluate
    from infertune.api.export import export
    from infertune.api.function import maximize
    from infertune.api.joint import Joint, JointResult
    from infertune.api.optimization import optimize
    from infertune.api.records import Records
    from infertune.api.result import Result
    from infertune.api.serving import tune_serving
    from infertune.api.serving_result import ServingResult
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
    "Call",
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
    "Study",
    "Task",
    "check",
    "compare",
    "evaluate",
    "export",
    "load_task",
    "maximize",
    "open_study",
    "optimize",
    "studies",
    "tune_serving",
]

# Where each name comes from; it is imported when it is first asked for, so that importing infertune stays light.
_HOMES = {
    "infertune.api.archive": ("compare", "open_study", "studies"),
    "infertune.api.ask_tell": ("Call", "Study"),
    "infertune.api.check": ("check",),
    "infertune.api.evaluation": ("evaluate",),
    "infertune.api.export": ("export",),
    "infertune.api.function": ("maximize",),
    "infertune.api.joint": ("Joint", "JointResult"),
    "infertune.api.optimization": ("optimize",),
    "infertune.api.records": ("Records",),
    "infertune.api.result": ("Result",),
    "infertune.api.serving": ("tune_serving",),
    "infertune.api.serving_result": ("ServingResult",),
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
