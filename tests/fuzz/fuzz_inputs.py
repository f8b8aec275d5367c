"""Every kind of input that a user can give: a valid one, how it is made wrong, and the command that takes it.

No command gets as far as spending anything: no server listens at the endpoint, and no Python is at the path.
"""

import gzip
import importlib.util
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fuzz_mutations import blobs, json_lines, parts, texts, yaml_files
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

URL = "http://127.0.0.1:9/v1"
ENDPOINT = ("--engine", "openai", "--base-url", URL, "--model", "m")
STUDY = ("optimize", "--task", "task.yaml", *ENDPOINT)
LOAD = ("load", "--base-url", URL, "--model", "m", "--requests", "1", "--warm-up", "0")
TUNE = ("tune-serving", "--vllm-python", "none", "--model", "m")

ROWS = [{"q": f"What is {i}, plus zero?", "a": f"{i}", "other": i, "more": [i, {"x": None}]} for i in range(8)]
CSV = "q,a,other\n" + "".join(f'"What is {i}, plus\nzero?",{i},{i / 2}\n' for i in range(8))
TASK = """\
name: mine
version: 1
description: sums
source: own
licence: CC0-1.0
data: rows.jsonl
splits: {tune: 5, confirm: 3}
id: other
fields: {question: q}
reference: {column: a, pattern: "([0-9]+)"}
ideal: "{reference}"
prompts:
  - mine-prompt
  - name: plain
    kind: plain
    text: "Q: {question}\\nA:"
    examples: [{question: "What is 9?", answer: "9"}]
max_tokens: [4, 8]
stop: ["\\n"]
extraction: {first: [{kind: line}], last: [{kind: regex, pattern: "([0-9]+)", which: last}, {kind: text}]}
scorer: {name: exact, options: {ignore_case: true, separator: "|"}}
"""
PROMPT = """\
name: mine-prompt
kind: chat
messages:
  - {role: system, content: Be short.}
  - {role: user, content: "{question}"}
examples:
  - {question: "What is 10?", answer: "10"}
description: a prompt
"""
ANSWER = """\
infertune: 0.1.0
study: mine
task: task.yaml
task_digest: 0123456789abcdef
model: m
engine: openai
engine_options: {base_url: "http://127.0.0.1:9/v1", concurrency: 2, extra_body: '{"user": "me"}'}
seed: 3
configuration: &best
  decoding.max_tokens: 8
  decoding.min_p: 0.0
  decoding.repetition_penalty: 1.0
  decoding.temperature: 0.5
  decoding.top_k: 0
  decoding.top_p: 0.9
  prompt.template: plain
  strategy.extractor: first
  strategy.n: 1
  strategy.name: first
default: *best
evidence:
  n_examples: 3
  utility: 0.5
  utility_interval: [0.1, 0.9]
  default_utility: 0.4
  difference: 0.1
  difference_interval: [-0.2, 0.4]
  cost_tokens: 20.0
  default_cost_tokens: 21.5
  further_samples: [[2, 1], [1, 0]]
examples: {tune: abc, confirm: def}
files: {task: {relative: task.yaml, absolute: /none/task.yaml}}
facts: {engine: openai}
versions: {python: 3.11.2}
"""
# As they are written now: with the task, so that they can be exported.
WHOLE_ANSWER = (
    ANSWER
    + """\
definition:
  name: mine
  version: 1
  data: rows.jsonl
  fields: {question: q}
  reference: a
  prompts:
    - name: plain
      kind: plain
      text: "Q: {question}\\nA:"
      examples: [{question: "What is 9?", answer: "9"}]
  max_tokens: [4, 8]
  stop: ["\\n"]
  extraction: {first: [{kind: line}], last: [{kind: regex, pattern: "([0-9]+)", which: last}, {kind: number}]}
  scorer: {name: exact, options: {ignore_case: true, ignore_patterns: ["x+"]}}
"""
)
SPACE = """\
temperature: 0..1:0.1
n: [1, 3]
top_p: {low: 0.5, high: 1.0, step: 0.1, default: 0.9}
decoding.top_a: {choices: [0.1, 0.2], tier: request, when: temperature > 0}
max_tokens: 4
"""
PRICES = """\
currency: EUR
models:
  m: {prompt_per_million: 2.0, completion_per_million: 8}
"""
SERVING = """\
model: org/model
engine: vllm
engine_version: 0.32.0
device: NVIDIA H100
workload: trace:x.jsonl
settings:
  engine.max_num_seqs: 256
  engine.tensor_parallel_size: 2
  engine.enable_prefix_caching: true
  engine.speculative_method: ngram
  engine.speculative_tokens: 4
  engine.prompt_lookup_max: 4
decoding: {decoding.temperature: 0.7, decoding.top_p: 0.9, decoding.max_tokens: 256}
evidence:
  objective: goodput
  slo: p99_ttft<300ms
  load: 4 requests/s
  value: 4.0
  interval: [3.0, 5.0]
  default_value: 3.0
  default_interval: [2.0, 4.0]
  n_repeats: 3
  n_requests: 40
  clear: true
"""
COMMANDED = """\
model: m.gguf
engine: command
command: llama-server -m {model} --host {host} --port {port} -np {engine.parallel}
settings: {engine.parallel: 4}
"""
TALK = [{"from": "human", "value": "hello"}, {"from": "gpt", "value": "hello to you"}]
TRACES: Mapping[str, list[dict[str, Any]]] = {
    "own": [
        {"prompt": "a", "output": 3, "arrival": 0.5},
        {"messages": [{"role": "user", "content": "b"}], "output": 2, "arrival": 1},
        {"token_ids": [5, 6], "output": 2, "arrival": 2},
        {"input": 12, "output": 2, "arrival": 2},
    ],
    "sharegpt": [{"id": "a", "conversations": TALK}, {"id": "b", "conversations": []}],
    "mooncake": [
        {"timestamp": 0, "input_length": 1100, "output_length": 5, "hash_ids": [46, 47, 48]},
        {"timestamp": 1500, "input_length": 1000, "output_length": 6, "hash_ids": [46, 49]},
    ],
}
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,37,4\n2023-11-16 18:15:47,39,9\n"
BURSTGPT = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,A,47,18,65,x\n45.5,B,7,0,7,y\n"
EXTRA = '{"top_k": 3, "chat_template_kwargs": {"enable_thinking": false}, "ignore_eos": null}'


