"""Exports are loaded by the tools that they are for, and ask a server for the same tokens as infertune itself."""

import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from answers import CHAT, LINES, PLAIN, SETTINGS, answer, hostile, recipe

from infertune.engines.endpoint.capabilities import vllm_capabilities
from infertune.engines.openai.engine import OpenAIEngine
from infertune.exports import formats
from infertune.files import yaml_file
from infertune.recipes.recipe import Recipe
from infertune.strategies.majority import Majority
from infertune.tasks import taskfile
from infertune.tasks.definition import Definition
from infertune.testing import FakeEngine, OpenAIServer
from infertune.testing.fake_engine import babble
from infertune.types import Decoding, Request

FIELDS = {"question": 'What is "naïve" \\ {this}?\nNext:\tso', "place": "Paris"}
GREEDY = {**SETTINGS, "decoding.temperature": 0.0, "decoding.min_p": 0.0, "decoding.top_p": 1.0}
ROOT = Path(__file__).parents[2]
VLLM = os.environ.get("INFERTUNE_VLLM_PYTHON", "")
# Reads what it is sent: files of SamplingParams, and words of `vllm serve`; tells what vLLM makes of them.
ASK = """
import json, sys
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = AsyncEngineArgs.add_cli_args(FlexibleArgumentParser())
files, lines = json.load(sys.stdin)
found = []
for source in files:
    scope = {}
    exec(source, scope)
    names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_tokens", "n", "stop")
    found.append([scope["MODEL"], {name: getattr(scope["PARAMS"], name) for name in names}])
for words in lines:
    read = parser.parse_args(words)
    found.append([read.generation_config, read.override_generation_config, read.max_num_seqs])
print(json.dumps(found))
"""


def text_of(recipe: Recipe, name: str, file: str = "") -> str:
    files = formats.export(answer(recipe), name).files
    return dict(files)[file] if file else files[0].text


def loaded(source: str) -> ModuleType:
    """Return a Python file as a module."""
    module = ModuleType("exported")
    exec(compile(source, "exported.py", "exec"), module.__dict__)
    return module


def here(server: OpenAIServer, prompt: dict[str, Any], configuration: dict[str, Any], **changes: Any) -> Recipe:
    return recipe(prompt, configuration, model="fake", engine_options={"base_url": server.base_url}, **changes)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(FakeEngine(babble), key="k") as server:
        yield server


