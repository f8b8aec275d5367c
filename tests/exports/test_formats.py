"""Every format says what the answer says, whatever its texts are, to whatever reads the language it is in."""

import ast
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from answers import CHAT, EVIL, LINES, PLAIN, SETTINGS, answer, hostile, recipe
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.exports import formats, request
from infertune.exports.answer import Answer, Exported
from infertune.exports.formats import FORMATS
from infertune.recipes.recipe import Recipe
from infertune.tasks.definition import Conversation

FIELDS = {"question": f"What is {EVIL}?\n\tNext\\\n", "place": '"here"\n\n'}
RECIPES = {"chat": recipe(CHAT), "plain": recipe(PLAIN), "evil chat": hostile("chat"), "evil plain": hostile("plain")}
TOUCH = '#!/bin/sh\nprintf \'%s\\0\' "${0##*/}" "$@"\n'


@pytest.fixture(params=list(RECIPES))
def found(request: pytest.FixtureRequest) -> Recipe:
    return RECIPES[request.param]


def exported(recipe: Recipe, name: str) -> Exported:
    return formats.export(answer(recipe), name)


def asked(recipe: Recipe) -> Any:
    """Return the prompt as infertune renders it, in plain data."""
    assert recipe.definition is not None
    (template,) = recipe.definition.prompts
    rendered = template.render(FIELDS)  # type: ignore[union-attr]
    return (
        rendered if isinstance(rendered, str) else [{"role": each.role, "content": each.content} for each in rendered]
    )


def words(folder: Path, script: str, *arguments: str) -> list[str]:
    """Run a script where every program that it starts tells its words, and return the words of the last one."""
    for name in ("vllm", "llama-server", "lm_eval", "curl"):
        (folder / name).write_text(TOUCH)
        (folder / name).chmod(0o755)
    (folder / "script.sh").write_text(script)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "OPENAI_API_KEY": "k"}
    done = subprocess.run(
        ["sh", "script.sh", *arguments], cwd=folder, env=environment, capture_output=True, check=True
    )
    assert not (folder / "pwned").exists() and not done.stderr
    return done.stdout.decode().split("\0")[:-1]


