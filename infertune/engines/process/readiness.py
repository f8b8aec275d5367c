"""Whether a server answers yet."""

import json
from typing import Any

from infertune.engines.process.server_process import ServerFailed as ServerFailed
from infertune.engines.process.server_process import ServerProcess


def answers_to(server: ServerProcess, mark: str) -> bool:
    """Whether it is well and says that a model of this name is its own."""
    try:
        health, _ = server.get("/health", timeout_seconds=5)
        models: dict[str, Any] = json.loads(server.get("/v1/models", timeout_seconds=5)[1])
        return health == 200 and any(model["id"] == mark for model in models["data"])
    except (OSError, ValueError, TypeError, KeyError):
        return False
