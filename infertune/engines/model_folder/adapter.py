"""Folders that hold no model but an adapter of peft, such as LoRA's, to be put on a base model."""

from dataclasses import dataclass
from pathlib import Path

from infertune.engines.model_folder.files import is_there, json_object
from infertune.engines.model_folder.weights import check_file, weight_files
from infertune.errors import DataUnavailableError, InvalidInputError

_CONFIG = "adapter_config.json"
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """An adapter of peft.

    Attributes:
        folder: Where it is.
        kind: What peft calls its type, such as ``LORA``.
        base: The base model as the adapter names it: a folder, on this machine or another, or a hub id.
    """

    folder: Path
    kind: str
    base: str


def adapter_in(folder: Path) -> Adapter | None:
    """Return the adapter that a folder holds; None where it holds none.

    Raises:
        DataUnavailableError: Its weights are missing or cut off.
        InvalidInputError: It names no base model, is no language model's, or is beside a whole model.
    """
    config = folder / _CONFIG
    if not is_there(config):
        return None
    if weight_files(folder):
        raise InvalidInputError(
            f"{folder} must hold a model or an adapter, not both: remove the weights, or {_CONFIG} and what is with it"
        )
    found = json_object(config)
    kind, base, task = (found.get(name) for name in ("peft_type", "base_model_name_or_path", "task_type"))
    if not isinstance(kind, str):
        raise InvalidInputError(f"{config} must have 'peft_type', such as LORA")
    if not isinstance(base, str) or not base:
        raise InvalidInputError(f"{config} must name its base model in 'base_model_name_or_path'")
    if task not in (None, "CAUSAL_LM"):
        raise InvalidInputError(f"{config} must be of the task_type CAUSAL_LM, not {task}: infertune tunes generation")
    weights = next((folder / name for name in _WEIGHTS if is_there(folder / name)), None)
    if weights is None:
        raise DataUnavailableError(f"{folder / _WEIGHTS[0]} is missing, the weights of the adapter; download it again")
    check_file(weights)
    return Adapter(folder=folder, kind=kind, base=base)
