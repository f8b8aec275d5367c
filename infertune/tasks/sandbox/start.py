"""Starts the inside of the sandbox: a script, not a module to import.

It makes the modules of this folder from their code, which comes compiled in standard input: finding, reading and
compiling them anew would take longer than most programs run.
"""

import marshal
import os
import sys
from types import ModuleType

PACKAGE = "infertune.tasks.sandbox"


def read(size: int) -> bytes:
    """Return as many bytes of standard input, and no more, for what follows is not for everybody.

    Where it ends before, nobody is left who waits for an answer, and the process ends.
    """
    parts = []
    while size:
        part = os.read(0, size)
        if not part:
            sys.exit(1)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


for package in ("infertune", "infertune.tasks", PACKAGE):
    sys.modules[package] = ModuleType(package)
for name, code in marshal.loads(read(int(read(8), 16))):
    module = ModuleType(f"{PACKAGE}.{name}")
    sys.modules[module.__name__] = module
    setattr(sys.modules[PACKAGE], name, module)
    exec(code, module.__dict__)
main = sys.modules[f"{PACKAGE}.jail"].main
for name in [name for name in sys.modules if name.partition(".")[0] == "infertune"]:
    del sys.modules[name]  # which a program is not to find
main(read)
