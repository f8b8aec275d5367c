"""The command line: runs a command and turns what can go wrong into one message and an exit code."""

import sys

from infertune import stopping

_LONGEST = 600  # characters of a line of a message


def main() -> None:
    """Run ``infertune`` with the arguments of this process and exit; docs/exit-codes.md lists the codes."""
    stopping.listen()  # before the imports, which take a moment
    stopping.outlive_terminal()
    try:
        _run()
    except SystemExit as stop:
        if stop.code in stopping.CODES:
            print(stopping.MESSAGE, file=sys.stderr)
        raise
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        stopping.write_into_nothing(sys.stdout.fileno())
        sys.exit(stopping.READER_GONE)


def _run() -> None:
    from typer.main import get_command

    from infertune.cli import app, flags
    from infertune.errors import InfertuneError

    command = get_command(app)
    try:
        command(prog_name="infertune")
    except InfertuneError as error:
        print(f"infertune: {_readable(flags.message(error, command))}", file=sys.stderr)
        sys.exit(error.exit_code)


def _readable(message: str) -> str:
    """Return a message for a terminal: what others wrote in it commands nothing there, and no line is endless."""
    from infertune.report.text import safe

    lines = safe(message).split("\n")
    return "\n".join(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..." for line in lines)


if __name__ == "__main__":
    main()
