"""Tokens per second of the engine `hf` beside transformers' own ways to answer many requests, on the same requests.

    python benchmarks/hf_engine.py

The requests are ragged: short answers, extractions and open questions of the shipped tasks, mixed, each sampled at
temperature 1 until it ends by itself or at `--max-tokens`. The rivals are `pipeline("text-generation")` at every
batch size given, and `generate_batch` (transformers' continuous batching); every one in float32 and in bfloat16.
First each runs once, which finds the best batch size and dtype of each; then the best ones take turns, so that a
machine that slows down slows all of them. What counts is generated tokens up to and including the end of text. All run
where torch finds an accelerator, and otherwise on the CPU.
"""

import argparse
import gc
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, pipeline

from infertune import tasks
from infertune.engines import models
from infertune.engines.hf.engine import HFEngine
from infertune.engines.hf.language_model import device_named
from infertune.types import Decoding, Message, Request

DTYPES = ("float32", "bfloat16")
DEVICE = device_named(None)


@dataclass(frozen=True)
class Runner:
    """One way to answer all requests; ``run`` returns the tokens that it generated."""

    rival: str
    dtype: str
    batch_size: int
    run: Callable[[], int]

    @property
    def label(self) -> str:
        return f"{self.rival}, {self.dtype}, batch {self.batch_size}"


def requests(n: int, max_tokens: int) -> list[Request]:
    """Return ``n`` requests: a third short answers, a third extractions, a third open questions."""
    short, long = tasks.load("capitals"), tasks.load("notes")
    found = []
    for index in range(n):
        kind, number = index % 3, index // 3
        if kind == 2:
            words = short.tune[number].fields
            prompt: Any = (Message("user", f"Tell me about this place: {next(iter(words.values()))}"),)
        else:
            task = (short, long)[kind]
            prompt = next(iter(task.prompts.values())).render(task.tune[number].fields)
        decoding = Decoding(temperature=1.0, max_tokens=max_tokens)
        found.append(Request(example_id=f"{kind}/{number}", prompt=prompt, decoding=decoding))
    return found


def chat(request: Request) -> list[dict[str, str]]:
    assert not isinstance(request.prompt, str)
    return [{"role": message.role, "content": message.content} for message in request.prompt]


class Infertune:
    def __init__(self, model: str, dtype: str, batch_size: int) -> None:
        self._engine = HFEngine(model, dtype=dtype, batch_size=batch_size)

    def __call__(self, asked: list[Request]) -> int:
        return sum(response.completion_tokens for response in self._engine.generate(asked))


class Pipeline:
    def __init__(self, model: str, dtype: str, batch_size: int) -> None:
        folder = models.resolve(model)
        tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).to(DEVICE)
        self._eos = set(np.atleast_1d(loaded.generation_config.eos_token_id).tolist())
        self._pipe = pipeline(
            "text-generation", model=loaded, tokenizer=tokenizer, batch_size=batch_size, device=DEVICE
        )

    def __call__(self, asked: list[Request]) -> int:
        tokenizer = self._pipe.tokenizer
        texts = [
            tokenizer.apply_chat_template(chat(each), tokenize=False, add_generation_prompt=True) for each in asked
        ]
        # As token ids, for the end of text must be seen to be counted; without top_k=0 it would keep the best 50.
        outputs = self._pipe(
            texts,
            max_new_tokens=asked[0].decoding.max_tokens,
            do_sample=True,
            temperature=1.0,
            top_k=0,
            return_tensors=True,
            add_special_tokens=False,
        )
        prompts = tokenizer(texts, add_special_tokens=False)["input_ids"]
        rows = [output[0]["generated_token_ids"] for output in outputs]  # padding, prompt, answer, padding
        return sum(answer_tokens(row, prompt, self._eos) for row, prompt in zip(rows, prompts, strict=True))


def answer_tokens(row: list[int], prompt: list[int], eos: set[int]) -> int:
    """Return the number of tokens between the prompt in a row and its first end of text, that one included."""
    start = next(start for start in range(len(row)) if row[start : start + len(prompt)] == prompt) + len(prompt)
    return next((index for index in range(start, len(row)) if row[index] in eos), len(row) - 1) + 1 - start


