"""The table of vLLM's settings that are worth searching, and their values; the installed version narrows it."""

from collections.abc import Mapping
from dataclasses import dataclass

from infertune.types import Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting that is worth searching.

    Attributes:
        name: Of the flag, or of a part of ``speculative_config``.
        choices: Worth trying; the default of the version is added where it is another.
        on: ``any``, ``cpu`` or ``gpu``.
        changes_answers: Whether it changes what is generated, so that it is searched only where answers are judged.
        not_beside: Flags that decide the same; where one of them is given, this is not searched.
        needs: A package that vLLM imports for a choice.
    """

    name: str
    choices: tuple[Scalar, ...]
    on: str = "any"
    changes_answers: bool = False
    not_beside: tuple[str, ...] = ()
    needs: Mapping[Scalar, str] | None = None


TABLE = (
    Row(name="max_num_seqs", choices=(4, 8, 16, 32, 64, 128, 256), on="cpu"),
    Row(name="max_num_seqs", choices=(16, 32, 64, 128, 256, 512, 1024), on="gpu"),
    Row(name="max_num_batched_tokens", choices=(256, 512, 1024, 2048, 4096, 8192), on="cpu"),
    Row(name="max_num_batched_tokens", choices=(1024, 2048, 4096, 8192, 16_384, 32_768), on="gpu"),
    Row(name="block_size", choices=(32, 64, 128), on="cpu"),  # its kernels take multiples of 32
    Row(name="block_size", choices=(16, 32, 64, 128), on="gpu"),
    Row(name="enable_prefix_caching", choices=(False, True)),
    Row(name="enable_chunked_prefill", choices=(False, True)),
    Row(
        name="speculative_method",
        choices=("none", "ngram", "suffix"),
        not_beside=("speculative_config", "spec_method"),
        needs={"suffix": "arctic_inference"},
    ),
    Row(name="speculative_tokens", choices=(1, 2, 3, 4, 6, 8), not_beside=("speculative_config", "spec_tokens")),
    Row(name="prompt_lookup_max", choices=(2, 4, 6), not_beside=("speculative_config",)),
    Row(
        name="optimization_level",
        choices=(0, 2),
        on="cpu",
        not_beside=("enforce_eager", "compilation_config"),
    ),
    Row(
        name="optimization_level",
        choices=(0, 1, 2, 3),
        on="gpu",
        not_beside=("enforce_eager", "compilation_config"),
    ),
    Row(name="performance_mode", choices=("balanced", "interactivity", "throughput"), on="gpu"),
    Row(name="gpu_memory_utilization", choices=(0.8, 0.85, 0.9, 0.92, 0.95), on="gpu"),
    Row(
        name="attention_backend",
        choices=("auto", "FLASH_ATTN", "FLASHINFER", "TRITON_ATTN"),
        on="gpu",
        not_beside=("attention_config",),
        needs={"FLASHINFER": "flashinfer"},
    ),
    Row(name="tensor_parallel_size", choices=(1, 2, 4, 8), on="gpu"),
    Row(name="pipeline_parallel_size", choices=(1, 2, 4, 8), on="gpu"),
    Row(name="dtype", choices=("bfloat16", "float16", "float32"), on="cpu", changes_answers=True),
    Row(name="dtype", choices=("bfloat16", "float16"), on="gpu", changes_answers=True),
    Row(name="kv_cache_dtype", choices=("auto", "fp8_e4m3", "fp8_e5m2"), changes_answers=True),
    Row(name="quantization", choices=("none", "fp8"), on="gpu", changes_answers=True),
)
