"""A drafted task as the text of its file, with a word on each key."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from infertune.files import yaml_file
from infertune.tasks.definition import Definition

_KEYS = "name version data splits fields reference prompts max_tokens stop extraction scorer".split()
_HEAD = """\
# Written by `infertune tasks new`; docs/tasks.md explains every key. `infertune tasks check {name}.yaml` shows three
# prompts of each template, and whether perfect answers score 1.

"""
_BESIDE = {
    "version": "raise it with every change that changes a score",
    "data": "relative to this file",
    "reference": "the column with the right answer",
    "max_tokens": "lengths of an answer worth trying, in tokens",
    "stop": "texts that end an answer",
}
_ABOVE = {
    "splits": "Half and half. The search sees tune alone, confirm is for the last word. Shares, or counts like 200.",
    "fields": "What the prompts have in braces, and the column it is filled from; every prompt must use every field.",
    "prompts": "The first is the default; which is best is for the search to say.",
    "extraction": "How the answer is found in what the model wrote: the first step that finds something decides.",
}


def text(definition: Definition, *, others: Sequence[str], n_shots: int) -> str:
    """Return the file.

    Args:
        definition: What it says.
        others: Columns of the data that are not used, for the user to choose from.
        n_shots: How many rows of the data the prompts show.
    """
    values: dict[str, Any] = msgspec.to_builtins(definition)
    values["extraction"] = [_given(step) for step in values["extraction"]]
    above = dict(_ABOVE)
    if n_shots:
        above["prompts"] += f" The {n_shots} rows they show are left out."
    parts = [_HEAD.format(name=definition.name)]
    for key in _KEYS:
        body = _yaml(key, values[key])
        if key in _BESIDE:
            body = f"{body.rstrip():<34}# {_BESIDE[key]}\n"
        if key in above:
            body = f"\n# {above[key]}\n{body}"
        if key == "fields" and others:
            body += "  # Columns that are not used; one that is to be used goes here and into every prompt:\n"
            body += "".join(f"  # {line}\n" for name in others for line in _yaml(field_name(name), name).splitlines())
        parts.append(body)
    return "".join(parts)


def field_name(column: str) -> str:
    """Return the name of a column as a prompt can have it in braces."""
    name = re.sub("[^A-Za-z0-9_]+", "_", column).strip("_")
    return name if name and not name[0].isdigit() and name != "answer" else f"input_{name}".rstrip("_")


def _given(step: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in step.items() if value is not None}


def _yaml(key: str, value: Any) -> str:
    """Return a key with its value in one line, but for what would not fit into one."""
    if key in ("prompts", "fields"):
        return yaml_file.dump({key: value})
    return yaml_file.dump({key: value}, one_line=True).strip()[1:-1] + "\n"
