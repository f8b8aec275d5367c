"""Starts the inside of the sandbox. A script, not a module to import; run by the package's ``run``.

The modules of this folder import each other by their full names. Here these names lead to this folder alone: the
packages around it are empty, as nothing of infertune is needed, and much of it takes long to load.
"""

import os
import sys
from types import ModuleType

for name in ("infertune", "infertune.tasks", "infertune.tasks.sandbox"):
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__path__ = []
sys.modules[name].__path__ = [os.path.dirname(os.path.abspath(__file__))]  # noqa: PTH100, PTH120 - quicker to start

from infertune.tasks.sandbox.jail import main  # noqa: E402

main()
