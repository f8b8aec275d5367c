"""Stands where vLLM's server stands and behaves as FAKE_VLLM says; what it prints is what the real one printed."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BEHAVIOUR = os.environ.get("FAKE_VLLM", "")
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
    for flag in ("--host", "--model", "--dtype", "--max-model-len", "--max-num-seqs", "--block-size"):
        parser.add_argument(flag)
    parser.add_argument("--port", type=int)
    parser.add_argument("--served-model-name", nargs="+")
    arguments = parser.parse_args()
    if BEHAVIOUR == "out of memory":
        sys.exit(print(OUT_OF_MEMORY) or 1)
    if BEHAVIOUR == "crash":
        sys.exit(print(CRASH) or 1)
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

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            names = arguments.served_model_name
            if BEHAVIOUR == "stranger":  # another server, that is on the port already
                names = ["stranger"]
            body = json.dumps({"data": [{"id": name} for name in names]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            print(DEATH, flush=True)
            os._exit(1)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((arguments.host, arguments.port), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


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
