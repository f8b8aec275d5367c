"""Stands where vLLM's server stands and behaves as FAKE_VLLM says; what it prints is what the real one printed."""

import argparse
import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BEHAVIOUR = os.environ.get("FAKE_VLLM", "")
HOT = 1.7  # the temperature at which it fails, where it does
NOTES = Path(os.environ.get("FAKE_VLLM_NOTES", os.devnull))

OUT_OF_MEMORY = """\
(EngineCore pid=7) ERROR 11-25 01:31:27 [core.py:1510] EngineCore failed to start.
(EngineCore pid=7) ERROR 11-25 01:31:27 [core.py:1510] Traceback (most recent call last):
(EngineCore pid=7) ERROR 11-25 01:31:27 [core.py:1510]     raise
(EngineCore pid=7) ERROR 11-25 01:31:27 [core.py:1510] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1.05 GiB is free.
Traceback (most recent call last):
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""  # noqa: E501
CRASH = """\
Traceback (most recent call last):
  File "model.py", line 1, in load
KeyError: 'model.layers.0.weight'
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""
DEATH = """\
(EngineCore pid=7) ERROR 11-25 02:11:27 [core.py:1512] EngineCore encountered a fatal error.
(EngineCore pid=7) ERROR 11-25 02:11:27 [core.py:1512] RuntimeError: CPU Generator does not use offset
(APIServer pid=6) ERROR 11-25 02:11:27 [async_llm.py:700] vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.
"""  # noqa: E501

