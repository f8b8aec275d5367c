"""A model's chat template: which conversations it takes, and in which form it reads their contents.

Most templates read a content as a text, some as a list of typed parts. Given the other form many raise nothing and
leave the words out. So each sequence of roles is tried once with made-up words, in every form until the words appear.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infertune.engines.hf.architecture import one_line
from infertune.errors import InvalidInputError
from infertune.types import Message

_FORMS = (
    frozenset[str](),
    frozenset({"user"}),
    frozenset({"user", "assistant"}),
    frozenset({"system", "user", "assistant"}),
)
"""Roles whose contents are lists of parts; fewest first, for what wants a text may print a list as Python does."""


class RefusedPromptError(InvalidInputError):
    """A prompt that this model can never be asked."""


class ChatTemplate:
    """Renders chat turns.

    Args:
        tokenizer: Of transformers, with the template.
        folder: Of the model, for messages.

    Attributes:
        problem: Why no chat prompt at all can be rendered; empty where some can.
        no_system: Why no system turn can, where others can; else empty.
    """

    def __init__(self, tokenizer: Any, folder: Path) -> None:
        self._tokenizer = tokenizer
        self._folder = folder
        self._known: dict[tuple[str, ...], frozenset[str] | str] = {}
        self.problem = self.no_system = ""
        if not tokenizer.chat_template:
            self.problem = f"a chat prompt needs a model with a chat template, and {folder} has none"
            return
        alone, after_system = self._form(("user",)), self._form(("system", "user"))
        if isinstance(after_system, str):
            self.problem, self.no_system = (alone, "") if isinstance(alone, str) else ("", after_system)

    def render(self, turns: Sequence[Message]) -> str:
        """Return the text of chat turns, with the beginning of the answer.

        Raises:
            InvalidInputError: There is no template, or none that works.
            RefusedPromptError: The template does not take these turns.
        """
        if self.problem:
            raise InvalidInputError(f"{self.problem}: use a plain prompt template instead")
        form = self._form(tuple(turn.role for turn in turns))
        if isinstance(form, str):
            raise RefusedPromptError(form)
        try:
            return self._text(turns, form)
        except Exception as error:  # a template raises what it likes
            raise RefusedPromptError(self._refusal([turn.role for turn in turns], one_line(error))) from error

    def _form(self, roles: tuple[str, ...]) -> frozenset[str] | str:
        """Return the roles whose contents are parts, or why the template does not take these roles in turn."""
        if roles not in self._known:
            self._known[roles] = self._tried(roles)
        return self._known[roles]

    def _tried(self, roles: tuple[str, ...]) -> frozenset[str] | str:
        turns = [Message(role, f"qxz{number}zxq") for number, role in enumerate(roles)]
        asked = [turn.content for turn in turns if turn.role == "user"][-1:]
        reasons, best, most = [], None, 0
        for form in _FORMS:
            try:
                text = self._text(turns, form).casefold()
            except Exception as error:  # as above
                reasons.append(one_line(error))
                continue
            said = [turn.content for turn in turns if turn.content in text]
            if not set(asked) <= set(said):
                reasons.append("it renders nothing of what the user says")
            elif best is None or len(said) > most:  # a template may leave out what the assistant said before
                best, most = form, len(said)
        return self._refusal(roles, reasons[0]) if best is None else best

    def _text(self, turns: Sequence[Message], form: frozenset[str]) -> str:
        given = [
            {
                "role": turn.role,
                "content": [{"type": "text", "text": turn.content}] if turn.role in form else turn.content,
            }
            for turn in turns
        ]
        return str(self._tokenizer.apply_chat_template(given, tokenize=False, add_generation_prompt=True))

    def _refusal(self, roles: Sequence[str], reason: str) -> str:
        shown = ", ".join(roles) if len(roles) <= 6 else f"{', '.join(roles[:5])}, ... ({len(roles)} in all)"
        return f"the chat template of {self._folder} refuses a conversation of {shown}: {reason}"
