"""The layers of the package, and the tables of README.md and docs/design/architecture.md that are made from them.

``python tests/layout.py`` writes the tables anew, from the first line of each folder's docstring.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "infertune"

# From the bottom up. A node is a folder or a module of the root; nodes of one layer are strangers to each other.
LAYERS = (
    "types errors wire stopping",
    "files statistics strategies decoding plugins",
    "space tasks bank budget",
    "engines load samplers allocators selection evaluation",
    "study serving",
    "joint recipes archive",
    "report exports",
    "api",
    "cli",
    "__main__",
)
# Shipped for the tests of plugins: it may import what it holds to its promises.
BESIDE = ("testing",)

PAGES = ("README.md", "docs/design/architecture.md")
BEGIN, END = "<!-- layout: python tests/layout.py -->", "<!-- end of layout -->"


def written(page: str, text: str) -> str:
    """Return the text of a page with its table as it must be."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    rows = _layered() if "architecture" in page else _flat()
    return "\n".join([before + BEGIN, "", *rows, "", END + after])


def _flat() -> list[str]:
    nodes = [node for nodes in reversed(LAYERS) for node in nodes.split()] + list(BESIDE)
    return ["| where | what |", "|---|---|", *(f"| `infertune/{_name(node)}` | {_says(node)} |" for node in nodes)]


def _layered() -> list[str]:
    rows = ["| layer | where | what |", "|---:|---|---|"]
    for number, nodes in reversed(list(enumerate(LAYERS))):
        rows += [f"| {number} | `{_name(node)}` | {_says(node)} |" for node in nodes.split()]
    return rows


def _name(node: str) -> str:
    return f"{node}/" if (PACKAGE / node).is_dir() else f"{node}.py"


def _says(node: str) -> str:
    """Return the first line of a node's docstring, without its full stop."""
    path = PACKAGE / node / "__init__.py" if (PACKAGE / node).is_dir() else PACKAGE / f"{node}.py"
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0].removesuffix(".").replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    for page in PAGES:
        (ROOT / page).write_text(written(page, (ROOT / page).read_text(encoding="utf-8")), encoding="utf-8")
