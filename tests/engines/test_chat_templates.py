"""Chat templates of every kind, in a real tokenizer and engine: rendered as the model's own, refused, or left out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")

import tiny_model  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

from infertune.engines.hf.chat import ChatTemplate, RefusedPromptError  # noqa: E402
from infertune.engines.hf.engine import HFEngine  # noqa: E402
from infertune.errors import InvalidInputError  # noqa: E402
from infertune.types.requests import Decoding, Message, Request  # noqa: E402

USER = (Message("user", "Hi there"),)
SYSTEM = (Message("system", "Be brief."), *USER)
SHOTS = (Message("user", "1+1"), Message("assistant", "2"), Message("user", "2+2"))

STRINGS = tiny_model.TEMPLATE
ALL_PARTS = "{% for m in messages %}<{{ m.role }}>{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}"
FIRST_PART = "{% for m in messages %}{{ m['content'][0]['text'] }}{% endfor %}"
MARKED_PARTS = (  # with texts it renders the marks alone, and so no empty prompt
    "{% for m in messages %}[{{ m.role }}]{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}"
    "{% endfor %}[end]{% endfor %}"
)
USER_PARTS = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ m.content[0].text }}{% else %}{{ m.content | trim }};"
    "{% endif %}{% endfor %}"
)
STRICT_PARTS = "{% for m in messages %}{{ m.content[0].text.strip() }}|{% endfor %}"
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<{{ m.role }}>{{ m.content }}{% endfor %}"
)
ALTERNATING = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{{ m.content }}{% endfor %}"
)
NO_EMPTY = (
    "{% for m in messages %}{% if not m.content %}{{ raise_exception('empty content') }}{% endif %}"
    "{{ m.content }}{% endfor %}"
)
NEEDS_SYSTEM = "{% if messages[0].role != 'system' %}{{ raise_exception('system first') }}{% endif %}" + STRINGS


@pytest.fixture
def template(tmp_path: Path) -> Any:
    def made(text: str | None) -> ChatTemplate:
        tiny_model.tokenizer(tmp_path, template=text)
        return ChatTemplate(AutoTokenizer.from_pretrained(tmp_path), tmp_path)

    return made


@pytest.mark.parametrize(
    ("text", "turns", "expected"),
    [
        (STRINGS, SYSTEM, "<system>Be brief.\n<user>Hi there\n<assistant>"),
        (ALL_PARTS, SYSTEM, "<system>Be brief.<user>Hi there"),
        (FIRST_PART, USER, "Hi there"),
        (MARKED_PARTS, SYSTEM, "[system]Be brief.[end][user]Hi there[end]"),
        (USER_PARTS, SYSTEM, "Be brief.;Hi there"),
        (STRICT_PARTS, SHOTS, "1+1|2|2+2|"),
        (NO_SYSTEM, USER, "<user>Hi there"),
        (NEEDS_SYSTEM, SYSTEM, "<system>Be brief.\n<user>Hi there\n<assistant>"),
        (ALTERNATING, SHOTS, "1+122+2"),
        (NO_EMPTY, SYSTEM, "Be brief.Hi there"),
        ("{{ messages[-1].content | upper }}", SYSTEM, "HI THERE"),  # the system's words have no place in it
    ],
)
def test_contents_are_given_in_the_form_that_the_template_reads(
    template: Any, text: str, turns: tuple[Message, ...], expected: str
) -> None:
    made = template(text)
    assert made.problem == ""
    assert made.render(turns) == expected


@pytest.mark.parametrize(
    ("text", "turns", "reason"),
    [
        (NO_SYSTEM, SYSTEM, "refuses a conversation of system, user: System role not supported"),
        (NEEDS_SYSTEM, USER, "refuses a conversation of user: system first"),
        (ALTERNATING, (*USER, *USER), "refuses a conversation of user, user: roles must alternate"),
        (NO_EMPTY, (Message("system", ""), *USER), "refuses a conversation of system, user: empty content"),
        (ALTERNATING, SHOTS[:2] * 4 + SHOTS[:1] * 2, r"user, assistant, user, assistant, user, \.\.\. \(10 in all\)"),
    ],
)
def test_a_conversation_that_the_template_does_not_take(
    template: Any, text: str, turns: tuple[Message, ...], reason: str
) -> None:
    made = template(text)
    assert made.problem == "" and bool(made.no_system) is (text == NO_SYSTEM or text == ALTERNATING)
    with pytest.raises(RefusedPromptError, match=reason) as caught:
        made.render(turns)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "has none"),
        ("{% for m in messages %}{{ m.content }}", "Unexpected end of template"),
        ("{{ messages | no_such_filter }}", "No filter named 'no_such_filter'"),
        ("{{ no_such.thing }}", "is undefined"),
        ("You are a poet.", "renders nothing of what the user says"),
        ("{{ raise_exception('never\nat all') }}", "never at all"),
        ("{% for a in range(10**9) %}{% endfor %}", "Range too big"),
    ],
)
def test_a_template_that_takes_nothing_leaves_chat_prompts_out(template: Any, text: str | None, reason: str) -> None:
    made = template(text)
    assert reason in made.problem and "\n" not in made.problem and str(made._folder) in made.problem
    with pytest.raises(InvalidInputError, match="use a plain prompt template instead"):
        made.render(USER)


# In the engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Any]:
    made: list[HFEngine] = []

    def start(text: str | None) -> HFEngine:
        made.append(HFEngine(str(tiny_model.write(tmp_path / "model", template=text)), dtype="float32", batch_size=2))
        return made[-1]

    yield start
    for each in made:
        each.close()


def asked(name: str, prompt: Any) -> Request:
    return Request(example_id=name, prompt=prompt, decoding=Decoding(temperature=0.0, max_tokens=3))


def test_a_refused_conversation_is_a_refused_request_beside_others(engine: Any) -> None:
    running = engine(NO_SYSTEM)
    (left_out,) = running.unsupported
    assert (left_out.name, left_out.value) == ("prompt.kind", "system")
    assert "System role not supported" in left_out.reason
    requests = [asked("system", SYSTEM), asked("user", USER), asked("plain", "Hi")]
    found = {response.request.example_id: response for response in running.generate(requests)}
    assert found["system"].refused and "System role not supported" in found["system"].error
    assert not found["system"].generations and found["system"].prompt_tokens == 0
    assert found["user"].generations and found["plain"].generations


def test_parts_are_the_prompt_that_the_model_gets(engine: Any, tmp_path: Path) -> None:
    (response,) = engine(FIRST_PART).generate([asked("e", USER)])
    assert response.generations and response.prompt_tokens == len("Hi there")  # the tokenizer's are bytes


@pytest.mark.parametrize("text", [None, "{% if %}", "You are a poet."])
def test_without_a_template_that_works_chat_is_unsupported_and_plain_is_not(engine: Any, text: str | None) -> None:
    running = engine(text)
    (chat,) = running.unsupported
    assert (chat.name, chat.value) == ("prompt.kind", "chat") and "chat template" in chat.reason
    (response,) = running.generate([asked("e", "Hi")])
    assert response.generations


@pytest.mark.parametrize(
    ("names", "works"), [(["default", "tool_use"], True), (["tool_use"], False), (["rag", "tool_use"], False)]
)
def test_named_templates_need_a_default(names: list[str], works: bool, tmp_path: Path) -> None:
    tiny_model.tokenizer(tmp_path, template=None)
    listed = [{"name": name, "template": STRINGS} for name in names]
    tiny_model.edit(tmp_path / "tokenizer_config.json", chat_template=listed)
    made = ChatTemplate(AutoTokenizer.from_pretrained(tmp_path), tmp_path)
    assert (made.problem == "") is works


def test_a_template_may_be_a_file_or_a_key(tmp_path: Path) -> None:
    tiny_model.tokenizer(tmp_path, template=STRINGS)
    file = tmp_path / "chat_template.jinja"
    rendered = ChatTemplate(AutoTokenizer.from_pretrained(tmp_path), tmp_path).render(USER)
    text = file.read_text()
    file.unlink()
    tiny_model.edit(tmp_path / "tokenizer_config.json", chat_template=text)
    assert "chat_template" in json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert ChatTemplate(AutoTokenizer.from_pretrained(tmp_path), tmp_path).render(USER) == rendered
