"""A toy endpoint with the habits of llama.cpp's server: other names, defaults that are not neutral, half a count."""

import json
from typing import Any

from toy_endpoint import WORDS, ToyEndpoint

MOST_N = 8
DEFAULTS = {"top_k": 40, "top_p": 0.95, "min_p": 0.05}
SAMPLERS = ["penalties", "dry", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"]


class LlamaLikeEndpoint(ToyEndpoint):
    """Calls the penalty `repeat_penalty` and never minds the usual name; `samplers` are what it tells of its order."""

    def __init__(self, *, samplers: Any = SAMPLERS) -> None:
        super().__init__("ignores:return_token_ids", owned_by="llamacpp")
        self.samplers = samplers

    def page(self, path: str) -> tuple[int, str]:
        if path == "/props":
            settings = {"params": {**DEFAULTS, "samplers": self.samplers}}
            return 200, json.dumps({"default_generation_settings": settings, "build_info": "b1-abc"})
        return super().page(path)

    def _answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body.get("n", 1) > MOST_N:
            return 400, {"error": {"message": f"n must be at most {MOST_N}"}}
        body.pop("repetition_penalty", None)
        if "repeat_penalty" in body:
            body["repetition_penalty"] = body.pop("repeat_penalty")
        status, answer = super()._answer(path, DEFAULTS | body)
        if status == 200:
            for choice in answer["choices"]:
                self._tell(choice)
            n_first = answer["usage"]["completion_tokens"] // len(answer["choices"])
            answer["usage"]["completion_tokens"] = n_first
        return status, answer

    def _tell(self, choice: dict[str, Any]) -> None:
        """Tell all in the newer form on both paths, with the tokens' ids; nothing of an empty text."""
        told = choice.get("logprobs")
        if told and "content" not in told:
            told["content"] = [
                {"token": word, "logprob": value, "top_logprobs": [{"token": t, "logprob": p} for t, p in top.items()]}
                for word, value, top in zip(told["tokens"], told["token_logprobs"], told["top_logprobs"], strict=True)
            ]
        for each in (told or {}).get("content", ()):
            each["id"] = WORDS.index(each["token"])
        if not choice.get("text", choice.get("message", {}).get("content")):
            choice.pop("logprobs", None)
