"""What a model thought is no answer: marks of every kind, unfinished, unopened, or only spoken of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.tasks.extraction import Number, extractor
from infertune.tasks.thoughts import without_thoughts

SAID = [
    ("plain", "plain"),
    ("<think>7</think>12", "12"),
    ("<think>\n7\n</think>\n\n12", "\n\n12"),
    ("7</think>12", "12"),
    ("<think>7", ""),
    ("<think></think>12", "12"),
    ("<THINK>7</THINK>12", "12"),
    ("<thinking>7</thinking>12", "12"),
    ("<thought>7</thought>12", "12"),
    ("<reasoning>7</reasoning>12", "12"),
    ("<seed:think>7</seed:think>12", "12"),
    ("[THINK]7[/THINK]12", "12"),
    ("◁think▷7◁/think▷12", "12"),
    ("<|START_THINKING|>7<|END_THINKING|><|START_RESPONSE|>12<|END_RESPONSE|>", "12"),
    ("<|begin_of_thought|>7<|end_of_thought|><|begin_of_solution|>12<|end_of_solution|>", "12"),
    ("<|channel|>analysis<|message|>7<|end|><|start|>assistant<|channel|>final<|message|>12<|return|>", "12"),
    ("<think >7</think >12", "12"),
    ("<think_fast budget=100>7</think_fast>12", "12"),
    ("<inner_monologue>7</inner_monologue>12", "12"),
    ("<|think|>7<|/think|>12", "12"),
    ("<think>```py\n7\n```</think>```py\n12\n```", "```py\n12\n```"),
    ("<|channel|>analysis<|message|>7", ""),
    ("analysisWe have 7.assistantfinal12", "12"),
    ("<|channel>thought\n7<channel|>12", "12"),
    ("<think>7</think><answer>12</answer>", "12"),
    ("12 <think>7</think> it is", "12  it is"),
    ("12. <think>or 7", "12. "),
    ("<think>6</think>7</think>12", "12"),
    ("<think>6 <think>7</think>12", "12"),
    ("<think>I end with `</think>`, then 7</think>12", "12"),
    ('s.split("</think>")[-1]', 's.split("</think>")[-1]'),
    ("re.sub('<think>.*?</think>', '', s)", "re.sub('<think>.*?</think>', '', s)"),
    ('<think>"Yes"</think>"No"', '"No"'),
    ("12<|end|>", "12<|end|>"),
    ("<answer>12</answer>", "<answer>12</answer>"),
    ("analysis of 12", "analysis of 12"),
]


@pytest.mark.parametrize(("text", "kept"), SAID)
def test_what_is_left(text, kept):
    assert without_thoughts(text) == kept


@given(st.text())
def test_text_without_marks_is_left_alone(text):
    assert without_thoughts(text) == text or "think" in text.lower()


@given(st.lists(st.sampled_from(["<think>", "</think>", "7", "12", "`", '"', "\n"])).map("".join))
def test_nothing_is_left_of_what_stands_between_marks(text):
    kept = without_thoughts(text)
    assert len(kept) <= len(text)
    if "`" not in text and '"' not in text:
        assert "think" not in kept


@given(st.text(alphabet="0123456789 \n"), st.integers(0, 999))
def test_every_extractor_leaves_thoughts_out(thought, answer):
    extract = extractor([Number(which="first")], str)
    assert extract(f"<think>{thought}</think>{answer}") == str(answer)
    assert extract(f"{thought}</think>{answer}") == str(answer)
    assert extract(f"<think>{thought}{answer}") is None


LONG = ["<think>" * 50_000, '"<think>' * 30_000, "<|channel|>analysis" * 20_000]


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_long_texts_end_soon(text):
    assert isinstance(without_thoughts(text), str)
