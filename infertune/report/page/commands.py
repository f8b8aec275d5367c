"""The commands with which one goes on from the page."""

import shlex

from sqlalchemy.engine import make_url

from infertune.archive import StoredStudy
from infertune.report.text import safe


def reproduce(study: StoredStudy, *, is_finished: bool) -> list[list[str]]:
    """Return pairs of a purpose and a command line, quoted for a shell; a password of the database is not among them.

    Args:
        study: Of the page.
        is_finished: Whether it has an answer.
    """
    name, where = study.name, ["--db", _shown(study.database)]
    file = f"{name}.yaml"
    lines = [["everything that was tried, as CSV", ["trials", name, *where, "--csv", f"{name}.csv"]]]
    if is_finished:
        asked = [["this answer in a terminal", ["show", name, *where]]]
        if study.opening.engine != "function":
            asked += [
                ["the answer file", ["show", name, *where, "--out", file]],
                ["the recommended configuration, measured again", ["evaluate", "--config", file]],
            ]
        asked += [
            ["recommended beside default", ["compare", f"{name}:default", name, *where]],
            ["what each change is worth, and which settings matter", ["importance", name, *where]],
            ["more failures, whole", ["failures", name, *where, "-n", "50", "--whole"]],
        ]
        lines = asked + lines
    lines.append(["this page", ["report", name, *where]])
    return [[str(purpose), safe(shlex.join(["infertune", *words]))] for purpose, words in lines]


def _shown(database: str) -> str:
    return make_url(database).render_as_string(hide_password=True) if "://" in database else database
