import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.tasks import prompts
from infertune.tasks.prompts import Template, Turn, checked, load, names, render, substitute
from infertune.types import Message

CHAT = Template(
    name="t",
    kind="chat",
    messages=(Turn("system", "Be brief."), Turn("user", "Q: {question}")),
    examples=({"question": "1+1?", "answer": "2"},),
)
PLAIN = Template(name="p", kind="plain", text="Q: {question}\nA:", examples=({"question": "1+1?", "answer": "2"},))


def test_chat_shots_are_turns_after_the_system_turn():
    assert render(CHAT, {"question": "2+2?"}) == (
        Message("system", "Be brief."),
        Message("user", "Q: 1+1?"),
        Message("assistant", "2"),
        Message("user", "Q: 2+2?"),
    )


def test_plain_shots_are_text_before_the_question():
    assert render(PLAIN, {"question": "2+2?"}) == "Q: 1+1?\nA: 2\n\nQ: 2+2?\nA:"


def test_text_that_ends_with_space_gets_no_second_one():
    template = Template(name="p", kind="plain", text="{question}\n", examples=({"question": "a", "answer": "b"},))
    assert render(template, {"question": "c"}) == "a\nb\n\nc\n"


@given(st.text())
def test_values_are_never_read_as_templates(value):
    assert substitute("<{x}>", {"x": value}, where="here") == f"<{value}>"


@given(st.text())
def test_doubled_braces_give_any_text_back(text):
    assert substitute(text.replace("{", "{{").replace("}", "}}"), {}, where="here") == text


def test_a_missing_field_names_the_nearest():
    with pytest.raises(InvalidInputError, match=r"prompt 't'.*'question'.*did you mean 'qestion'"):
        render(Template(name="t", kind="plain", text="{question} {qestion}"), {"qestion": "x"})


def test_an_unused_field_is_an_error():
    with pytest.raises(InvalidInputError, match="does not use the field 'context'"):
        render(PLAIN, {"question": "x", "context": "y"})


@pytest.mark.parametrize("text", ["{", "}", "{not a name}", "{{{", "{}"])
def test_lone_braces_are_errors(text):
    with pytest.raises(InvalidInputError, match="must be doubled"):
        substitute(text, {}, where="here")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (Template(name="x", kind="chat"), "must have 'messages'"),
        (Template(name="x", kind="plain", text="a", messages=(Turn("user", "b"),)), "must not have 'messages'"),
        (Template(name="x", kind="chat", messages=(Turn("system", "b"),)), "must have the role user"),
        (Template(name="x", kind="plain", text="{q}", examples=({"q": "a"},)), "must have 'answer'"),
        (Template(name="x", kind="plain", text="{q}", examples=({"answer": "a"},)), "'q' is missing"),
        (Template(name="x", kind="plain", text="{q}", examples=({"q": "", "r": "", "answer": ""},)), "not use 'r'"),
        (Template(name="x", kind="plain", text="{q} {"), "must be doubled"),
    ],
)
def test_a_template_that_cannot_render_is_refused_with_its_place(template, problem):
    with pytest.raises(InvalidInputError, match=f"file.yaml.*{problem}|prompt 'x'.*{problem}"):
        checked(template, where="file.yaml")


TALK = (Message("user", "Hi"), Message("assistant", "Hello!"), Message("user", "2+2?"))


def test_a_conversation_comes_before_the_turn_that_uses_it():
    assert render(CHAT, {"question": TALK}) == (
        Message("system", "Be brief."),
        Message("user", "Q: 1+1?"),
        Message("assistant", "2"),
        Message("user", "Hi"),
        Message("assistant", "Hello!"),
        Message("user", "Q: 2+2?"),
    )
    assert render(CHAT, {"question": TALK[-1:]}) == render(CHAT, {"question": "2+2?"})


def test_there_is_one_system_turn_of_template_and_conversation():
    question = Template(name="q", kind="chat", messages=(Turn("user", "{question}"),))
    talk = (Message("system", "You add."), *TALK)
    assert render(question, {"question": talk}) == talk
    rendered = render(CHAT, {"question": talk})
    assert rendered[0] == Message("system", "Be brief.\n\nYou add.")
    assert rendered[1:] == render(CHAT, {"question": TALK})[1:]


def test_a_conversation_as_text_names_who_speaks_unless_only_the_user_does():
    text = "User: Hi\n\nAssistant: Hello!\n\nUser: 2+2?"
    assert render(PLAIN, {"question": TALK}) == f"Q: 1+1?\nA: 2\n\nQ: {text}\nA:"
    assert render(PLAIN, {"question": TALK[-1:]}) == render(PLAIN, {"question": "2+2?"})
    inside = Template(name="s", kind="chat", messages=(Turn("system", "Of {question}"), Turn("user", "Sum up.")))
    assert render(inside, {"question": TALK}) == (Message("system", f"Of {text}"), Message("user", "Sum up."))


def test_a_shot_may_be_a_conversation(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        """
name: mine
kind: chat
messages: [{role: user, content: "{question}"}]
examples:
  - question:
      - {role: system, content: never shown twice}
      - {role: user, content: Hi}
      - {role: assistant, content: Hello!}
      - {role: user, content: '1+1?'}
    answer: "2"
"""
    )
    assert render(load("mine", beside=tmp_path), {"question": "2+2?"}) == (
        Message("user", "Hi"),
        Message("assistant", "Hello!"),
        Message("user", "1+1?"),
        Message("assistant", "2"),
        Message("user", "2+2?"),
    )
    unanswered = Template(
        name="x", kind="plain", text="{q}", examples=({"q": (Turn("assistant", "a"),), "answer": ""},)
    )
    with pytest.raises(InvalidInputError, match="the last turn of 'q' must be the user's"):
        checked(unanswered, where="x")


def test_all_that_is_wrong_with_a_template_is_told_at_once():
    template = Template(
        name="x", kind="chat", messages=(Turn("user", "{q} {"), Turn("assistant", "}")), examples=({"p": "a"},)
    )
    with pytest.raises(InvalidInputError) as caught:
        checked(template, where="x.yaml")
    head, *told = str(caught.value).split("\n  ")
    assert head == "x.yaml has 6 errors:"
    assert [line.split(",")[0].split(";")[0] for line in told] == [
        "the last of 'messages' must have the role user",
        "a lone '{' must be doubled",
        "a lone '}' must be doubled",
        "examples[0] must have 'answer'",
        "examples[0]: the template does not use 'p'",
        "examples[0]: the field 'q' is missing",
    ]


def test_digest_follows_what_is_rendered_and_not_the_name():
    renamed = Template(name="other", kind=PLAIN.kind, text=PLAIN.text, examples=PLAIN.examples)
    shorter = Template(name="p", kind=PLAIN.kind, text=PLAIN.text)
    assert renamed.digest == PLAIN.digest != shorter.digest


def test_every_shipped_template_loads_under_its_own_name_and_renders():
    assert "short-answer" in names()
    for name in names():
        template = load(name)
        assert template.name == name
        assert render(template, {field: f"<{field}>" for field in template.fields})


def test_a_template_beside_the_task_wins(tmp_path):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "question.yaml").write_text("{name: question, kind: plain, text: 'mine {question}'}")
    assert prompts.load("question", beside=tmp_path).text == "mine {question}"


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(InvalidInputError, match="did you mean 'short-answer'"):
        load("short-anwser")


def test_an_unknown_key_gets_the_nearest(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: mine\nkind: plain\ntxt: hello\n")
    with pytest.raises(InvalidInputError, match=r"mine.yaml: unknown key 'txt'.*'text'"):
        load("mine", beside=tmp_path)
