"""Throughput of the engine `openai` beside `vllm bench serve`, against the same running vLLM server.

    python benchmarks/client_overhead.py --base-url http://127.0.0.1:8000/v1 --model NAME --vllm-python PATH

Both ask the same prompts for the same number of tokens, with as many requests in flight, and for the same details
(token ids and log probabilities), so that the server has the same work. They take turns, so that a machine that slows
down slows both; the ratio is taken pair by pair. `vllm bench serve` times itself, without its start.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from infertune import tasks
from infertune.engines.endpoint.capabilities import vllm_capabilities
from infertune.engines.openai.engine import OpenAIEngine
from infertune.types import Decoding, Request

# `vllm bench serve` itself looks for a distribution called vllm, which builds under other names do not have.
BENCH = (
    "from vllm.utils.argparse_utils import FlexibleArgumentParser as Parser; from vllm.benchmarks import serve; "
    "parser = Parser(); serve.add_cli_args(parser); serve.main(parser.parse_args())"
)
DETAILS = {"logprobs": 0, "return_token_ids": True, "ignore_eos": True}


def prompts(n: int) -> list[str]:
    """Return ``n`` different prompts of the shipped tasks."""
    task = tasks.load("capitals")
    fields = [next(iter(example.fields.values())) for example in (*task.tune, *task.confirm)]
    return [f"Question {number}: tell me all about {fields[number % len(fields)]}." for number in range(n)]


def ours(options: argparse.Namespace, texts: list[str]) -> tuple[float, float]:
    """Return tokens per second, and milliseconds of processor time per request."""
    engine = OpenAIEngine(
        options.model,
        base_url=options.base_url,
        concurrency=options.in_flight,
        capabilities=vllm_capabilities(seed=False),
        extra_body={"ignore_eos": True},
    )
    settings = Decoding(temperature=0.8, max_tokens=options.max_tokens)
    requests = [Request(example_id=str(n), prompt=text, decoding=settings) for n, text in enumerate(texts)]
    used, started = time.process_time(), time.perf_counter()
    n_tokens = sum(response.completion_tokens for response in engine.generate(requests))
    seconds, used = time.perf_counter() - started, time.process_time() - used
    engine.close()
    assert n_tokens == len(texts) * options.max_tokens
    return n_tokens / seconds, 1000 * used / len(texts)


def theirs(options: argparse.Namespace, texts: list[str], folder: Path) -> float:
    """Return tokens per second of ``vllm bench serve``."""
    # The one form of prompts of one's own that it reads without pandas.
    rows = [{"conversations": [{"value": text}, {"value": "an answer"}]} for text in texts]
    (folder / "prompts.json").write_text(json.dumps(rows))
    command = [
        *(options.vllm_python, "-c", BENCH, "--backend", "openai"),
        *("--base-url", options.base_url.removesuffix("/v1"), "--endpoint", "/v1/completions"),
        *("--model", options.model, "--tokenizer", options.tokenizer, "--dataset-name", "sharegpt"),
        *("--dataset-path", "prompts.json", "--sharegpt-output-len", str(options.max_tokens), "--disable-shuffle"),
        *("--num-prompts", str(len(texts)), "--max-concurrency", str(options.in_flight)),
        *("--temperature", "0.8", "--extra-body", json.dumps(DETAILS), "--ready-check-timeout-sec", "0"),
        *("--disable-tqdm", "--save-result", "--result-filename", "result.json"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"vllm bench serve failed:\n{done.stderr[-2000:]}")
    result = json.loads((folder / "result.json").read_text())
    assert result["completed"] == len(texts), result["completed"]
    return float(result["output_throughput"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokenizer", required=True, help="folder of the model, for vllm bench serve")
    parser.add_argument("--vllm-python", required=True, help="the Python that has vLLM")
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--max-tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ratios, milliseconds = [], []
    with tempfile.TemporaryDirectory() as folder:
        texts = prompts(options.requests)
        ours(options, texts[: options.in_flight])  # warms the server up
        for number in range(options.rounds):
            measured: dict[str, float] = {}
            for side in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
                if side == "theirs":
                    measured[side] = theirs(options, texts, Path(folder))
                else:
                    measured[side], spent = ours(options, texts)
                    milliseconds.append(spent)
            ratios.append(measured["ours"] / measured["theirs"])
            print(
                f"round {number + 1}: openai {measured['ours']:6.1f} tokens/s, "
                f"vllm bench serve {measured['theirs']:6.1f} tokens/s, ratio {ratios[-1]:.3f}",
                flush=True,
            )
    print(
        f"ratio: median {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}; "
        f"processor time per request: {statistics.median(milliseconds):.2f} ms "
        f"({options.in_flight} in flight, {options.requests} requests of {options.max_tokens} tokens)"
    )


if __name__ == "__main__":
    main()
