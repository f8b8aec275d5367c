"""Loads a model and its tokenizer with transformers, and refuses what it would load only in part.

Transformers fills weights that are missing with random numbers and warns; text from such a model looks like a bad
model's. Here every parameter must come from the folder, have the size that the configuration says, and be finite.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

from infertune.engines import model_folder, models
from infertune.engines.hf import adapters
from infertune.engines.hf.architecture import config_of, one_line
from infertune.engines.hf.quiet import quiet_transformers
from infertune.errors import DataUnavailableError, EngineError, InfertuneError, InvalidInputError

_TEXT = "The capital of France is Paris, and the capital of Italy is"
_LAYER = re.compile(r"(?P<layers>.*)\.(?P<number>\d+)\.")
_OF_QUANTISED = ("weight_scale", "weight_scale_inv", "weight_packed", "qweight", "weight.absmax", "weight.quant_map")


def load(folder: Path, *, dtype: torch.dtype, device: torch.device, attention: str) -> tuple[Any, Any]:
    """Return a causal language model, on its device, and its tokenizer.

    Args:
        folder: Of the model, or of an adapter, which is merged into its base.
        dtype: Of the weights.
        device: Where they go.
        attention: Implementation, by transformers' name.

    Raises:
        InvalidInputError: It is no causal language model, or its files do not fit together.
        DataUnavailableError: Files or a package are missing.
        EngineError: Transformers cannot load it, or it does not fit in memory.
    """
    base = models.base_of(folder)
    weights = base or folder
    has_own_tokenizer = base is None or model_folder.has_tokenizer(folder)
    model_folder.check_complete(weights, tokenizer=base is None or not has_own_tokenizer)
    config = config_of(weights)
    if base is not None:
        adapters.check(folder)
    with quiet_transformers():
        tokenizer = load_tokenizer(folder if has_own_tokenizer else weights)
        with _told(f"the model in {weights}"):
            model, report = AutoModelForCausalLM.from_pretrained(
                weights,
                config=config,
                dtype=dtype,
                attn_implementation=attention,
                trust_remote_code=False,
                local_files_only=True,
                ignore_mismatched_sizes=True,  # to say which; otherwise the error refers to a table on stderr
                output_loading_info=True,
            )
        _check_report(weights, model, report)
        if base is not None:
            with _told(f"the adapter in {folder}"):
                model = adapters.merged(model, folder)
        with _told(f"the model in {weights}"):
            model = model.to(device).eval()
    _check_finite(folder, model, dtype)
    _check_vocabulary(folder, model, tokenizer)
    return model, tokenizer


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a folder.

    Raises:
        InvalidInputError: It does not turn words into tokens.
        DataUnavailableError: It needs a package that is not installed.
    """
    with _told(f"the tokenizer in {folder}", InvalidInputError):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        ids = set(tokenizer(_TEXT, add_special_tokens=False)["input_ids"])
    if ids <= {tokenizer.unk_token_id}:
        raise InvalidInputError(f"the tokenizer in {folder} must know words of its own, but knows none of '{_TEXT}'")
    return tokenizer


@contextlib.contextmanager
def _told(what: str, otherwise: type[InfertuneError] = EngineError) -> Iterator[None]:
    """Turn whatever transformers raises into one line."""
    try:
        yield
    except InfertuneError:
        raise
    except Exception as error:  # transformers, its back ends and torch raise their own and Python's alike
        if isinstance(error, ImportError) or "pip install" in str(error):  # some raise a ValueError that says so
            raise DataUnavailableError(f"{what} needs a package that is not installed: {one_line(error)}") from error
        raise otherwise(f"transformers {transformers.__version__} cannot load {what}: {one_line(error)}") from error


def _check_report(folder: Path, model: Any, report: dict[str, Any]) -> None:
    if mismatched := sorted(report["mismatched_keys"]):
        name, found, wanted = mismatched[0]
        raise InvalidInputError(
            f"the weights in {folder} must fit its config.json: '{name}' has the shape {list(found)}, and should have "
            f"{list(wanted)}{_and_more(mismatched)}"
        )
    if missing := sorted(report["missing_keys"]):
        raise InvalidInputError(
            f"the weights in {folder} must be complete: '{missing[0]}' is missing{_and_more(missing)}, and would be "
            "random numbers"
        )
    if unused := sorted(name for name in report["unexpected_keys"] if _matters(model, name)):
        raise InvalidInputError(
            f"the config.json in {folder} must fit its weights: it has no place for '{unused[0]}'{_and_more(unused)}, "
            "so the model would not be the one that was saved"
        )
    if errors := [*report["error_msgs"]]:
        raise EngineError(f"transformers {transformers.__version__} cannot load the model in {folder}: {errors[0]}")


def _matters(model: Any, name: str) -> bool:
    """Whether a tensor that has no place in the model is a part of it: a layer, a bias, or a quantised weight's scale.

    Value heads, buffers of old versions and layers that predict further tokens are none.
    """
    if name.endswith(_OF_QUANTISED):
        return True
    parent, _, last = name.rpartition(".")
    modules = dict(model.named_modules())
    if last == "bias" and parent in modules:
        return "bias" in modules[parent]._parameters  # there, and None
    layer = _LAYER.match(name)
    layers = modules.get(layer["layers"]) if layer else None
    if layer is None or not isinstance(layers, torch.nn.ModuleList):
        return False
    n_more = getattr(model.config.get_text_config(decoder=True), "num_nextn_predict_layers", None) or 0
    return int(layer["number"]) >= len(layers) + n_more


def _check_finite(folder: Path, model: Any, dtype: torch.dtype) -> None:
    for name, parameter in model.named_parameters():
        if parameter.is_floating_point() and parameter.numel() and parameter.element_size() > 1:
            least, most = parameter.detach().aminmax()
            if not (torch.isfinite(least) and torch.isfinite(most)):
                raise InvalidInputError(
                    f"the weights in {folder} must be finite, but in {str(dtype).removeprefix('torch.')} '{name}' "
                    "holds NaN or infinity"
                )


def _check_vocabulary(folder: Path, model: Any, tokenizer: Any) -> None:
    """Refuse a tokenizer of another model. Tokens that were added without a row are refused where a prompt has one."""
    n_rows = model.get_input_embeddings().weight.shape[0]
    added = tokenizer.get_added_vocab()
    beyond = [token for token, number in tokenizer.get_vocab().items() if number >= n_rows and token not in added]
    if beyond:
        raise InvalidInputError(
            f"the tokenizer in {folder} must fit its model, but {len(beyond):,} of its tokens, such as "
            f"'{beyond[0]}', lie beyond the model's {n_rows:,}: they are of different models"
        )


def _and_more(items: list[Any]) -> str:
    return f" (and {len(items) - 1:,} more)" if len(items) > 1 else ""
