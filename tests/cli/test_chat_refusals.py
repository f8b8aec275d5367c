"""A study with a model whose chat template does not take every prompt of the task: what it takes is searched."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")

import tiny_model  # noqa: E402

from infertune.cli import app  # noqa: E402
from infertune.errors import InfertuneError, InvalidInputError  # noqa: E402

NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<{{ m.role }}>{{ m.content }}{% endfor %}"
)
TASK = """
name: say
version: 1
source: own
licence: CC0-1.0
data: say.jsonl
fields: {q: q}
reference: a
splits: {tune: 40, confirm: 20}
prompts:
  - {name: told, kind: chat, messages: [{role: system, content: "Be brief."}, {role: user, content: "{q}"}]}
PLAIN
max_tokens: [2, 4]
extraction: [{kind: line}]
scorer: exact
"""
ASKED = '  - {name: asked, kind: chat, messages: [{role: user, content: "{q}"}]}'


def optimize(folder: Path, *, other: str, template: str | None) -> None:
    tiny_model.write(folder / "model", template=template)
    (folder / "say.yaml").write_text(TASK.replace("PLAIN", other))
    (folder / "say.jsonl").write_text("".join(f'{{"q": "Say {n}.", "a": "{n}"}}\n' for n in range(60)))
    words = ["optimize", "--task", str(folder / "say.yaml"), "--model", str(folder / "model"), "--dtype", "float32"]
    app([*words, "--budget-tokens", "4k", "--db", str(folder / "study.db"), "--out", str(folder / "out.yaml")],
        standalone_mode=False)  # fmt: skip


def test_prompts_that_the_template_refuses_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    optimize(tmp_path, other=ASKED, template=NO_SYSTEM)
    said = " ".join(capsys.readouterr().out.split())
    assert "prompt=told is left out: the chat template" in said and "System role not supported" in said
    assert "asked" in (tmp_path / "out.yaml").read_text()


@pytest.mark.parametrize(("template", "reason"), [(NO_SYSTEM, "System role not supported"), (None, "has none")])
def test_where_none_is_left_the_message_says_why(template: str | None, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InfertuneError, match=reason) as caught:
        optimize(tmp_path, other="", template=template)
    assert isinstance(caught.value, InvalidInputError) and "\n" not in str(caught.value)
