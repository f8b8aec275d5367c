"""Puts an adapter of peft, such as LoRA's, on its base model: merged, so that what runs is one plain model."""

import importlib.util
import warnings
from pathlib import Path
from typing import Any

from infertune.engines import model_folder
from infertune.errors import DataUnavailableError, EngineError, InvalidInputError


def check(folder: Path) -> None:
    """Raise an error where the adapter in a folder cannot be loaded here, before its base is.

    Raises:
        DataUnavailableError: peft is not installed.
        EngineError: peft does not know its type, or cannot merge it.
    """
    if importlib.util.find_spec("peft") is None:
        raise DataUnavailableError(f"{folder} holds an adapter, which needs the package peft: pip install peft")
    from peft import PEFT_TYPE_TO_TUNER_MAPPING, PeftType
    from peft.tuners.tuners_utils import BaseTuner

    adapter = model_folder.adapter_in(folder)
    kind = adapter.kind if adapter else ""
    tuner = PEFT_TYPE_TO_TUNER_MAPPING.get(getattr(PeftType, kind, None))
    if tuner is None or not issubclass(tuner, BaseTuner):
        raise EngineError(
            f"the adapter in {folder} must be of a type that can be merged into its base, such as LORA, not {kind}"
        )


def merged(model: Any, folder: Path) -> Any:
    """Return the base model with the adapter of a folder merged into its weights.

    Raises:
        InvalidInputError: The two are not of one shape.
    """
    from peft import PeftConfig, PeftModelForCausalLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is missing is asked for below
        together = PeftModelForCausalLM(model, PeftConfig.from_pretrained(str(folder)))
        report = together.load_adapter(str(folder), "default", is_trainable=False)
    for names, what in ((report.missing_keys, "lacks"), (report.unexpected_keys, "the base has no place for")):
        if names:
            raise InvalidInputError(
                f"the adapter in {folder} must fit its base model, but {what} '{sorted(names)[0]}'"
            )
    return together.merge_and_unload(safe_merge=True)
