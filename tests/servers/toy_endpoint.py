"""A whole OpenAI-compatible endpoint with a toy model, right in every setting, and with defects to switch on.

The model draws the next word by the last one only. Each defect is a name in ``defects``: ``ignores:min_p`` accepts a
setting and drops it, ``refuses:min_p`` answers 400; the others are explained where they act.
"""

import json
import math
import random
import re
import threading
from typing import Any

import httpx

from infertune.testing.fake_engine import FakeEngine
from infertune.testing.openai_server import OpenAIServer

WORDS = [f"{a}{b}" for a in "bdfgklmn" for b in ("ab", "eck", "ill", "oss", "um", "ane", "ire", "ore")]
END = "</s>"


class ToyEndpoint:
    def __init__(self, *defects: str, owned_by: str = "somebody", metrics: str = "") -> None:
        self.defects = set(defects)
        self.owned_by = owned_by
        self.metrics = metrics
        self.bodies: list[dict[str, Any]] = []
        self.n_tokens = 0  # of all answers, as their usage says
        self._lock = threading.Lock()
        self._unseeded = random.Random(7)
        source = random.Random(1)
        # In steps like those of 16-bit logits, so that ties are as common as on real servers.
        step = 0.25 if "ties" in self.defects else 1e-6
        self._logits = {word: [round(source.gauss(0, 1.5) / step) * step for _ in WORDS] for word in [*WORDS, "start"]}

    def client(self) -> httpx.Client:
        return httpx.Client(base_url="http://toy/v1", transport=httpx.MockTransport(self.respond))

    def respond(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            status, text = self.page(request.url.path)
            return httpx.Response(status, text=text)
        status, plain = self.answer(request.url.path, json.loads(request.content))
        return httpx.Response(status, json=plain)

    def page(self, path: str) -> tuple[int, str]:
        if path == "/v1/models":
            return 200, json.dumps({"data": [{"id": "toy", "owned_by": self.owned_by}]})
        if path == "/metrics" and self.metrics:
            return 200, self.metrics
        return 404, "there is no such page"

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.bodies.append(body)
            return self._answer(path, dict(body))

    def _answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        chat = path.endswith("chat/completions")
        if ("no chat" if chat else "no completions") in self.defects:
            return 404, {"detail": "Not Found"}
        if body.get("model") != "toy":
            return 404, {"error": {"message": f"no model {body.get('model')}"}}
        if "newer limit" in self.defects and chat and "max_tokens" in body:
            return 400, {"error": {"message": "'max_tokens' is not supported; use 'max_completion_tokens'"}}
        for defect in self.defects:
            kind, _, name = defect.partition(":")
            if name in body and kind == "refuses":
                return 400, {"error": {"message": f"unknown argument {name}"}}
            if name in body and kind == "ignores":
                del body[name]
        prompt = body["messages"][-1]["content"] if chat else body["prompt"]
        n = int(body.get("n", 1))
        first = body.get("seed")
        made = []
        for index in range(n):
            if "copies" in self.defects and made:
                made.append(made[0])
                continue
            apart = 1000 if "apart" in self.defects and n > 1 else 0  # samples of n have other seeds than single ones
            source = self._unseeded if first is None else random.Random(f"{first + index + apart}")
            made.append(self._generate(prompt, body, source))
        choices = [self._choice(index, each, body, chat=chat) for index, each in enumerate(made)]
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": sum(len(each[0]) for each in made)}
        self.n_tokens += sum(usage.values())
        return 200, {"choices": choices, **({} if "uncounted" in self.defects else {"usage": usage})}

    def _generate(
        self, prompt: str, body: dict[str, Any], source: random.Random
    ) -> tuple[list[str], list[list[float]]]:
        limit = body.get("max_tokens", body.get("max_completion_tokens", 40))
        last = WORDS[sum(map(ord, prompt)) % len(WORDS)]
        words: list[str] = []
        seen = {word for word in re.findall(r"\w+", prompt) if word in WORDS}
        rows: list[list[float]] = []
        while len(words) < limit:
            logits = list(self._logits[last])
            raw = _log_softmax(logits)
            penalty = body.get("repetition_penalty", 1.0)
            for number, word in enumerate(WORDS):
                if word in seen:
                    logits[number] = logits[number] / penalty if logits[number] > 0 else logits[number] * penalty
                if word in words:
                    logits[number] -= body.get("presence_penalty", 0.0)
            # Rounding that depends on what else is in the batch turns a text now and then.
            number, processed = _draw(logits, body, source)
            if "noise" in self.defects and self._unseeded.random() < 0.01:
                number = self._unseeded.randrange(len(WORDS))
            rows.append(processed if "processed" in self.defects else raw)
            last = WORDS[number]
            words.append(last)
            seen.add(last)
            if any(stop in " ".join(words) for stop in body.get("stop", ())):
                break
        return words, rows

    def _choice(
        self, index: int, made: tuple[list[str], list[list[float]]], body: dict[str, Any], *, chat: bool
    ) -> dict[str, Any]:
        words, rows = made
        text = " ".join(words)
        cuts = [text.index(stop) for stop in body.get("stop", ()) if stop in text]
        if cuts and "leaves stop" not in self.defects:
            text = text[: min(cuts)]
        choice: dict[str, Any] = {"index": index, "finish_reason": "stop" if cuts else "length"}
        choice |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        if body.get("return_token_ids"):
            choice["token_ids"] = [WORDS.index(word) for word in words]
        asked = body.get("logprobs")
        if asked is not None and asked is not False:
            tops = [
                {WORDS[i]: row[i] for i in sorted(range(len(row)), key=lambda i, row=row: -row[i])[:5]} for row in rows
            ]
            values = [row[WORDS.index(word)] for row, word in zip(rows, words, strict=True)]
            if chat:
                choice["logprobs"] = {
                    "content": [
                        {
                            "token": w,
                            "logprob": v,
                            "top_logprobs": [{"token": t, "logprob": p} for t, p in top.items()],
                        }
                        for w, v, top in zip(words, values, tops, strict=True)
                    ]
                }
            else:
                choice["logprobs"] = {"tokens": words, "token_logprobs": values, "top_logprobs": tops}
        return choice


class ToyServer(OpenAIServer):
    """A toy endpoint behind real sockets."""

    def __init__(self, toy: ToyEndpoint, *, key: str = "") -> None:
        super().__init__(FakeEngine(), model="toy", key=key)
        self.toy = toy

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return self.toy.answer(path, body)


def _draw(logits: list[float], body: dict[str, Any], source: random.Random) -> tuple[int, list[float]]:
    temperature = body.get("temperature", 1.0)
    if temperature == 0:
        best = max(range(len(logits)), key=lambda i: logits[i])
        return best, [0.0 if i == best else -50.0 for i in range(len(logits))]
    logprobs = _log_softmax([logit / temperature for logit in logits])
    order = sorted(range(len(logits)), key=lambda i: -logprobs[i])
    kept = [i for i in order if logprobs[i] >= logprobs[order[0]] + math.log(body.get("min_p") or 1e-300)]
    if body.get("top_k"):
        kept = [i for i in kept if logprobs[i] >= logprobs[order[min(body["top_k"], len(order)) - 1]]]
    mass, nucleus = 0.0, []
    for i in kept:
        if mass < body.get("top_p", 1.0):
            nucleus.append(i)
        mass += math.exp(logprobs[i])
    return source.choices(nucleus, weights=[math.exp(logprobs[i]) for i in nucleus])[0], logprobs


def _log_softmax(logits: list[float]) -> list[float]:
    top = max(logits)
    total = top + math.log(sum(math.exp(logit - top) for logit in logits))
    return [logit - total for logit in logits]