def test_transformers_loads_the_settings(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from transformers import GenerationConfig

    for each in (recipe(), hostile("chat"), recipe(configuration=GREEDY)):
        (tmp_path / "generation_config.json").write_text(text_of(each, "hf", "generation_config.json"))
        config = GenerationConfig.from_pretrained(tmp_path)
        config.validate(strict=True)
        assert config.do_sample is (each.configuration["decoding.temperature"] != 0)
        assert config.num_return_sequences == (5 if config.do_sample else 1)
        assert (config.repetition_penalty, config.max_new_tokens) == (1.1, 24)
        assert each.definition is not None and config.stop_strings == list(each.definition.stop)
        if config.do_sample:
            assert (config.temperature, config.top_p, config.top_k, config.min_p) == (0.7, 0.9, 0, 0.05)


@pytest.mark.skipif(not VLLM, reason="needs a Python with vLLM, named by $INFERTUNE_VLLM_PYTHON")
def test_vllm_loads_the_settings() -> None:
    joint = recipe(engine="vllm", engine_options={"engine_args": '{"max_num_seqs": 64}'})
    answers = (recipe(), hostile("plain"), recipe(configuration=GREEDY))
    files = [text_of(each, "sampling-params") for each in answers]
    words = [answer(joint).service.flags()]
    done = subprocess.run([VLLM, "-c", ASK], input=json.dumps([files, words]), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sampled, evil, greedy, served = json.loads(done.stdout.splitlines()[-1])
    settings = {name.removeprefix("decoding."): value for name, value in SETTINGS.items() if "decoding." in name}
    assert sampled == ["org/model", {**settings, "n": 5, "stop": ["\n\n"]}]
    assert evil[1]["stop"] == [LINES, *evil[1]["stop"][1:]] and evil[0] == answers[1].model
    assert (greedy[1]["temperature"], greedy[1]["n"]) == (0.0, 1)
    assert served == ["vllm", {name: settings[name] for name in served[1]}, 64] and len(served[1]) == 5


@pytest.mark.parametrize("prompt", [CHAT, PLAIN], ids=["chat", "plain"])
def test_all_clients_get_the_tokens_that_infertune_gets(
    server: OpenAIServer, prompt: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openai

    monkeypatch.setenv("OPENAI_API_KEY", "k")
    found = here(server, prompt, GREEDY, extraction=[{"kind": "text"}], scorer={"name": "strange"})
    texts = {}
    client = openai.OpenAI(base_url=server.base_url, api_key="k")
    (texts["openai-python"],) = loaded(text_of(found, "openai-python")).ask(client, **FIELDS)
    client.close()
    texts["python"] = loaded(text_of(found, "python")).ask(**FIELDS)
    (tmp_path / "request.sh").write_text(text_of(found, "curl"))
    done = subprocess.run(["sh", "request.sh", *FIELDS.values()], cwd=tmp_path, capture_output=True, check=True)
    choice = json.loads(done.stdout)["choices"][0]
    texts["curl"] = choice["message"]["content"] if "message" in choice else choice["text"]
    assert found.definition is not None
    template = found.definition.prompts[0]
    decoding = Decoding(temperature=0.0, repetition_penalty=1.1, max_tokens=24, stop=("\n\n",))
    wish = Request(example_id="1", prompt=template.render(FIELDS), decoding=decoding, seed=0, samples=(0,))  # type: ignore[union-attr]
    engine = OpenAIEngine("fake", base_url=server.base_url, capabilities=vllm_capabilities())
    (response,) = engine.generate([wish])
    engine.close()
    text = response.generations[0].text
    assert text and {name: each.strip() for name, each in texts.items()} == dict.fromkeys(texts, text.strip())
    own = {name: value for name, value in server.bodies[-1].items() if name not in ("logprobs", "return_token_ids")}
    assert server.bodies[:-1] == [own] * len(texts)


@pytest.mark.parametrize("n_given", [None, 1])
def test_the_page_asks_until_it_has_all_samples(monkeypatch: pytest.MonkeyPatch, n_given: int | None) -> None:
    class Few(OpenAIServer):
        def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            return super().answer(path, {**body, "n": n_given or body.get("n", 1)})

    def write(request: Request, sample: int, source: random.Random) -> str:
        return f"<think>no</think>{said.pop()}"

    said = ["The cat!", "dog", "a dog", "Dog", ""]
    with Few(FakeEngine(write)) as server:
        page = loaded(text_of(here(server, CHAT, {**SETTINGS, "decoding.max_tokens": 99}), "python"))
        assert page.ask(**FIELDS) == "dog"
        assert (len(server.bodies), said) == (5 if n_given else 1, [])


def test_the_page_takes_the_likeliest(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for prompt in (CHAT, PLAIN):
        voted = here(server, prompt, {**SETTINGS, "strategy.name": "best_of_n"})
        page = loaded(text_of(voted, "python"))
        page.KEY = "k"
        asked = page.request
        seen: list[tuple[str, float]] = []
        page.request = lambda *given, asked=asked, seen=seen: seen.extend(asked(*given)) or seen
        assert page.ask(**FIELDS) == page.extract(max(seen, key=lambda each: each[1])[0])
        assert len({likely for _, likely in seen}) > 1


STEPS: tuple[tuple[list[dict[str, Any]], Any], ...] = (
    ([{"kind": "regex", "pattern": r"is (\w+)|was (\w+)", "which": "last"}, {"kind": "line"}], "exact"),
    ([{"kind": "regex", "pattern": r"(\d+) of (\d+)", "group": 2}], {"name": "number"}),
    ([{"kind": "number"}], "number"),
    ([{"kind": "number", "after": r"####", "which": "first"}, {"kind": "number", "which": "last"}], "number"),
    ([{"kind": "choice", "labels": ["A", "B", "C"]}], "exact"),
    ([{"kind": "choice", "labels": ["positive", "negative"]}], {"name": "exact", "options": {"ignore_case": True}}),
    ([{"kind": "boxed"}, {"kind": "final"}], "math"),
    ([{"kind": "json", "key": "answer"}, {"kind": "json"}], "exact"),
    ([{"kind": "code", "which": "last"}, {"kind": "text"}], "exact"),
    ([{"kind": "python"}], "python_tests"),
    (
        [{"kind": "line", "which": "last"}],
        {"name": "exact", "options": {"ignore_punctuation": True, "ignore_articles": True, "ignore_numbers": True}},
    ),
)
TEXTS = (
    "It is blue, and it was green.\nThe End 7.",
    "<think>It is 3 of 9.</think>\nSo 12 of 40 are left.\n#### 1,240",
    "She pays $1,080.00 in all.",
    "#### -7\nThat is 18 dollars.",
    "The answer is (B).",
    "C. Because A is wrong",
    "Quite Positive, I'd say: “naïve” – yes",
    r"So $x$ is \boxed{\dfrac{1}{2}}.",
    "The final answer is $x + 1$. I hope it helps.",
    'Here: {"answer": "Paris", "sure": true} {"answer": 2}',
    "```python\ndef f(x):\n    return x\n```\nor\n```\nprint(1)\n```\n",
    "An apple, a day.",
    "",
)


@pytest.mark.parametrize("steps", STEPS, ids=lambda each: "-".join(step["kind"] for step in each[0]))
def test_the_page_reads_and_votes_as_infertune_does(steps: tuple[list[dict[str, Any]], Any]) -> None:
    found = recipe(extraction=steps[0], scorer=steps[1])
    page = loaded(text_of(found, "python"))
    assert found.definition is not None
    (extract,) = taskfile.of_definition(found.definition, {}).extractors.values()
    own = {text: extract(text) for text in TEXTS}
    assert {text: page.extract(text) for text in TEXTS} == own
    for start in range(len(TEXTS)):
        samples = [TEXTS[(start + step * step) % len(TEXTS)] for step in range(5)]
        page.request = lambda *given, samples=samples: [(text, 0.0) for text in samples]
        assert page.ask(**FIELDS) == Majority().choose([own[text] for text in samples], [])


@pytest.mark.parametrize(("task", "least"), [("gsm8k", 500), ("math500", 448)])
def test_the_short_forms_read_what_infertune_reads(task: str, least: int) -> None:
    """On 500 completions that were made to be hard to read."""
    rows = (ROOT / "tests/tasks/gsm8k_verdicts.jsonl").read_text().splitlines()
    texts = [json.loads(row)["completion"] for row in rows]
    definition = yaml_file.read(ROOT / "tasks" / task / "task.yaml", Definition)
    for name, extract in taskfile.of_definition(definition, {}).extractors.items():
        steps = definition.extraction[name] if isinstance(definition.extraction, dict) else definition.extraction
        found = recipe(extraction=msgspec.to_builtins(steps), scorer=msgspec.to_builtins(definition.scorer))
        page = loaded(text_of(found, "python"))
        same = sum(page.extract(text) == extract(text) for text in texts)
        assert (len(texts), same >= least) == (500, True), (name, same)
