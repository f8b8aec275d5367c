"""The command line with the engine ``letters``, which takes its time: a program to be stopped."""

import sys
import time
from typing import Any

from letters import Letters, loading

from infertune import plugins
from infertune.__main__ import main
from infertune.types import Request


class SlowLetters(Letters):
    def _respond(self, request: Request) -> Any:
        time.sleep(0.005)
        return super()._respond(request)


if __name__ == "__main__":
    plugins.load = lambda kind, name: SlowLetters if name == "letters" else loading(kind, name)
    sys.argv[0] = "infertune"
    main()
