"""Requests of an answer for clients: the package openai, curl and LangChain."""

import shlex

from infertune.exports.answer import Answer, Exported, File
from infertune.exports.notes import about_requests
from infertune.exports.quoting import head, python, python_arguments, python_prompt
from infertune.exports.request import parted, settings, shell_body

_JSON = r"""json() {  # a text within a string of JSON
    printf '%s\n' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' |
        awk 'NR > 1 { printf "%s", "\\n" } { printf "%s", $0 }'
}"""


def openai_python(answer: Answer) -> Exported:
    """Return a Python file that asks by the package openai."""
    asked = answer.asked
    known, extra = parted(settings(asked))
    notes = (*answer.notes, *about_requests(asked))
    endpoint, text = ("chat.completions", "message.content") if asked.is_chat else ("completions", "text")
    given = {"model": answer.model, **known, **({"extra_body": extra} if extra else {})}
    return Exported(
        (
            File(
                "ask.py",
                f'''\
{head(answer, notes, f"Needs the package openai. Use: python ask.py {_usage(answer)}")}
import os
import sys

from openai import OpenAI

FIELDS = {python(asked.fields)}


def prompt(fields):
{python_prompt(answer)}

def ask(client, **fields):
    """Return the texts of one request."""
    response = client.{endpoint}.create(
        {"messages" if asked.is_chat else "prompt"}=prompt(fields),
{python_arguments(given, indent=8)}    )
    return [choice.{text} for choice in response.choices]


if __name__ == "__main__":
    client = OpenAI(base_url={asked.base_url!r}, api_key=os.environ.get({asked.key_variable!r}, "none"))
    print(*ask(client, **dict(zip(FIELDS, sys.argv[1:], strict=True))), sep="\\n")
''',
            ),
        ),
        notes,
    )


def curl(answer: Answer) -> Exported:
    """Return a shell script that asks by curl; beside it, sed and awk are all that it needs."""
    asked = answer.asked
    notes = (*answer.notes, *about_requests(asked))
    checks = "".join(f': "${{{place}:?{name} is missing}}"\n' for place, name in enumerate(asked.fields, start=1))
    text = f"""\
#!/bin/sh
{head(answer, notes, f"Use: sh request.sh {_usage(answer)}")}
set -eu
{checks}
{_JSON}

curl --silent --show-error --fail-with-body {shlex.quote(f"{asked.base_url}{asked.path}")} \\
    --header 'Content-Type: application/json' \\
    --header "Authorization: Bearer ${{{asked.key_variable}:-none}}" \\
    --data-binary {shell_body(answer)}
"""
    return Exported((File("request.sh", text),), notes)


def langchain(answer: Answer) -> Exported:
    """Return a Python file with the model as LangChain has it, and a function that asks it."""
    asked = answer.asked
    known, extra = parted(settings(asked))
    notes = (*answer.notes, *about_requests(asked))
    kind = "ChatOpenAI" if asked.is_chat else "OpenAI"
    # The model of plain prompts has no argument for stop texts.
    apart = {name: known.pop(name) for name in ("stop",) if name in known and not asked.is_chat}
    given = {"model": answer.model, "base_url": asked.base_url, **known}
    if apart:
        given["model_kwargs"] = apart
    if extra:
        given["extra_body"] = extra
    messages = "convert_to_messages(prompt(fields))" if asked.is_chat else "prompt(fields)"
    text = f'''\
{head(answer, notes, f"Needs the package langchain-openai. Use: python model.py {_usage(answer)}")}
import os
import sys

{"from langchain_core.messages import convert_to_messages" if asked.is_chat else ""}
from langchain_openai import {kind}

MODEL = {kind}(
    api_key=os.environ.get({asked.key_variable!r}, "none"),
{python_arguments(given)})
FIELDS = {python(asked.fields)}


def prompt(fields):
{python_prompt(answer)}

def ask(**fields):
    """Return the texts of one request; MODEL.invoke(prompt(fields)) would return the first."""
    return [each.text for each in MODEL.generate([{messages}]).generations[0]]


if __name__ == "__main__":
    print(*ask(**dict(zip(FIELDS, sys.argv[1:], strict=True))), sep="\\n")
'''
    return Exported((File("model.py", text.replace("\n\n\nfrom", "\n\nfrom")),), notes)


def _usage(answer: Answer) -> str:
    return " ".join(name.upper() for name in answer.asked.fields)
