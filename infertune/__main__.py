"""The command line: runs a command and turns what can go wrong into one message and an exit code."""

import os
import signal
import sys
from io import TextIOWrapper
from types import FrameType

from infertune.errors import InfertuneError

_LONGEST = 600  # characters of a line of a message
_STOPPED = {128 + signal.SIGINT, 128 + signal.SIGTERM}  # as shells have it


def main() -> None:
    """Run ``infertune`` with the arguments of this process and exit; docs/exit-codes.md lists the codes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a character is no reason to end
    from infertune.cli import app

    try:
        app(prog_name="infertune")
    except InfertuneError as error:
        print(f"infertune: {_readable(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code in _STOPPED:
            print("infertune: stopped, and nothing paid for is lost: run the same command to resume", file=sys.stderr)
        raise
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)


def _readable(message: str) -> str:
    """Return a message for a terminal: what others wrote in it commands nothing there, and no line is endless."""
    lines = ["".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in message.split("\n")]
    return "\n".join(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..." for line in lines)


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