CHILD = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
DAEMON = f"""
import os, subprocess, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        exec({CHILD!r})
    os._exit(0)
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="api_server.py")
    for flag in ("--host", "--model", "--dtype", "--max-model-len", "--generation-config", "--speculative-config"):
        parser.add_argument(flag)
    for flag in ("--max-num-seqs", "--max-num-batched-tokens", "--block-size", "--optimization-level"):
        parser.add_argument(flag, type=int)
    for flag in ("--enable-prefix-caching", "--enable-chunked-prefill"):
        parser.add_argument(flag, action=argparse.BooleanOptionalAction)
    parser.add_argument("--port", type=int)
    parser.add_argument("--served-model-name", nargs="+")
    parser.add_argument("--enforce-eager", action=argparse.BooleanOptionalAction)
    arguments = parser.parse_args()
    if BEHAVIOUR == "out of memory":
        sys.exit(print(OUT_OF_MEMORY) or 1)
    if BEHAVIOUR == "crash":
        sys.exit(print(CRASH) or 1)
    if BEHAVIOUR == "bad argument":
        parser.error("argument --max-num-seqs: invalid int value: 'many'")
    if BEHAVIOUR == "port taken":
        sys.exit("OSError: [Errno 98] Address already in use")
    if BEHAVIOUR == "port taken once" and not NOTES.exists():
        NOTES.touch()
        sys.exit("OSError: [Errno 98] Address already in use")
    if BEHAVIOUR == "hang":
        print("(EngineCore pid=7) INFO 11-25 01:31:27 [core.py:133] Initializing a V1 LLM engine", flush=True)
        time.sleep(600)
    if BEHAVIOUR == "slow":
        time.sleep(2)
    if BEHAVIOUR == "family":
        family()
    if BEHAVIOUR == "talkative":
        for _ in range(40):
            print("x" * 2**20)

    server = Server((arguments.host, arguments.port), handler(arguments.served_model_name))
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.05)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, *_: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # clients may leave
            super().handle_error(*_)


def handler(names: list[str]) -> type[BaseHTTPRequestHandler]:
    state = {"dead": False, "running": 0, "begun": 0, "answered": 0, "tokens": 0}
    counted = threading.Condition()
    if BEHAVIOUR == "stranger":  # another server, that is on the port already
        names = ["stranger"]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/v1/models":
                self.reply(200, json.dumps({"data": [{"id": name} for name in names]}))
            elif self.path == "/metrics":
                self.reply(
                    200,
                    f'vllm:num_requests_running{{engine="0"}} {state["running"]}\n'
                    f'vllm:generation_tokens_total{{engine="0"}} {state["tokens"]}.0\n',
                )
            else:
                self.reply(503 if state["dead"] else 200, "")

        def do_POST(self) -> None:
            if self.path == "/reset_prefix_cache":
                self.reply(200, json.dumps({"success": True}))
                return
            n_bytes = int(self.headers.get("Content-Length", 0))
            read = self.rfile.read(n_bytes)
            if len(read) < n_bytes:  # the client has left
                self.close_connection = True
                return
            body = json.loads(read or "{}")
            state["running"] += 1
            temperature = body.get("temperature")
            if BEHAVIOUR == "dies" or (BEHAVIOUR == "dies when hot" and temperature == HOT) or not body:
                print(DEATH, flush=True)
                os._exit(1)
            if BEHAVIOUR == "dies slowly when hot" and temperature == HOT:
                state["dead"] = True
                print(DEATH, flush=True)
                threading.Timer(1.5, os._exit, [1]).start()
            if state["dead"]:
                self.reply(500, json.dumps({"error": {"message": "EngineCore encountered an issue."}}))
                return
            if BEHAVIOUR == "hangs when hot" and temperature == HOT:
                time.sleep(600)
            if BEHAVIOUR == "is killed" or (BEHAVIOUR == "is killed once" and not NOTES.exists()):
                self.begin_or_die()
            if body.get("stream"):
                self.stream(body)
                state["running"] -= 1
                return
            status, answer = answers(names[0]).answer(self.path, body)
            state["running"] -= 1
            state["tokens"] += answer.get("usage", {}).get("completion_tokens", 0)
            try:
                self.reply(status, json.dumps(answer))
            finally:
                self.count()

        def begin_or_die(self) -> None:
            """Die after 20 answers, none more and none fewer, however many requests are in flight."""
            with counted:
                state["begun"] += 1
                if state["begun"] > 20:
                    counted.wait_for(lambda: state["answered"] >= 20)
                    NOTES.touch()
                    os.kill(os.getpid(), signal.SIGKILL)

        def count(self) -> None:
            with counted:
                state["answered"] += 1
                counted.notify_all()

        def stream(self, body: dict[str, Any]) -> None:
            """Answer with one token in each piece, and at the end with the counts, as vLLM does."""
            under_load = state["answered"] >= 10  # past the warm-up
            if under_load and BEHAVIOUR in UNDER_LOAD:
                UNDER_LOAD[BEHAVIOUR]()
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            is_chat = "messages" in body
            for _ in range(body["max_tokens"]):
                delta = {"delta": {"content": "la "}} if is_chat else {"text": "la "}
                self.event({"choices": [{"index": 0, "finish_reason": None, **delta}]})
                time.sleep(0.001)
            usage = {"prompt_tokens": 7, "completion_tokens": body["max_tokens"]}
            self.count()
            state["tokens"] += body["max_tokens"]
            self.event({"choices": [], "usage": usage})
            self.event("[DONE]")
            self.wfile.write(b"0\r\n\r\n")

        def event(self, plain: Any) -> None:
            data = f"data: {plain if isinstance(plain, str) else json.dumps(plain)}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

        def reply(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def die(text: str) -> None:
    print(text, flush=True)
    os._exit(1)


UNDER_LOAD = {
    "dies under load": lambda: die(DEATH),
    "runs out of memory under load": lambda: die(OUT_OF_MEMORY),
    "hangs under load": lambda: time.sleep(600),
    "is killed under load": lambda: os.kill(os.getpid(), signal.SIGKILL),
}


@functools.cache
def answers(model: str) -> Any:
    """Return a server that is never started, but only asked for what it would say."""
    from infertune.testing import FakeEngine
    from infertune.testing.openai_server import OpenAIServer

    return OpenAIServer(FakeEngine(), model=model)


def family() -> None:
    """Start a zombie, a child that ignores SIGTERM, one of another session, and a daemon that lost its parent."""
    child = [sys.executable, "-c", CHILD]
    keep = [
        subprocess.Popen([sys.executable, "-c", ""]),
        subprocess.Popen(child, stdout=subprocess.PIPE),
        subprocess.Popen(child, stdout=subprocess.PIPE, start_new_session=True),
        subprocess.Popen([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE),
    ]
    for process in keep[1:]:
        with contextlib.suppress(AttributeError):
            process.stdout.readline()  # it ignores SIGTERM from here on
    keep[3].wait()
    globals()["keep"] = keep


if __name__ == "__main__":
    main()