def evaluated(source: str, name: str) -> Any:
    """Return the value of a constant of a Python file, or of the arguments by name of a call."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return ast.literal_eval(node.value)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(name):
            keywords = [(each.arg, each.value) for each in node.keywords]
            plain = [(key, value) for key, value in keywords if key not in ("messages", "prompt", "api_key")]
            return {key: ast.literal_eval(value) for key, value in plain}
    raise AssertionError(f"there is no {name}")


def prompted(source: str, fields: dict[str, str] = FIELDS) -> Any:
    """Return what the function ``prompt`` of a Python file makes of the fields; nothing else of the file is run."""
    (function,) = [node for node in ast.parse(source).body if getattr(node, "name", "") == "prompt"]
    scope: dict[str, Any] = {}
    exec(compile(ast.Module([function], []), "file", "exec"), scope)
    return scope["prompt"](fields)


def said(recipe: Recipe) -> dict[str, Any]:
    """Return the body of a request as an endpoint must get it, without the prompt."""
    decoding = {name: value for name, value in recipe.configuration.items() if name.startswith("decoding.")}
    body = {name.removeprefix("decoding."): value for name, value in decoding.items() if value != 0}
    assert recipe.definition is not None
    given = json.loads(str(recipe.engine_options["extra_body"]))
    return {"model": recipe.model, **body, "n": 5, "stop": list(recipe.definition.stop), **given}


def joined(given: dict[str, Any]) -> dict[str, Any]:
    """Return arguments as a client sends them."""
    beside = {**given.pop("extra_body", {}), **given.pop("model_kwargs", {})}
    return given | beside


@pytest.mark.parametrize(
    ("name", "file", "call"),
    [
        ("openai-python", "ask.py", "completions.create"),
        ("langchain", "model.py", "OpenAI"),
        ("litellm", "ask.py", "completion"),
    ],
)
def test_clients_in_python_are_given_the_request(found: Recipe, name: str, file: str, call: str) -> None:
    source = dict(exported(found, name).files)[file]
    given = joined(evaluated(source, call))
    given.pop("base_url", None), given.pop("api_base", None)
    given["model"] = given["model"].removeprefix("text-completion-").removeprefix("openai/")
    assert given == said(found)
    assert prompted(source) == asked(found)


def test_curl_is_given_the_request(found: Recipe, tmp_path: Path) -> None:
    (file,) = exported(found, "curl").files
    told = words(tmp_path, file.text, *FIELDS.values())
    assert told[0] == "curl" and told[4] == f"{found.engine_options['base_url']}{answer(found).asked.path}"
    assert told[-3] == "Authorization: Bearer k"
    body = json.loads(told[-1])
    assert body.pop("prompt", None) or body.pop("messages") == asked(found)
    assert body == said(found)


def test_curl_without_a_field_says_which(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        words(tmp_path, exported(RECIPES["chat"], "curl").files[0].text, "only one")
    assert "place is missing" in failed.value.stderr.decode()


def test_the_page_is_given_the_request(found: Recipe) -> None:
    (file,) = exported(found, "python").files
    expected = said(found)
    assert evaluated(file.text, "N") == expected.pop("n")
    assert evaluated(file.text, "BODY") == expected
    assert prompted(file.text) == asked(found)


def test_the_litellm_proxy_is_given_the_settings(found: Recipe) -> None:
    (served,) = yaml.safe_load(dict(exported(found, "litellm").files)["config.yaml"])["model_list"]
    given = joined(served["litellm_params"])
    assert given.pop("api_key") == "os.environ/OPENAI_API_KEY"
    assert given.pop("api_base") == found.engine_options["base_url"]
    assert given.pop("model").endswith(f"openai/{found.model}")
    assert given == {name: value for name, value in said(found).items() if name != "model"}


def test_litellm_is_given_no_text_that_it_reads_as_a_variable() -> None:
    with pytest.raises(InvalidInputError, match=r"os\.environ/"):
        exported(recipe(stop=("os.environ/HOME",)), "litellm")


def test_the_harness_is_given_the_settings(found: Recipe, tmp_path: Path) -> None:
    """Parsed by the harness itself: what it would make of the words."""
    import argparse

    from lm_eval._cli.utils import MergeDictAction

    (file,) = exported(found, "lm-eval").files
    told = words(tmp_path, file.text)
    parser = argparse.ArgumentParser()
    for name in ("--model_args", "--gen_kwargs"):
        parser.add_argument(name, nargs="+", action=MergeDictAction)
    for name in ("--model", "--tasks", "--apply_chat_template"):
        parser.add_argument(name, nargs="?")
    read = parser.parse_args(told[1:])
    expected = {name: value for name, value in said(found).items() if name not in ("model", "n")}
    expected |= {"do_sample": True, "until": expected.pop("stop"), "max_gen_toks": expected.pop("max_tokens")}
    assert read.gen_kwargs == expected
    path = answer(found).asked.path
    assert read.model_args == {"model": found.model, "base_url": f"{found.engine_options['base_url']}{path}"}
    assert read.tasks == found.task


def test_vllm_serves_with_the_settings(found: Recipe, tmp_path: Path) -> None:
    files = dict(exported(found, "vllm").files)
    told = words(tmp_path, files["serve.sh"])
    assert told[:3] == ["vllm", "serve", found.model]
    generation = json.loads(told[told.index("--override-generation-config") + 1])
    sampling = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
    assert generation == json.loads(files["generation_config.json"])
    assert generation == {name: SETTINGS[f"decoding.{name}"] for name in sampling}


def test_llama_server_serves_with_the_settings_in_their_order(found: Recipe, tmp_path: Path) -> None:
    files = dict(exported(found, "llama.cpp").files)
    told = words(tmp_path, files["serve.sh"])
    flags = dict(zip(told[7::2], told[8::2], strict=True))
    assert told[:3] == ["llama-server", "-m", found.model]
    assert {name: float(flags[name]) for name in ("--temp", "--top-p", "--top-k", "--min-p", "--repeat-penalty")} == {
        "--temp": 0.7,
        "--top-p": 0.9,
        "--top-k": 0,
        "--min-p": 0.05,
        "--repeat-penalty": 1.1,
    }
    assert (flags["--repeat-last-n"], flags["--samplers"]) == ("65536", "penalties;temperature;min_p;top_k;top_p")
    body = json.loads(files["sampling.json"])
    assert (body["top_k"], body["repeat_penalty"], body["max_tokens"]) == (0, 1.1, 24)
    assert body["stop"] == list(found.definition.stop)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", FORMATS)
def test_no_file_is_more_than_the_language_it_is_in(found: Recipe, name: str, tmp_path: Path) -> None:
    told = exported(found, name)
    assert told.files
    for file in told.files:
        path = tmp_path / file.name
        path.write_text(file.text)
        if path.suffix == ".py":
            compile(path.read_bytes(), file.name, "exec")  # as bytes, for a comment could name an encoding
        elif path.suffix == ".sh":
            subprocess.run(["bash", "-n", path], check=True)
        elif path.suffix == ".yaml":
            assert list(yaml.safe_load_all(file.text))
        elif path.suffix == ".json":
            json.loads(file.text)
        for note in told.notes if path.suffix in (".py", ".yaml", ".service") else ():
            assert " ".join(note.split())[:30] in " ".join(file.text.replace("\n#", "").split())


def test_a_comment_names_no_encoding() -> None:
    (file,) = exported(recipe(study="coding: utf-7"), "openai-python").files
    assert not any("coding:" in line for line in file.text.splitlines()[:2])


def test_what_a_plain_request_cannot_say_is_noted() -> None:
    several = "A request brings n = 5 texts; the answer is the most frequent answer among them"
    for name in ("openai-python", "curl", "langchain", "litellm", "sampling-params", "hf"):
        assert any(note.startswith(several) for note in exported(RECIPES["chat"], name).notes), name
    assert any("n = 5 and the vote are left out" in note for note in exported(RECIPES["chat"], "lm-eval").notes)
    for name in ("vllm", "systemd", "kubernetes", "helm", "command", "llama.cpp"):
        notes = exported(RECIPES["chat"], name).notes
        assert "No server sets max_tokens = 24, stop = ['\\n\\n'], n = 5: each request must." in notes
    extra = recipe(configuration={**SETTINGS, "decoding.strange": 3})
    for name in ("sampling-params", "hf"):
        assert any("strange = 3, user = me" in note for note in exported(extra, name).notes)


@pytest.mark.parametrize(
    ("engine", "server", "says"),
    [("openai", "vllm 0.32.0", False), ("openai", "", False), ("openai", "llama.cpp b1", True), ("hf", "", True)],
)
def test_neutral_values_are_said_where_silence_means_another(engine: str, server: str, says: bool) -> None:
    neutral = {"decoding.temperature": 0.7, "strategy.n": 1, "strategy.name": "first"}
    body = request.settings(answer(recipe(configuration=neutral, engine=engine, facts={"server": server})).asked)
    penalty = "repeat_penalty" if server.startswith("llama") else "repetition_penalty"
    assert (body["temperature"], "n" in body) == (0.7, False)
    assert ({"top_p": 1.0, "top_k": 0, "min_p": 0.0, penalty: 1.0}.items() <= body.items()) is says
    assert ("top_p" in body) is says


def test_transformers_serve_is_asked_in_its_own_words() -> None:
    asking = answer(recipe(facts={"server": "transformers 5.23.0"})).asked
    inner = json.loads(request.settings(asking)["generation_config"])
    assert inner == {"top_k": 0, "min_p": 0.05, "repetition_penalty": 1.1, "do_sample": True}


def test_a_greedy_answer_needs_one_sample() -> None:
    greedy = answer(recipe(configuration={**SETTINGS, "decoding.temperature": 0.0}))
    assert greedy.asked.n == 1
    assert "n" not in request.settings(greedy.asked)
    config = json.loads(dict(formats.export(greedy, "hf").files)["generation_config.json"])
    assert config["do_sample"] is False and "temperature" not in config and "top_p" not in config


def test_flags_of_a_joint_search_are_served() -> None:
    options = {"dtype": "float32", "engine_args": '{"max_num_seqs": 64, "enable_prefix_caching": false}'}
    joint = answer(recipe(engine="vllm", engine_options=options, facts={"version": "0.32.0", "device": "gpu"}))
    assert joint.service.words()[7:12] == ["--dtype", "float32", "--max-num-seqs", "64", "--no-enable-prefix-caching"]
    assert joint.service.image == "vllm/vllm-openai:v0.32.0"
    (model,) = yaml.safe_load(formats.export(joint, "helm").files[0].text)["servingEngineSpec"]["modelSpec"]
    assert model["vllmConfig"]["enablePrefixCaching"] is False and model["requestMemory"] and model["requestCPU"]


def test_a_model_is_no_option_and_a_value_no_text() -> None:
    wrong: list[dict[str, Any]] = [
        {"model": "--trust-remote-code"},
        {"model": "a\nb"},
        {"configuration": {**SETTINGS, "decoding.top_p": float("nan")}},
        {"configuration": {**SETTINGS, "strategy.n": "5; rm"}},
        {"configuration": {**SETTINGS, "decoding.temperature": "0, x=print()"}},
        {"configuration": {**SETTINGS, "decoding.a b": 1}},
        {"engine_options": {"base_url": "file:///etc"}},
        {"engine_options": {"extra_body": "[NaN"}},
    ]
    for changes in wrong:
        with pytest.raises(InvalidInputError):
            answer(recipe(**changes))


def test_the_name_of_a_variable_is_a_name(tmp_path: Path) -> None:
    """A key is named, never held; what is no name is not run by a shell."""
    named = recipe(engine_options={"base_url": "http://a/v1", "api_key_env": "MY_KEY"})
    assert 'os.environ.get("MY_KEY"' in exported(named, "openai-python").files[0].text.replace("'", '"')
    evil = recipe(engine_options={"base_url": "http://a/v1", "api_key_env": "X:-$(touch pwned)"})
    assert words(tmp_path, exported(evil, "curl").files[0].text, "a", "b")[-3] == "Authorization: Bearer k"


def test_shots_of_any_kind_and_marks_in_the_text_are_kept() -> None:
    marked = {"name": "p", "kind": "plain", "text": "[[0:question]] [[1:place]] {question}{place} [["}
    found: Answer = answer(recipe(marked))
    assert prompted(formats.export(found, "openai-python").files[0].text) == asked(recipe(marked))
    assert LINES not in found.asked.base_url


def test_another_order_of_the_settings_is_noted() -> None:
    warpers = "repetition_penalty,temperature,top_k,top_p,min_p"
    of_hf = recipe(engine="hf", engine_options={}, facts={"warpers": warpers})
    note = "The settings acted in the order temperature, top_p, min_p; vllm has the order temperature, min_p, top_p."
    for name in ("vllm", "sampling-params", "python", "openai-python", "litellm"):
        assert note in exported(of_hf, name).notes, name
    assert not any("order" in note for note in exported(of_hf, "hf").notes)
    assert any("transformers has the order" in note for note in exported(recipe(), "hf").notes)
    assert not any("order" in note for note in exported(recipe(), "vllm").notes)


def test_a_conversation_is_asked_as_its_last_turn() -> None:
    known = recipe()
    assert known.definition is not None
    fields = {"question": Conversation("turns"), "place": "place"}
    talk = msgspec.structs.replace(known, definition=msgspec.structs.replace(known.definition, fields=fields))
    (file,) = exported(talk, "openai-python").files
    assert prompted(file.text) == asked(known)
    assert "# The field 'question' was a conversation in the study" in file.text


def test_a_page_has_no_voter_of_a_plugin() -> None:
    with pytest.raises(InvalidInputError, match="the voters first, majority, best_of_n, but the answer's is 'mine'"):
        exported(recipe(configuration={**SETTINGS, "strategy.name": "mine"}), "python")


@settings(deadline=None, max_examples=50, derandomize=True, database=None)
@given(st.text(min_size=1), st.text(), st.text())
def test_no_text_is_changed_by_python(literal: str, question: str, place: str) -> None:
    escaped = literal.replace("{", "{{").replace("}", "}}")
    found = recipe({"name": "p", "kind": "plain", "text": f"{escaped}{{question}}{escaped}{{place}}"}, stop=(literal,))
    (file,) = exported(found, "openai-python").files
    scope = {"question": question, "place": place}
    assert prompted(file.text, scope) == f"{literal}{question}{literal}{place}"
    assert evaluated(file.text, "completions.create")["stop"] == [literal]
