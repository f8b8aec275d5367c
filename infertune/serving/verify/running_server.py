"""An OpenAI-compatible server that already runs, asked for what it says and what it does."""

import json
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import httpx

from infertune.engines.vllm import metrics as server_metrics
from infertune.engines.vllm.metrics import ServerMetrics
from infertune.errors import EngineError, InvalidInputError, nearest
from infertune.wire import reply
from infertune.wire.base_url import without_version

_ANSWER_SECONDS = 600.0
_NO_ANSWER = 500
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class RunningServer:
    """A context manager around its connections; it may be used by several threads.

    Args:
        base_url: With or without ``/v1``, or with what is below it.
        model: As the server calls it; None for the one that it serves. Believed where the server has no list.
        headers: Of every call, such as those that carry a key.

    Attributes:
        model: As the server calls it.
        max_model_len: Most tokens of prompt and output, where ``/v1/models`` says so.

    Raises:
        EngineError: It does not answer.
        InvalidInputError: It serves no such model.
    """

    def __init__(self, base_url: str, *, model: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        root = without_version(base_url)
        limits = httpx.Limits(max_connections=None)
        self._client = httpx.Client(base_url=root, headers=headers, timeout=_ANSWER_SECONDS, limits=limits)
        try:
            served = {str(one.get("id")): one for one in self._served(model)}
            if model is not None and model not in served:
                raise InvalidInputError(f"the server has no model '{model}'{nearest(model, served)}")
        except BaseException:
            self._client.close()
            raise
        self.model = model or next(iter(served))
        length = served[self.model].get("max_model_len")
        self.max_model_len = length if isinstance(length, int) else None

    def __enter__(self) -> "RunningServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def json(self, path: str) -> dict[str, Any]:
        """Return the JSON object of a page; empty where there is none."""
        try:
            answer = self._client.get(path)
            found = answer.json() if answer.status_code == 200 else {}
        except (httpx.HTTPError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def page(self, path: str) -> str:
        """Return the text of a page; empty where there is none."""
        try:
            answer = self._client.get(path)
        except httpx.HTTPError:
            return ""
        return answer.text if answer.status_code == 200 else ""

    def metrics(self) -> ServerMetrics:
        """Return what vLLM counts."""
        return server_metrics.parse(self.page("/metrics"))

    def labels(self, metric: str) -> list[dict[str, str]]:
        """Return the labels of each sample of a metric."""
        lines = re.findall(rf"^{re.escape(metric)}\{{(.*)\}} ", self.page("/metrics"), re.M)
        return [dict(_LABEL.findall(line)) for line in lines]

    def complete(self, tokens: list[int], *, max_tokens: int) -> int:
        """Return the status of a completion of token ids, greedy and of just so many tokens.

        What says that it is no answer has no status of 200, whatever it came with.

        Raises:
            EngineError: It does not answer.
        """
        body = {
            "model": self.model,
            "prompt": tokens,
            "max_tokens": max_tokens,
            "min_tokens": max_tokens,
            "ignore_eos": True,
            "temperature": 0,
        }
        try:
            answer = self._client.post("/v1/completions", json=body)
        except httpx.HTTPError as error:
            raise EngineError(f"the server does not answer a completion: {type(error).__name__}: {error}") from None
        if answer.status_code == 200:
            try:
                reply.read(answer.content)
            except reply.NoAnswer:
                return _NO_ANSWER
        return answer.status_code

    def _served(self, model: str | None) -> list[dict[str, Any]]:
        where = f"{self._client.base_url}/v1/models"
        try:
            answer = self._client.get("/v1/models")
            served = answer.raise_for_status().json()["data"]
        except (httpx.HTTPError, json.JSONDecodeError, KeyError, TypeError) as error:
            if model is not None and not isinstance(error, httpx.TransportError):
                return [{"id": model}]
            raise EngineError(f"{where} must say what is served, but: {type(error).__name__}: {error}") from None
        if not isinstance(served, list) or not served or not all(isinstance(one, dict) for one in served):
            raise EngineError(f"{where} must say what is served, and names no model")
        return served