@dataclass(frozen=True)
class Given:
    """What a user gives: the words after ``infertune``, and files that are not the valid ones."""

    words: tuple[str, ...]
    files: Mapping[str, bytes]


VALID: Mapping[str, bytes] = {
    "task.yaml": TASK.encode(),
    "rows.jsonl": "".join(json.dumps(row) + "\n" for row in ROWS).encode(),
    "mine-prompt.yaml": PROMPT.encode(),
    "answer.yaml": ANSWER.encode(),
    "serving.yaml": SERVING.encode(),
    "prices.yaml": PRICES.encode(),
    "key": b"sk-0123456789\n",
}


def _file(name: str, content: SearchStrategy[bytes], *commands: tuple[str, ...]) -> SearchStrategy[Given]:
    return st.builds(lambda words, data: Given(words, {name: data}), st.sampled_from(commands), content)


def _option(valid: list[str], *commands: tuple[str, ...], make: Callable[[str], SearchStrategy[str]] = texts) -> Any:
    """Return a command with a value after its last word."""
    values = st.sampled_from(valid).flatmap(lambda each: st.one_of(parts(each), make(each)))
    return st.builds(lambda words, value: Given((*words, value), {}), st.sampled_from(commands), values)


def _check(name: str) -> tuple[str, ...]:
    return ("tasks", "check", "task.yaml", "--data", name)


def _new(name: str) -> tuple[str, ...]:
    return ("tasks", "new", "made", "--from", name, "--input", "q", "--label", "a")


def _parquet() -> Mapping[str, SearchStrategy[Given]]:
    """Return the kind Parquet; nothing where the extra hf is not installed, which brings pyarrow."""
    if importlib.util.find_spec("pyarrow") is None:
        return {}
    import pyarrow
    import pyarrow.parquet

    held = io.BytesIO()
    rows = [{**row, "more": [1, None], "price": Decimal("1.50")} for row in ROWS]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), held)
    return {"parquet": _file("x.parquet", blobs(held.getvalue()), _check("x.parquet"), _new("x.parquet"))}


