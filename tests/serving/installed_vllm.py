"""What installed vLLMs say of themselves: the CPU build as it really answered (shortened), and a machine with GPUs."""

from typing import Any

from infertune.engines.vllm.installed import Flag, Installed

FLAGS = (
    Flag(name="max_num_seqs", kind="int"),
    Flag(name="max_num_batched_tokens", kind="int"),
    Flag(name="max_model_len", kind="int"),
    Flag(name="block_size", kind="int"),
    Flag(name="enable_prefix_caching", kind="bool"),
    Flag(name="enable_chunked_prefill", kind="bool"),
    Flag(name="enforce_eager", kind="bool", default=False),
    Flag(name="gpu_memory_utilization", kind="float", default=0.92),
    Flag(name="optimization_level", kind="text", default="2"),
    Flag(
        name="performance_mode", kind="text", choices=("balanced", "interactivity", "throughput"), default="balanced"
    ),
    Flag(name="scheduling_policy", kind="text", choices=("fcfs", "priority"), default="fcfs"),
    Flag(name="stream_interval", kind="int", default=1),
    Flag(name="attention_backend", kind="text"),
    Flag(name="tensor_parallel_size", kind="int", default=1),
    Flag(name="pipeline_parallel_size", kind="int", default=1),
    Flag(name="dtype", kind="text", choices=("auto", "bfloat16", "float16", "float32", "half"), default="auto"),
    Flag(name="kv_cache_dtype", kind="text", choices=("auto", "bfloat16", "fp8", "fp8_e4m3", "nvfp4"), default="auto"),
    Flag(name="quantization", kind="text"),
    Flag(name="speculative_config", kind="json"),
    Flag(name="spec_method", kind="text", choices=("draft_model", "eagle3", "ngram", "suffix")),
    Flag(name="port", kind="int", default=8000),
)


def config(**changes: Any) -> dict[str, Any]:
    """Return a configuration as vLLM 0.32 shows one; ``changes`` are of the sections' values, by their names."""
    sections: dict[str, Any] = {
        "scheduler_config": {
            "max_num_seqs": 128,
            "max_num_batched_tokens": 2048,
            "enable_chunked_prefill": True,
            "policy": "fcfs",
            "stream_interval": 1,
        },
        "cache_config": {
            "block_size": 128,
            "enable_prefix_caching": True,
            "cache_dtype": "auto",
            "gpu_memory_utilization": 0.92,
        },
        "parallel_config": {"tensor_parallel_size": 1, "pipeline_parallel_size": 1},
        "model_config": {
            "max_model_len": 1024,
            "dtype": "torch.bfloat16",
            "quantization": None,
            "enforce_eager": False,
        },
        "attention_config": {"backend": None},
        "speculative_config": None,
        "optimization_level": 2,
        "performance_mode": "balanced",
    }
    for name, value in changes.items():
        if name in sections:
            sections[name] = value
        else:
            next(section for section in sections.values() if isinstance(section, dict) and name in section)[name] = (
                value
            )
    return sections


def on_cpu(**changes: Any) -> Installed:
    return Installed(
        device="cpu",
        device_name="cpu",
        n_devices=1,
        memory_bytes=23_045_820_416,
        flags=FLAGS,
        config=config(**changes),
        n_heads=9,
        n_layers=30,
        modules=(),
    )


def on_gpus(n: int, *, modules: tuple[str, ...] = (), **changes: Any) -> Installed:
    return Installed(
        device="cuda",
        device_name="NVIDIA H100 80GB HBM3",
        n_devices=n,
        memory_bytes=85_000_000_000,
        flags=FLAGS,
        config=config(**{"max_num_seqs": 1024, "max_num_batched_tokens": 8192, "block_size": 16, **changes}),
        n_heads=36,
        n_layers=30,
        modules=modules,
    )
