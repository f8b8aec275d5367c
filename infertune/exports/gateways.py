"""Requests of an answer through LiteLLM: a model of its proxy, and a call of its package."""

import json
from typing import Any

from infertune.errors import InvalidInputError
from infertune.exports.answer import Answer, Exported, File
from infertune.exports.notes import about_requests
from infertune.exports.quoting import head, python, python_arguments, python_prompt
from infertune.exports.request import parted, settings
from infertune.files import yaml_file


def litellm(answer: Answer) -> Exported:
    """Return the proxy's config.yaml, in which the settings are the model's defaults, and a Python file that asks.

    Raises:
        InvalidInputError: A text would be read as the name of a variable.
    """
    asked = answer.asked
    known, extra = parted(settings(asked))
    notes = [*answer.notes, *about_requests(asked)]
    notes.append("The prompt is no part of config.yaml: it is in ask.py.")
    provider = "openai" if asked.is_chat else "text-completion-openai"
    given: dict[str, Any] = {
        "model": f"{provider}/{answer.model}",
        "api_base": asked.base_url,
        **known,
        **({"extra_body": extra} if extra else {}),
    }
    if '"os.environ/' in json.dumps(given):  # which the proxy would replace with what a variable holds
        raise InvalidInputError("the format litellm cannot have a text that begins with os.environ/")
    served = {"model_name": _alias(answer), "litellm_params": {**given, "api_key": f"os.environ/{asked.key_variable}"}}
    config = head(answer, notes, "Use: litellm --config config.yaml") + yaml_file.dump({"model_list": [served]})
    call, text = ("completion", "message.content") if asked.is_chat else ("text_completion", "text")
    script = f'''\
{head(answer, notes, "Needs the package litellm. Use: python ask.py " + " ".join(asked.fields).upper())}
import os
import sys

import litellm

FIELDS = {python(asked.fields)}


def prompt(fields):
{python_prompt(answer)}

def ask(**fields):
    """Return the texts of one request."""
    response = litellm.{call}(
        {"messages" if asked.is_chat else "prompt"}=prompt(fields),
        api_key=os.environ.get({asked.key_variable!r}, "none"),
{python_arguments(given, indent=8)}    )
    return [choice.{text} for choice in response.choices]


if __name__ == "__main__":
    print(*ask(**dict(zip(FIELDS, sys.argv[1:], strict=True))), sep="\\n")
'''
    return Exported((File("config.yaml", config), File("ask.py", script)), tuple(notes))


def _alias(answer: Answer) -> str:
    """Return what clients of the proxy call the model: the study's name."""
    return answer.study or answer.model
