"""``infertune optimize --joint``: the joint search's answer on its way out."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from infertune.cli import resume

if TYPE_CHECKING:
    from infertune.api.joint import JointResult
    from infertune.budget import Budget
    from infertune.joint.recommendation import JointRecommendation


def hand_over(result: "JointResult", budget: "Budget", *, picture: Path | None, as_json: bool) -> None:
    """Print the answer with the commands that would decide more, then write its file."""
    from rich.console import Console

    from infertune.cli import answer
    from infertune.report import joint as report

    more = result.recommendation.budget_to_decide
    study = replace(result.answer, resume="" if more is None else _larger(budget, more))
    joint = replace(result.joint, study=study, resume=_resume(result.joint.found, budget))

    def show() -> None:
        if as_json:
            print(json.dumps(report.as_json(joint), indent=2))
        else:
            report.show(joint, Console())

    answer.hand_over(result, picture=picture, as_json=as_json, show=show)


def _resume(found: "JointRecommendation", budget: "Budget") -> str:
    """Return the command that would about decide on the engine; empty where it is decided, or none would."""
    if found.turns_to_decide is not None:
        return resume.command(sys.argv[1:], {"--turns": str(found.turns_to_decide)})
    return "" if found.budget_to_decide is None else _larger(budget, found.budget_to_decide)


def _larger(budget: "Budget", times: float) -> str:
    return resume.command(sys.argv[1:], resume.larger(budget, times))
