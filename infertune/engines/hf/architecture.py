"""Whether a model's configuration is one that generates text from left to right, before its weights are read."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import transformers
from transformers import CONFIG_MAPPING, AutoConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)
from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING

from infertune.engines import model_folder
from infertune.errors import EngineError, InvalidInputError, nearest

_GENERATIVE = ("ForCausalLM", "LMHeadModel", "WithLMHead")


def config_of(folder: Path) -> Any:
    """Return transformers' configuration of the causal language model in a folder.

    Raises:
        InvalidInputError: It is of another kind of model, or not valid.
        EngineError: Transformers here does not know the architecture or the quantisation.
    """
    where = folder / "config.json"
    given = model_folder.json_object(where)
    kind = given.get("model_type")
    if not isinstance(kind, str):
        raise InvalidInputError(f"{where} must name the architecture in 'model_type'")
    if kind not in CONFIG_MAPPING:
        if given.get("auto_map"):
            raise EngineError(
                f"the hf engine runs no code from a model's folder, and {where} asks for it ('auto_map'): "
                f"transformers itself does not know the model_type '{kind}'"
            )
        raise EngineError(
            f"transformers {transformers.__version__} does not know the model_type '{kind}' of {where}"
            f"{_nearest(kind, CONFIG_MAPPING)}; a newer version, or the engine vllm, may"
        )
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # each architecture validates in its own way
        raise InvalidInputError(f"{where} must be valid for the model_type '{kind}': {one_line(error)}") from error
    _check_kind(where, kind, config, given)
    _check_quantisation(where, config)
    return config


def one_line(error: BaseException) -> str:
    """Return the beginning of what an error says, without line breaks."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."


def _check_kind(where: Path, kind: str, config: Any, given: Mapping[str, Any]) -> None:
    names = [name for name in given.get("architectures") or () if isinstance(name, str)]
    said = f"{', '.join(names) or kind}, which {where} names,"
    if getattr(config, "is_encoder_decoder", False):
        raise InvalidInputError(f"the model must be a causal language model, and {said} is an encoder with a decoder")
    if kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", kind == "xlm"):
        raise InvalidInputError(f"the model must be a causal language model, and {said} is an encoder")
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        if config.get_text_config(decoder=True) is not config:
            raise EngineError(
                f"the hf engine runs models of text alone, and {said} takes images, sound or video as well; "
                "the engine vllm may run it"
            )
        raise InvalidInputError(f"the model must be a causal language model, and {said} is none")
    generative = set(_flat(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()))
    if names and not any(name in generative or name.endswith(_GENERATIVE) for name in names):
        raise InvalidInputError(
            f"the model must have a language-model head, and {said} has none: it is not made to generate text"
        )


def _check_quantisation(where: Path, config: Any) -> None:
    """Refuse what transformers would only warn of, and load as if it were plain."""
    for each in (config, config.get_text_config(decoder=True)):
        method = getattr(each, "quantization_config", None)
        if method is None:
            continue
        if not isinstance(method, dict):
            method = method.to_dict()
        name = str(method.get("quant_method"))
        if method.get("load_in_4bit") or method.get("load_in_8bit"):
            name = "bitsandbytes_4bit"
        if name not in AUTO_QUANTIZATION_CONFIG_MAPPING:
            raise EngineError(
                f"transformers {transformers.__version__} does not know the quant_method '{name}' of {where}"
                f"{_nearest(name, AUTO_QUANTIZATION_CONFIG_MAPPING)}"
            )


def _nearest(name: str, known: Iterable[str]) -> str:
    """Return the words of `nearest` where something is near; all names would be hundreds."""
    words = nearest(name, known)
    return words.rstrip("?") if "did you mean" in words else ""


def _flat(values: Iterable[str | tuple[str, ...]]) -> Iterable[str]:
    for value in values:
        yield from [value] if isinstance(value, str) else value
