"""The notebook of the documentation runs from its first cell to its last."""

import copy
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from pages import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def with_budget(notebook: NotebookNode, tokens: str) -> NotebookNode:
    """Return the notebook with another budget of tokens for its one study."""
    changed = copy.deepcopy(notebook)
    found = [re.subn(r'budget_tokens="\w+"', f'budget_tokens="{tokens}"', cell.source) for cell in changed.cells]
    assert sum(n for _, n in found) == 1
    for cell, (source, _) in zip(changed.cells, found, strict=True):
        cell.source = source
    return changed


@pytest.mark.model
@pytest.mark.parametrize("tokens", ["6k", pytest.param(None, marks=pytest.mark.slow)], ids=["small", "as it is"])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_notebook_runs(path: Path, tokens: str | None, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    if tokens is not None:
        notebook = with_budget(notebook, tokens)
    NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    assert any("Spent" in output["data"].get("text/html", "") for output in shown)
    assert sum("<table" in output["data"].get("text/html", "") for output in shown) >= 3
