"""The whole of an answer as one function of Python: prompt, request, extraction and vote, of the standard library."""

import inspect
import re
from typing import Any

import msgspec

from infertune.errors import InvalidInputError
from infertune.exports import page_parts
from infertune.exports.answer import Answer, Asking, Exported, File
from infertune.exports.notes import about_conversations, about_order
from infertune.exports.quoting import head, python, python_prompt
from infertune.exports.request import settings
from infertune.tasks.extraction import Step

_SCORERS = ("exact", "number", "math", "python_tests")
_VOTERS = {
    "first": "    return extract(samples[0][0])\n",
    "majority": """\
    votes = Counter(answer for answer in map(extract, (text for text, _ in samples)) if answer is not None)
    return max(votes, key=votes.__getitem__, default=None)
""",
    "best_of_n": "    return extract(max(samples, key=lambda sample: sample[1])[0])\n",
}
_FROM = {
    "Counter": "from collections import Counter\n",
    "Decimal": "from decimal import Decimal\n",
    "Any": "from typing import Any\n",
}
_LIKELY = {
    True: 'logprobs = [token["logprob"] for token in choice["logprobs"]["content"]]',
    False: 'logprobs = choice["logprobs"]["token_logprobs"]',
}


def page(answer: Answer) -> Exported:
    """Return a Python file with `ask`, from the fields of an example to the answer.

    Raises:
        InvalidInputError: The voter is a plugin's.
    """
    asked = answer.asked
    if asked.voter not in _VOTERS:
        known = ", ".join(_VOTERS)
        raise InvalidInputError(f"a page of Python has the voters {known}, but the answer's is '{asked.voter}'")
    by_likelihood = asked.voter == "best_of_n"
    names = _names(asked)
    notes = (
        *answer.notes,
        *about_conversations(asked),
        *about_order(asked, asked.server),
        *_about_parts(asked, names),
    )
    body = {"model": answer.model, **settings(asked, n=1, logprobs=by_likelihood)}
    likely = f"{_LIKELY[asked.is_chat]}\n        likely = sum(logprobs) / max(1, len(logprobs))"
    sources = "\n\n".join(inspect.getsource(getattr(page_parts, name)) for name in names)
    text = f'''\
{head(answer, notes, "Use: python answer.py " + " ".join(asked.fields).upper())}
{_imports(sources + _VOTERS[asked.voter])}
URL = {f"{asked.base_url}{asked.path}"!r}
KEY = os.environ.get({asked.key_variable!r}, "none")
BODY = {python(body)}
STOP = {python(asked.stop)}
N = {asked.n}  # samples of one answer
FIELDS = {python(asked.fields)}


def ask(**fields: str) -> str | None:
    """Return the answer, in the form in which answers are compared; None where there is none."""
    samples: list[tuple[str, float]] = []
    while len(samples) < N:
        samples += request(prompt(fields), N - len(samples))
{_VOTERS[asked.voter]}

def prompt(fields):
{python_prompt(answer)}

def request(prompt, n: int) -> list[tuple[str, float]]:
    """Return samples, at most n, each with the mean log probability of its tokens where that is needed."""
    body = {{**BODY, {"messages" if asked.is_chat else "prompt"!r}: prompt, **({{"n": n}} if n > 1 else {{}})}}
    headers = {{"Content-Type": "application/json", "Authorization": f"Bearer {{KEY}}"}}
    with urllib.request.urlopen(urllib.request.Request(URL, json.dumps(body).encode(), headers)) as response:
        choices = json.load(response)["choices"]
    if not choices:
        raise RuntimeError("the server gave no answer")
    samples = []
    for choice in choices[:n]:
        text, likely = {'choice["message"]["content"] or ""' if asked.is_chat else 'choice["text"]'}, 0.0
        {likely if by_likelihood else ""}
        text = min((text.partition(stop)[0] for stop in STOP), key=len, default=text)
        samples.append((text, likely))
    return samples


def extract(text: str) -> str | None:
    """Return the answer in a text: the first of some ways that finds one decides."""
    text = without_thoughts(text)
    for answer in (
{_finders(asked)}    ):
        if (found := answer()) is not None and found.strip():
            return {_normal(asked)}
    return None


{sources}

if __name__ == "__main__":
    print(ask(**dict(zip(FIELDS, sys.argv[1:], strict=True))))
'''
    return Exported((File("answer.py", text.replace("        \n", "")),), notes)


def _names(asked: Asking) -> list[str]:
    """Return the parts that the page needs, as they stand in their file."""
    wanted = ["without_thoughts", *(_finder(step) for step in asked.steps), _normal_name(asked)]
    for name in wanted:
        wanted += [each for each in page_parts.NEEDS.get(name, ()) if each not in wanted]
    return [name for name in vars(page_parts) if name in wanted]


def _imports(code: str) -> str:
    """Return the lines that import what the page needs for some code beside its own."""
    modules = ["json", "os", "re", "sys", "urllib.request"]
    modules += [each for each in ("importlib", "string", "unicodedata") if f"{each}." in code]
    lines = [f"import {each}\n" for each in sorted(modules)]
    return "".join(lines + [line for name, line in _FROM.items() if re.search(rf"\b{name}\b", code)])


def _finder(step: Step) -> str:
    return f"find_{type(step).__struct_config__.tag}"


def _finders(asked: Asking) -> str:
    lines = []
    for step in asked.steps:
        given: dict[str, Any] = {
            name: getattr(step, name) for name in step.__struct_fields__ if getattr(step, name) is not None
        }
        arguments = "".join(f", {name}={value!r}" for name, value in given.items())
        lines.append(f"        lambda: {_finder(step)}(text{arguments}),\n")
    return "".join(lines)


def _normal_name(asked: Asking) -> str:
    return f"normal_{asked.scorer.name if asked.scorer.name in _SCORERS else 'text'}"


def _normal(asked: Asking) -> str:
    options = msgspec.to_builtins(asked.scorer.options)
    known = {name: value for name, value in options.items() if name.isidentifier()}
    given = f", **{known!r}" if known and _normal_name(asked) != "normal_text" else ""
    return f"{_normal_name(asked)}(found{given})"


def _about_parts(asked: Asking, names: list[str]) -> list[str]:
    found = [
        f"{name} is a short form: infertune also reads {page_parts.SHORTER[name]}."
        for name in names
        if name in page_parts.SHORTER
    ]
    if asked.scorer.name not in _SCORERS:
        found.append(f"The scorer '{asked.scorer.name}' says which answers are equal: here those of the same text.")
    return found
