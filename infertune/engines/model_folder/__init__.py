"""A model's folder, looked at before anything of it is loaded: what is missing, broken, or something else."""

from infertune.engines.model_folder.adapter import Adapter, adapter_in
from infertune.engines.model_folder.digest import digest
from infertune.engines.model_folder.files import json_object
from infertune.engines.model_folder.look import check_complete, check_whole, has_tokenizer
from infertune.engines.model_folder.weights import weight_files

__all__ = [
    "Adapter",
    "adapter_in",
    "check_complete",
    "check_whole",
    "digest",
    "has_tokenizer",
    "json_object",
    "weight_files",
]
