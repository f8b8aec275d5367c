"""Imports go from a layer to lower ones, and never in a circle. A node is a folder or a module of the root."""

import ast
import graphlib
from pathlib import Path

import pytest
from layout import BESIDE, LAYERS, PACKAGE, PAGES, ROOT, written

MOST_LAYERS, MOST_NODES = 10, 30


def _modules() -> dict[str, Path]:
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}


def _node(module: str) -> str:
    return module.split(".")[0]


def _imports(path: Path) -> set[str]:
    """Return the infertune modules that a file imports anywhere in it, even inside a function."""
    modules = {f"infertune.{module}".removesuffix(".__init__"): module for module in _modules()}
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {modules[alias.name] for alias in node.names if alias.name in modules}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]  # a module, or a name inside one
            found |= {modules.get(name, modules.get(node.module, "")) for name in whole}
    return found - {"", "__init__"}


def test_every_node_has_one_layer() -> None:
    placed = " ".join(LAYERS).split()
    assert sorted(placed) == sorted({_node(module) for module in _modules()} - {*BESIDE, "__init__"})
    assert len(placed) <= MOST_NODES
    assert len(LAYERS) <= MOST_LAYERS


def test_a_module_imports_lower_layers_only() -> None:
    level = {node: number for number, nodes in enumerate(LAYERS) for node in nodes.split()}
    wrong = []
    for module, path in _modules().items():
        if _node(module) in {*BESIDE, "__init__"}:
            continue
        for imported in _imports(path):
            own = _node(imported) == _node(module)
            if _node(imported) in BESIDE or (not own and level[_node(imported)] >= level[_node(module)]):
                wrong.append(f"{module} -> {imported}")
    assert not wrong


def test_no_circle() -> None:
    graph = {module: _imports(path) - {module} for module, path in _modules().items()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(graph)


def test_heavy_packages_stay_in_their_files() -> None:
    """At the top of a file, only these may import what takes long to load."""
    allowed = {
        "torch": {"engines", "decoding"},
        "transformers": {"engines"},
        "optuna": {"samplers"},
        "matplotlib": set(),
        "datasets": set(),
        "pyarrow": set(),
        "math_verify": {"tasks"},
    }
    wrong = []
    for module, path in _modules().items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for package in {name.split(".")[0] for name in names} & allowed.keys():
                if _node(module) not in allowed[package]:
                    wrong.append(f"{module} imports {package}")
    assert not wrong


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_of_folders_say_what_the_folders_say(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text == written(page, text), "say: python tests/layout.py"
