"""The settings of an answer for lm-evaluation-harness, whose tasks have prompts and scorers of their own."""

import json
from typing import Any

from infertune.exports.answer import Answer, Exported, File
from infertune.exports.quoting import head, shell_lines
from infertune.exports.request import settings


def lm_eval(answer: Answer) -> Exported:
    """Return a script with one `lm_eval` line; what it is given is JSON, which it reads as it is."""
    asked = answer.asked
    kind = "local-chat-completions" if asked.is_chat else "local-completions"
    model = {"model": answer.model, "base_url": f"{asked.base_url}{asked.path}"}
    notes = [
        *answer.notes,
        "The prompt, the shots, the extraction and the scorer are those of the harness's task, not of the study.",
    ]
    if asked.n > 1:
        notes.append(f"The harness asks for one text a request: n = {asked.n} and the vote are left out.")
    if asked.is_chat and len(asked.stop) > 4:
        notes.append("The harness sends the first 4 stop texts of a chat only.")
    words = ["lm_eval", "--model", kind, "--model_args", json.dumps(model), f"--tasks={asked.task}"]
    words += ["--apply_chat_template"] if asked.is_chat else []
    words += ["--gen_kwargs", json.dumps(gen_kwargs(answer))]
    use = f"Use: sh lm_eval.sh, with the name of a task of the harness in the place of {asked.task}."
    text = f"#!/bin/sh\n{head(answer, notes, use)}\n{shell_lines(words)}"
    return Exported((File("lm_eval.sh", text),), tuple(notes))


def gen_kwargs(answer: Answer) -> dict[str, Any]:
    """Return the settings as the harness passes them on; it knows two by other names.

    Without ``do_sample`` some of its models would be greedy whatever the temperature.
    """
    asked = answer.asked
    body = settings(asked, n=1)
    given = {"max_gen_toks": body.pop("max_tokens"), **body}
    if "stop" in given:
        given["until"] = given.pop("stop")
    return {"do_sample": asked.settings["temperature"] != 0, **given}
