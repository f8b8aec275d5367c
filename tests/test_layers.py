"""Imports go one way: from a layer to lower ones, and never in a circle."""

import ast
import graphlib
from pathlib import Path

import infertune

ROOT = Path(infertune.__file__).parent

# From the bottom up; a part is a package or the modules that together are one noun. Parts of one layer are strangers.
LAYERS: list[dict[str, set[str]]] = [
    {"values": {"types", "errors"}},
    {
        "stopping": {"stopping"},
        "files": {"fitting", "filetext", "jsonrows", "yamlfile", "data"},
        "plugins": {"plugins"},
    },
    {
        "space": {
            "combinations",
            "condition",
            "configuration",
            "parameter",
            "space",
            "default_space",
            "space_text",
            "narrow",
            "extra_settings",
            "extra_body",
            "simpler",
        },
        "statistics": {"stats", "estimators", "confidence_sequence", "noninferiority"},
        "decoding": {"decoding"},
        "replay": {"replay"},
        "budget": {"budget", "prices", "prompt_bill", "spent"},
        "models": {"models", "model_folder"},
        "machine": {"machine"},
        "wire": {"wire"},
        "prompts": {"prompts"},
    },
    {"bank": {"database", "bank_keys", "bank_samples", "bank_tables", "bank", "lease", "sealed"}},
    {
        "samplers": {"samplers"},
        "allocators": {"allocators"},
        "engines": {"engines"},
        "strategies": {"strategies"},
        "tasks": {"tasks"},
        "load": {"load"},
    },
    {
        "log": {"evidence_log", "logged_trial", "trial_log", "look"},
        "evaluation": {"evaluate", "evaluator", "spending"},
    },
    {"choice": {"plan", "rounds", "select", "promise", "verdict"}},
    {
        "search": {
            "buyer",
            "comparison",
            "confirmation",
            "coverage",
            "decisions",
            "finals",
            "pilot",
            "progress",
            "search",
            "search_names",
            "search_orders",
            "search_rounds",
        }
    },
    {"study": {"finished", "recommendation", "study"}, "serving": {"serving"}},
    {"joint": {"joint"}},
    {"report": {"report"}},
    {"command line": {"cli"}},
    {"start": {"__main__"}},
]
# Shipped for the tests of plugins: it may import what it holds to its promises.
BESIDE = {"testing"}


def _modules() -> dict[str, Path]:
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in ROOT.rglob("*.py")}


def _part(module: str) -> str:
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


def test_every_module_has_one_place() -> None:
    placed = [name for layer in LAYERS for names in layer.values() for name in names]
    assert len(placed) == len(set(placed))
    assert {_part(module) for module in _modules()} - BESIDE - {"__init__"} == set(placed)


def test_a_module_imports_lower_layers_only() -> None:
    place = {
        name: (level, part) for level, layer in enumerate(LAYERS) for part, names in layer.items() for name in names
    }
    wrong = []
    for module, path in _modules().items():
        if _part(module) in BESIDE | {"__init__"}:
            continue
        level, part = place[_part(module)]
        for imported in _imports(path):
            if _part(imported) in BESIDE:
                wrong.append(f"{module} -> {imported}")
                continue
            other_level, other_part = place[_part(imported)]
            if other_part != part and other_level >= level:
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
                if _part(module) not in allowed[package]:
                    wrong.append(f"{module} imports {package}")
    assert not wrong
