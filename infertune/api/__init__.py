"""The front door: what can be asked from Python, and what comes back. The command line stands on it."""

from infertune.api.evaluation import evaluate
from infertune.api.function import maximize
from infertune.api.joint import Joint, JointResult
from infertune.api.optimization import optimize
from infertune.api.records import Records
from infertune.api.result import Result
from infertune.api.serving import tune_serving
from infertune.api.serving_result import ServingResult

__all__ = [
    "Joint",
    "JointResult",
    "Records",
    "Result",
    "ServingResult",
    "evaluate",
    "maximize",
    "optimize",
    "tune_serving",
]
