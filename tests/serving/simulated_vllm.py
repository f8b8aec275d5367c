"""A vLLM server in this process that does what some settings say, and shows it as the real one does."""

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

from installed_vllm import config

from infertune.testing.local_server import LocalServer


@dataclass
class Truth:
    """How it is really set."""

    max_num_seqs: int = 4
    block_size: int = 32
    enable_prefix_caching: bool = True
    max_model_len: int = 600
    speculative_tokens: int = 0
    dev_mode: bool = False
    has_metrics: bool = True
    is_busy: bool = False


class SimulatedVLLM(LocalServer):
    def __init__(self, truth: Truth) -> None:
        super().__init__(_handler(truth, _State(truth)))


class _State:
    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.lock = threading.Lock()
        self.room = threading.Semaphore(truth.max_num_seqs)
        self.cached: set[tuple[int, ...]] = set()
        self.running = self.waiting = self.queried = self.hits = self.drafts = 0

    def look_up(self, prompt: list[int]) -> None:
        if not self.truth.enable_prefix_caching:
            return
        block = self.truth.block_size
        ends = range(block, len(prompt), block)  # the last token is always computed
        with self.lock:
            self.queried += len(prompt)
            found = [end for end in ends if tuple(prompt[:end]) in self.cached]
            self.hits += max(found, default=0)
            self.cached |= {tuple(prompt[:end]) for end in ends}

    def metrics(self) -> str:
        truth = self.truth
        lines = [
            f'vllm:num_requests_running{{engine="0"}} {self.running + truth.is_busy}',
            f'vllm:num_requests_waiting{{engine="0"}} {self.waiting}',
            f'vllm:prefix_cache_queries_total{{engine="0"}} {self.queried}',
            f'vllm:prefix_cache_hits_total{{engine="0"}} {self.hits}',
        ]
        if truth.speculative_tokens:
            lines.append(f'vllm:spec_decode_num_drafts_total{{engine="0"}} {self.drafts}')
            lines += [
                f'vllm:spec_decode_num_accepted_tokens_per_pos_total{{engine="0",position="{position}"}} 1'
                for position in range(truth.speculative_tokens)
            ]
        return "\n".join(lines) if truth.has_metrics else ""


def _handler(truth: Truth, state: _State) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/v1/models":
                self.reply(200, json.dumps({"data": [{"id": "m", "max_model_len": truth.max_model_len}]}))
            elif path == "/metrics" and truth.has_metrics:
                self.reply(200, state.metrics())
            elif path == "/server_info" and truth.dev_mode:
                shown = config(
                    max_num_seqs=truth.max_num_seqs,
                    block_size=truth.block_size,
                    enable_prefix_caching=truth.enable_prefix_caching,
                    max_model_len=truth.max_model_len,
                )
                self.reply(200, json.dumps({"vllm_config": shown}))
            else:
                self.reply(404, "{}")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            prompt, n_tokens = body["prompt"], body["max_tokens"]
            if len(prompt) + n_tokens > truth.max_model_len:
                self.reply(400, json.dumps({"error": {"message": "too long"}}))
                return
            with state.lock:
                state.waiting += 1
            with state.room:
                with state.lock:
                    state.waiting -= 1
                    state.running += 1
                state.look_up(prompt)
                time.sleep(0.015 * n_tokens)
                with state.lock:
                    state.running -= 1
                    state.drafts += 3 * bool(truth.speculative_tokens)
            self.reply(200, json.dumps({"choices": [{"text": ""}], "usage": {"prompt_tokens": len(prompt)}}))

        def reply(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    return Handler
