"""A server of one transformers model in a process of its own: ``python -m infertune.engines.hf.serve --model M``.

It speaks as much of the OpenAI protocol as a load needs: ``/v1/completions`` and ``/v1/chat/completions``, streamed,
``/v1/models`` and ``/health``. One thread runs the model; whatever that raises ends the process, its traceback last,
so that whoever watches can tell why. It is here to be measured: nobody but this machine should talk to it.
"""

import argparse
import functools
import itertools
import json
import os
import queue
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch

from infertune.decoding.settings import NAMES
from infertune.engines import models
from infertune.engines.hf.chat import ChatTemplate
from infertune.engines.hf.language_model import LanguageModel, context_tokens_of, device_named, dtype_named
from infertune.engines.hf.loading import load
from infertune.engines.hf.own_runner import OwnRunner
from infertune.engines.hf.server_request import Job, Runner
from infertune.errors import InfertuneError, InvalidInputError

_SETTINGS = (*NAMES, "seed", "ignore_eos")
_ENDED = (BrokenPipeError, ConnectionResetError)


def main() -> None:
    """Read the command line and serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="infertune.engines.hf.serve")
    parser.add_argument("--model", required=True, type=functools.partial(models.resolve, adapters=True))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--served-model-name", nargs="+", required=True)
    parser.add_argument("--device")
    parser.add_argument("--dtype")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--runner", choices=("infertune", "generate", "continuous"), default="infertune")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    parser.add_argument("--cache", choices=("dynamic", "static"), default="dynamic")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=False)
    given = parser.parse_args()
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    runner = _runner(given)
    arrivals: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_work, args=(runner, arrivals), daemon=True).start()
    _Server((given.host, given.port), _handler(runner, arrivals, given.served_model_name)).serve_forever()


def _runner(given: argparse.Namespace) -> Runner:
    if given.runner == "infertune":
        return OwnRunner(LanguageModel(given.model, device=given.device, dtype=given.dtype), given.batch_size)
    from infertune.engines.hf.transformers_runners import ContinuousRunner, GenerateRunner

    device = device_named(given.device)
    dtype = dtype_named(given.dtype, device)
    model, tokenizer = load(given.model, dtype=dtype, device=device, attention=given.attention)
    chat, context = ChatTemplate(tokenizer, given.model), context_tokens_of(model)
    if given.runner == "continuous":
        return ContinuousRunner(model, tokenizer, chat, given.batch_size, context)
    if given.compile:
        model.forward = torch.compile(model.forward)
    return GenerateRunner(model, tokenizer, chat, given.batch_size, context, cache=given.cache)


def _work(runner: Runner, arrivals: "queue.SimpleQueue[Job]") -> None:
    try:
        runner.run(arrivals)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


def _handler(runner: Runner, arrivals: "queue.SimpleQueue[Job]", names: list[str]) -> type[BaseHTTPRequestHandler]:
    numbers = itertools.count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/v1/models":
                self._reply(200, {"data": [{"id": name, "object": "model"} for name in names]})
            else:
                self._reply(200 if self.path == "/health" else 404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path not in ("/v1/completions", "/v1/chat/completions"):
                self._reply(404, {})
                return
            try:
                job = _job(next(numbers), json.loads(body), runner, is_chat="chat" in self.path)
                if refusal := runner.refusal(job):
                    raise InvalidInputError(refusal)
            except (InfertuneError, ValueError, TypeError, KeyError) as error:
                self._reply(400, {"error": {"message": str(error)}})
                return
            arrivals.put(job)
            try:
                self._stream(job, "chat" in self.path)
            except _ENDED:
                job.is_cancelled = True
                self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            """Say nothing: a line for each request would be work that is measured."""

        def _stream(self, job: Job, is_chat: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while True:
                piece = job.pieces.get()
                if piece.error:
                    self._event({"error": {"message": piece.error}})
                    break
                said = {"delta": {"content": piece.text}} if is_chat else {"text": piece.text}
                self._event({"choices": [{"index": 0, **said, "finish_reason": piece.finish_reason or None}]})
                if piece.finish_reason:
                    usage = {"prompt_tokens": len(job.prompt), "completion_tokens": job.n_tokens}
                    self._event({"choices": [], "usage": usage})
                    break
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")

        def _event(self, event: dict[str, Any]) -> None:
            self._chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

        def _reply(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


def _job(number: int, body: dict[str, Any], runner: Runner, *, is_chat: bool) -> Job:
    """Return the job of a request's body; raise an error that says what is wrong with it."""
    if not body.get("stream"):
        raise InvalidInputError('this server only streams: say "stream": true')
    if is_chat:
        prompt = runner.encode_chat(body["messages"])
    else:
        prompt = runner.encode(body["prompt"]) if isinstance(body["prompt"], str) else [*map(int, body["prompt"])]
    if not prompt:
        raise InvalidInputError("the prompt must hold at least one token")
    settings = {name: body[name] for name in _SETTINGS if name in body}
    if settings.get("top_k", 0) < 0:
        settings["top_k"] = 0
    return Job(number, prompt, int(body.get("max_tokens") or body.get("max_completion_tokens") or 16), **settings)


if __name__ == "__main__":
    main()