class ContinuousBatching:
    def __init__(self, model: str, dtype: str, batch_size: int) -> None:
        folder = models.resolve(model)
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).to(DEVICE).eval()
        self._batch_size = batch_size

    def __call__(self, asked: list[Request]) -> int:
        from transformers import ContinuousBatchingConfig

        prompts = [
            self._tokenizer.apply_chat_template(chat(each), add_generation_prompt=True, return_dict=False)
            for each in asked
        ]
        settings = GenerationConfig(
            max_new_tokens=asked[0].decoding.max_tokens,
            do_sample=True,
            temperature=1.0,
            eos_token_id=self._model.generation_config.eos_token_id,
            pad_token_id=self._tokenizer.pad_token_id,
        )
        # On a GPU it chooses the size of its cache by the memory; a CPU has none to ask for.
        cache = {} if DEVICE.type == "cuda" else {"num_blocks": 4 * self._batch_size, "max_batch_tokens": 512}
        sizes = ContinuousBatchingConfig(max_requests_per_batch=self._batch_size, **cache)
        outputs = self._model.generate_batch(
            prompts, generation_config=settings, continuous_batching_config=sizes, progress_bar=False
        )
        return sum(len(output.generated_tokens) for output in outputs.values())


RIVALS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "infertune hf": (Infertune, (64,)),
    "pipeline": (Pipeline, (8, 32, 64)),
    "generate_batch": (ContinuousBatching, (64,)),
}


def timed(run: Callable[[list[Request]], int], asked: list[Request]) -> float:
    """Return tokens per second."""
    began = time.perf_counter()
    tokens = run(asked)
    return tokens / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="bundled:smollm2-135m")
    parser.add_argument("--requests", type=int, default=128)
    parser.add_argument("--search-requests", type=int, default=64, help="for the best batch size and dtype")
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=DTYPES)
    parser.add_argument("--batch-sizes", type=int, nargs="+", help="of all; by default some for each")
    parser.add_argument("--rounds", type=int, default=3, help="in which the best ones take turns")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    arguments = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    asked = requests(arguments.requests, arguments.max_tokens)
    some = asked[: arguments.search_requests]
    print(f"{machine()}; {len(asked)} requests, at most {arguments.max_tokens} tokens each\n")
    print("| | dtype | batch | tokens/s |\n|---|---|---:|---:|", flush=True)
    best: dict[str, tuple[float, str, int]] = {}
    for rival, (kind, batch_sizes) in RIVALS.items():
        for dtype in arguments.dtypes:
            for batch_size in arguments.batch_sizes or batch_sizes:
                runner = kind(arguments.model, dtype, batch_size)
                runner(some[:4])  # warm
                speed = timed(runner, some)
                print(f"| {rival} | {dtype} | {batch_size} | {speed:.0f} |", flush=True)
                best[rival] = max(best.get(rival, (0.0, "", 0)), (speed, dtype, batch_size))
                del runner
                gc.collect()
                torch.cuda.empty_cache()  # nothing without a GPU
    runners = {rival: RIVALS[rival][0](arguments.model, dtype, size) for rival, (_, dtype, size) in best.items()}
    speeds = {rival: [] for rival in runners}
    for runner in runners.values():
        runner(some[:4])
    for _ in range(arguments.rounds):
        for rival, runner in runners.items():
            speeds[rival].append(timed(runner, asked))
    print("\n| at its best | tokens/s, each round | ratio to the pipeline |\n|---|---|---|")
    for rival, values in speeds.items():
        ratios = np.array(values) / np.array(speeds["pipeline"])
        each = ", ".join(f"{value:.0f}" for value in values)
        label = f"{rival}, {best[rival][1]}, batch {best[rival][2]}"
        print(f"| {label} | {each} | {ratios.mean():.2f} ({ratios.min():.2f} to {ratios.max():.2f}) |")
    if arguments.out:
        arguments.out.write_text(json.dumps({"machine": machine(), "best": best, "speeds": speeds}, indent=2))


def machine() -> str:
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    gpu = f"{torch.cuda.get_device_name()}, " if DEVICE.type == "cuda" else ""
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    return f"{gpu}{os.cpu_count()} cores of {model}, {torch.get_num_threads()} threads, {versions}"


if __name__ == "__main__":
    main()
