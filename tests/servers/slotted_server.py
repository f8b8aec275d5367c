"""An OpenAI-compatible server with so many slots: a request waits for one, then holds it for a fixed time.

Run as ``slotted_server.py --port 8000 --slots 4``; with ``--breaks-at 8`` eight slots are more than its memory takes.
"""

import argparse
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECONDS = 0.08  # that a request holds its slot
TOKENS = 2


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, *_: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # clients may leave
            super().handle_error(*_)


def handler(slots: threading.Semaphore) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = json.dumps({"data": [{"id": "slotted"}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            with slots:
                for _ in range(TOKENS):
                    time.sleep(SECONDS / TOKENS)
                    self.event({"choices": [{"index": 0, "text": "x", "finish_reason": None}]})
            self.event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": TOKENS}})
            self.wfile.write(b"data: [DONE]\n\n")
            self.close_connection = True

        def event(self, value: dict[str, object]) -> None:
            self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser()
    for flag in ("--port", "--slots", "--breaks-at"):
        parser.add_argument(flag, type=int)
    arguments = parser.parse_args()
    if arguments.slots == arguments.breaks_at:
        sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")
    Server(("127.0.0.1", arguments.port), handler(threading.Semaphore(arguments.slots))).serve_forever()


if __name__ == "__main__":
    main()
