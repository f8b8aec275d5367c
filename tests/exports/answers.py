"""Answers to be exported: a chat with shots that is voted on, a plain prompt, and one whose every text is hostile."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from infertune.exports import reading
from infertune.exports.answer import Answer
from infertune.exports.reading import Elsewhere
from infertune.files import yaml_file
from infertune.recipes.recipe import Recipe

BASE_URL = "http://127.0.0.1:9/v1"
EVIL = "'\"\"\"'''\\ $(touch pwned) `touch pwned` ${HOME} %n {{x}} [[0:question]] @0@question@0@ #; && \u00e9"
LINES = f"{EVIL}\nimport os; os.system('touch pwned')\ntouch pwned\r\n\u2028\tcoding: utf-7 EOF\\"
ENGINES = {"base_url": BASE_URL, "extra_body": '{"user": "me"}'}
CHAT = {
    "name": "chat",
    "kind": "chat",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "{question} Of {place}, {{in braces}}."},
    ],
    "examples": [{"question": "What is 1 + 1?", "place": "here", "answer": "It is 2."}],
}
PLAIN = {
    "name": "plain",
    "kind": "plain",
    "preamble": "Questions.\n\n",
    "text": "Q: {question} ({place})\nA:",
    "examples": [{"question": "1 + 1?", "place": "here", "answer": "2"}],
}
SETTINGS = {
    "decoding.temperature": 0.7,
    "decoding.top_p": 0.9,
    "decoding.top_k": 0,
    "decoding.min_p": 0.05,
    "decoding.repetition_penalty": 1.1,
    "decoding.max_tokens": 24,
    "strategy.n": 5,
    "strategy.name": "majority",
}
LINE = ({"kind": "line", "which": "first"},)
EXACT = {"name": "exact", "options": {"ignore_case": True, "ignore_articles": True}}


def recipe(
    prompt: dict[str, Any] = CHAT,
    configuration: dict[str, Any] = SETTINGS,
    *,
    stop: tuple[str, ...] = ("\n\n",),
    extraction: Any = LINE,
    scorer: Any = EXACT,
    task: str = "sums",
    **changes: Any,
) -> Recipe:
    plain = {
        "infertune": "0.1.0",
        "study": "sums",
        "task": task,
        "task_digest": "0" * 16,
        "model": "org/model",
        "engine": "openai",
        "engine_options": ENGINES,
        "seed": 0,
        "configuration": {"prompt.template": prompt["name"], **configuration},
        "evidence": {
            "n_examples": 9,
            "utility": 0.5,
            "utility_interval": [0.1, 0.9],
            "default_utility": 0.4,
            "difference": 0.1,
            "difference_interval": [0, 0.2],
            "cost_tokens": 9.0,
            "default_cost_tokens": 9.0,
        },
        "definition": {
            "name": task,
            "version": 1,
            "data": "gone.jsonl",
            "reference": "answer",
            "max_tokens": [24],
            "fields": {"question": "question", "place": "place"},
            "prompts": [prompt],
            "stop": list(stop),
            "extraction": list(extraction),
            "scorer": scorer,
        },
        "facts": {"server": "vllm 0.32.0", "warpers": "repetition_penalty,temperature,min_p,top_k,top_p"},
        **changes,
    }
    return msgspec.convert(plain, Recipe)


def hostile(kind: str) -> Recipe:
    """Return an answer that would touch a file ``pwned`` if any of its texts were run."""
    content = LINES.replace("{{x}}", "{{{{x}}}}").replace("${HOME}", "${{HOME}}")
    text = f"{content}{{question}}{{place}}{content}"
    chat = {"name": "p", "kind": "chat", "messages": [{"role": "user", "content": text}]}
    plain = {"name": "p", "kind": "plain", "text": text}
    return recipe(
        chat if kind == "chat" else plain,
        {**SETTINGS, "decoding.strange": EVIL},
        stop=(LINES, EVIL),
        extraction=[{"kind": "regex", "pattern": f"(?:{re.escape(LINES)})(.*)"}],
        scorer={"name": "exact", "options": {"ignore_patterns": [re.escape(LINES)]}},
        task=EVIL,
        study=EVIL,
        model=f"org/{EVIL}",
        engine_options={
            "base_url": f"http://127.0.0.1:9/{EVIL.replace(' ', '')}/v1",
            "extra_body": json.dumps({LINES: LINES, "user": LINES}),
        },
    )


def answer(recipe: Recipe, **there: Any) -> Answer:
    return reading.answer(recipe, Elsewhere(**there), where="answer.yaml")


def save(folder: Path, recipe: Recipe) -> Path:
    path = folder / "answer.yaml"
    yaml_file.write(path, recipe, head="")
    return path