def _traced(name: str) -> tuple[str, ...]:
    return (*LOAD, "--concurrency", "1", "--workload", f"trace:{name}")


INPUTS: Mapping[str, SearchStrategy[Given]] = {
    "task": _file("task.yaml", yaml_files(TASK), ("tasks", "check", "task.yaml"), ("space", "--task", "task.yaml")),
    "prompt": _file("mine-prompt.yaml", yaml_files(PROMPT), ("tasks", "check", "task.yaml", "--json")),
    "csv": _file("x.csv", st.one_of(texts(CSV).map(str.encode), blobs(CSV.encode())), _check("x.csv"), _new("x.csv")),
    "jsonl": _file("x.jsonl", json_lines(ROWS), _check("x.jsonl"), _new("x.jsonl")),
    "json": _file("x.json", texts(json.dumps({"data": ROWS}, indent=1)).map(str.encode), _check("x.json")),
    "gzip": _file("x.csv.gz", blobs(gzip.compress(CSV.encode(), mtime=0)), _check("x.csv.gz")),
    **_parquet(),
    "answer": _file(
        "answer.yaml",
        yaml_files(ANSWER),
        ("evaluate", "--config", "answer.yaml"),
        (
            "optimize",
            "--task",
            "task.yaml",
            "--budget-tokens",
            "9k",
            "--out",
            "answer.yaml",
            "--study",
            "mine",
            *ENDPOINT,
        ),
        (*LOAD, "--concurrency", "1", "--workload", "task:task.yaml", "--config", "answer.yaml"),
    ),
    "export": _file(
        "answer.yaml",
        yaml_files(WHOLE_ANSWER),
        *(("export", "answer.yaml", "--as", form) for form in ("vllm", "python", "curl", "hf", "litellm", "lm-eval")),
        ("export", "answer.yaml", "--as", "llama.cpp", "--json"),
        ("export", "answer.yaml", "--as", "sampling-params", "--out", "made"),
    ),
    "space": _file("space.yaml", yaml_files(SPACE), ("space", "--task", "task.yaml", "--space", "space.yaml")),
    "set": _option(
        [
            "temperature=0.2..1.2:0.1",
            "n=1,3,5",
            "max_tokens=1..100:log",
            "prompt=plain",
            "top_k=0..50:10",
            "voter=first",
        ],
        ("space", "--task", "task.yaml", "--set"),
        ("space", "--task", "task.yaml", "--json", "--set"),
        ("evaluate", "--task", "task.yaml", *ENDPOINT, "--set"),
        (*STUDY, "--budget-tokens", "9k", "--set"),
    ),
    "workload": _option(
        [
            *("synthetic:input=20,output=5,prefix=0.5,prefixes=2,vocabulary=5000,temperature=0.5",),
            *("synthetic:input=5..9,output=3~0.5", "task:task.yaml", "trace:rows.jsonl,block=512"),
        ],
        (*LOAD, "--concurrency", "1", "--workload"),
        (*TUNE, "--maximize", "throughput", "--workload"),
    ),
    "slo": _option(
        ["p99_ttft<300ms, p99_itl<40ms", "mean_e2e<=2s; median_tpot<1min"],
        (*LOAD, "--concurrency", "1", "--slo"),
        (*TUNE, "--workload", "synthetic:input=9", "--slo"),
    ),
    "loads": _option(["1,2,4", "inf", "0.5"], (*LOAD, "--rate"), (*LOAD, "--concurrency"), (*LOAD, "--burstiness")),
    "goal": _option(
        ["throughput", "p50_e2e", "cost", "1.5", "30m"],
        *((*TUNE, "--workload", "synthetic:input=9", option) for option in ("--maximize", "--minimize", "--rate")),
        (*TUNE, "--workload", "synthetic:input=9", "--maximize", "throughput", "--budget-seconds"),
        (*TUNE, "--workload", "synthetic:input=9", "--minimize", "cost", "--gpu-hour-price"),
        (*TUNE, "--workload", "synthetic:input=9", "--maximize", "goodput", "--burst-seconds"),
    ),
    "command": _option(
        ["server -m {model} --port {port} --host {host} -np {engine.parallel}", "a '{port}' {engine.x}"],
        (*TUNE[:1], "--workload", "synthetic:input=9", "--maximize", "throughput", "--engine", "command", "--command"),
    ),
    "prices": _file("prices.yaml", yaml_files(PRICES), (*STUDY, "--budget-money", "1", "--prices", "prices.yaml")),
    "budget": _option(
        ["200k", "1.5M", "90s", "1h", "0.5"],
        (*STUDY, "--budget-tokens"),
        (*STUDY, "--budget-seconds"),
        (*STUDY, "--prices", "prices.yaml", "--budget-money"),
        (*STUDY, "--budget-tokens", "9k", "--max-cost-tokens"),
        (*STUDY, "--budget-tokens", "9k", "--price-completion", "1", "--price-prompt"),
        (*STUDY, "--budget-tokens", "9k", "--joint", "--margin"),
        (*STUDY, "--budget-tokens", "9k", "--min-utility"),
    ),
    **{f"trace of {name}": _file("x.jsonl", json_lines(rows), _traced("x.jsonl")) for name, rows in TRACES.items()},
    "trace of Azure": _file("x.csv", texts(AZURE).map(str.encode), _traced("x.csv")),
    "trace of BurstGPT": _file("x.csv", texts(BURSTGPT).map(str.encode), _traced("x.csv")),
    "extra body": _option(
        [EXTRA],
        (*LOAD, "--concurrency", "1", "--extra-body"),
        (*STUDY, "--budget-tokens", "9k", "--extra-body"),
        ("doctor", *ENDPOINT, "--extra-body"),
    ),
    "rename": _option(["max_tokens=max_completion_tokens"], (*LOAD, "--concurrency", "1", "--rename")),
    "base URL": _option(
        [URL, "https://[::1]:9/v1/", "http://localhost:9"],
        ("doctor", "--engine", "openai", "--model", "m", "--base-url"),
        ("load", "--model", "m", "--concurrency", "1", "--requests", "1", "--warm-up", "0", "--base-url"),
        ("verify", "serving.yaml", "--base-url"),
    ),
    "names": _option(
        ["my-study", "answers/mine.yaml", "sqlite:///my.db", "postgresql://u:p@127.0.0.1:9/x", "123"],
        *((*STUDY, "--budget-tokens", "9k", option) for option in ("--study", "--db", "--out", "--seed", "--sampler")),
        *((*STUDY, "--budget-tokens", "9k", option) for option in ("--picture", "--data", "--space", "--prefer")),
        *(
            (*STUDY, "--budget-tokens", "9k", option)
            for option in ("--api-key-file", "--api-key-env", "--concurrency")
        ),
        ("tasks", "new"),
        ("tasks", "check"),
        ("space", "--task"),
        ("models", "fetch"),
        ("tasks", "new", "made", "--from", "rows.jsonl", "--label", "a", "--input"),
    ),
    "key": _file("key", blobs(VALID["key"]), ("doctor", *ENDPOINT, "--api-key-file", "key")),
    "serving": _file(
        "serving.yaml",
        yaml_files(SERVING),
        *(("handover", "serving.yaml", "--as", form) for form in ("command", "systemd", "kubernetes", "helm")),
        ("verify", "serving.yaml", "--base-url", URL),
    ),
    "commanded": _file("serving.yaml", yaml_files(COMMANDED), ("handover", "serving.yaml", "--as", "systemd")),
    "handover": _option(
        ["org/model", "0.0.0.0", "8000", "chat", "vllm/vllm-openai:v1"],
        *(("handover", "serving.yaml", "--as", "kubernetes", option) for option in ("--model", "--name", "--image")),
        *(("handover", "serving.yaml", "--as", "systemd", option) for option in ("--model", "--host", "--port")),
    ),
    "engine argument": _option(
        ["max_num_seqs=64", "enforce_eager"],
        (*STUDY[:3], "--engine", "vllm", "--vllm-python", "none", "--budget-tokens", "9k", "--engine-arg"),
        (*TUNE, "--workload", "synthetic:input=9", "--maximize", "throughput", "--engine-arg"),
        (*TUNE, "--workload", "synthetic:input=9", "--maximize", "throughput", "--set"),
    ),
}
