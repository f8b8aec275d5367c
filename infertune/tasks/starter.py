"""The commented task file and the few rows of data that ``infertune tasks new`` writes."""

import re

from infertune.errors import InvalidInputError

_TASK = """\
# A task: what is asked, how the answer is found in what the model wrote, and how it is judged.
# `infertune tasks check NAME.yaml` shows three prompts of each template and whether perfect answers score 1.
# All keys: docs/tasks.md.

name: NAME
version: 1                        # raise it with every change that changes a score
description: Opposites of words.
source: made by hand              # for people: where the data come from,
licence: CC0-1.0                  # and what may be done with them; both may be left out

# One example a line: {"word": "hot", "opposite": "cold"}. Also .json, .csv, .tsv and .parquet, and .gz of these.
# A hub data set: {hub: {path: openai/gsm8k, name: main, split: test}}
data: NAME.jsonl

# The search sees the examples of tune alone; confirm is kept for the final word. Shares, or counts such as 200.
splits: {tune: 0.5, confirm: 0.5}

fields:
  word: word                      # {word} in the prompts is the column word; every prompt must use every field
reference: opposite               # the column with the right answer

# The first is the default; which is best is for the search to say. A row that is shown in examples is left out.
# A name alone, such as short-answer, is a shipped template: those use the one field {question}.
prompts:
  - name: NAME-short
    kind: chat                    # rendered with the model's own chat template
    messages:
      - {role: system, content: Reply with one word.}
      - {role: user, content: "What is the opposite of {word}?"}
  - name: NAME-shots
    kind: plain                   # text as it is, for base models too; ends where the answer begins
    text: "Word: {word}\\nOpposite:"
    examples:
      - {word: inside, answer: outside}
      - {word: float, answer: sink}

max_tokens: [4, 8, 16]            # answer lengths worth trying
stop: ["\\n\\n"]                    # texts that end an answer

# Tried in order; the first that finds something decides.
extraction:
  - {kind: regex, pattern: 'opposite of .+ is "?(\\w+)'}
  - {kind: line, which: first}

scorer:
  name: exact                     # or number, math, python_tests
  options: {ignore_case: true, ignore_punctuation: true, ignore_articles: true, separator: "|"}
"""

_OPPOSITES = {
    "hot": "cold",
    "early": "late",
    "empty": "full",
    "wet": "dry",
    "buy": "sell",
    "win": "lose",
    "long": "short",
    "loud": "quiet|silent",
    "old": "young|new",
    "north": "south",
    "above": "below|beneath",
    "remember": "forget",
}


def starter(name: str) -> str:
    """Return a commented task file that reads ``<name>.jsonl``; a name no file could have is an InvalidInputError."""
    return _TASK.replace("NAME", checked_name(name))


def checked_name(name: str) -> str:
    """Return a name that a file and a study can have, or raise InvalidInputError."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise InvalidInputError(f"a task's name must be a letter, then letters, digits, - and _, but is '{name}'")
    return name


def starter_data() -> str:
    """Return the twelve lines of JSONL that the starter describes."""
    return "".join(f'{{"word": "{word}", "opposite": "{opposite}"}}\n' for word, opposite in _OPPOSITES.items())
