"""Decoding settings for a library that generates in its own process: vLLM's `LLM`, and transformers."""

from typing import Any

from infertune.decoding.settings import SETTINGS
from infertune.exports.answer import Answer, Asking, Exported, File
from infertune.exports.notes import about_conversations, about_order, about_votes
from infertune.exports.quoting import head, json_text, python, python_arguments, python_prompt
from infertune.types import Scalar

# Further arguments of vLLM 0.32's SamplingParams that a search space may have.
_SAMPLING_PARAMS = (
    *("presence_penalty", "frequency_penalty", "min_tokens", "ignore_eos", "skip_special_tokens"),
    *("include_stop_str_in_output", "spaces_between_special_tokens", "thinking_token_budget"),
)
# Likewise of transformers' GenerationConfig.
_GENERATION_CONFIG = (
    *("top_h", "typical_p", "epsilon_cutoff", "eta_cutoff", "encoder_repetition_penalty"),
    *("length_penalty", "no_repeat_ngram_size", "guidance_scale", "num_beams", "min_new_tokens"),
)


def sampling_params(answer: Answer) -> Exported:
    """Return a Python file with the `SamplingParams` of vLLM; every setting is said."""
    asked = answer.asked
    known = {name: value for name, value in asked.extra.items() if name in _SAMPLING_PARAMS}
    notes = (*answer.notes, *_notes(asked, known, "vllm"))
    given: dict[str, Any] = {**_all(asked), **known, "max_tokens": asked.max_tokens, "n": asked.n}
    if asked.stop:
        given["stop"] = list(asked.stop)
    use, kind = ("chat", "messages") if asked.is_chat else ("generate", "text")
    text = f'''\
{head(answer, notes, f"Needs vLLM. Use: LLM(MODEL).{use}(prompt(FIELDS), PARAMS)")}
from vllm import SamplingParams

MODEL = {python(answer.model)}
PARAMS = SamplingParams(
{python_arguments(given)})


def prompt(fields):
    """Return the {kind} of the prompt for a mapping with these fields: {", ".join(asked.fields)}."""
{python_prompt(answer)}'''
    return Exported((File("sampling_params.py", text),), notes)


def hf(answer: Answer) -> Exported:
    """Return transformers' generation_config.json, and a Python file that generates with it."""
    asked = answer.asked
    known = {name: value for name, value in asked.extra.items() if name in _GENERATION_CONFIG}
    notes = [*answer.notes, *_notes(asked, known, "transformers")]
    if asked.stop:
        notes.append("transformers leaves the stop text at the end of what it generates; generate.py cuts it away.")
    notes.append(
        "generation_config.json has no ids of the model's end-of-text tokens: lay it over the model's own settings, "
        "as generate.py does, and do not put it in the place of the model's file."
    )
    config = generation_config(asked) | known
    dtype = f', dtype="{answer.dtype}"' if answer.dtype else ""
    text = f'''\
{head(answer, notes, "Needs transformers 5 and torch. Use: python generate.py " + " ".join(asked.fields).upper())}
import json
import sys
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer

MODEL = {python(answer.model)}
CONFIG = json.loads(Path(__file__).with_name("generation_config.json").read_text())
STOP = {python(list(asked.stop))}
FIELDS = {python(asked.fields)}


def prompt(fields):
{python_prompt(answer)}

def generate(model, tokenizer, **fields):
    """Return the texts of one request."""
    {_tokenized(asked)}
    inputs = inputs.to(model.device)
    model.generation_config.update(**CONFIG)
    found = model.generate(**inputs, tokenizer=tokenizer)
    texts = tokenizer.batch_decode(found[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [min((text.partition(stop)[0] for stop in STOP), key=len, default=text) for text in texts]


if __name__ == "__main__":
    tokenizer, model = AutoTokenizer.from_pretrained(MODEL), AutoModelForCausalLM.from_pretrained(MODEL{dtype})
    print(*generate(model, tokenizer, **dict(zip(FIELDS, sys.argv[1:], strict=True))), sep="\\n")
'''
    return Exported((File("generation_config.json", json_text(config)), File("generate.py", text)), tuple(notes))


def generation_config(asked: Asking) -> dict[str, Any]:
    """Return the settings by the names of transformers' `GenerationConfig`.

    All are said, for what is not would be the model's own; at temperature 0 those of sampling would be refused.
    """
    greedy = asked.settings["temperature"] == 0
    said = {
        each.name: asked.settings[each.name]
        for each in SETTINGS
        if not (greedy and (each.needs_sampling or each.name == "temperature"))
    }
    found = {"do_sample": not greedy, **said, "max_new_tokens": asked.max_tokens, "num_return_sequences": asked.n}
    return found | ({"stop_strings": list(asked.stop)} if asked.stop else {})


def _all(asked: Asking) -> dict[str, Scalar]:
    return {each.name: asked.settings[each.name] for each in SETTINGS}


def _tokenized(asked: Asking) -> str:
    if asked.is_chat:
        wanted = 'add_generation_prompt=True, return_tensors="pt", return_dict=True'
        return f"inputs = tokenizer.apply_chat_template(prompt(fields), {wanted})"
    return 'inputs = tokenizer(prompt(fields), return_tensors="pt")'


def _notes(asked: Asking, known: dict[str, Scalar], server: str) -> list[str]:
    """Return what is left to do, and which settings the library has no argument for."""
    lost = [f"{name} = {value}" for name, value in asked.extra.items() if name not in known]
    lost += [f"{name} = {value}" for name, value in asked.extra_body.items()]
    found = [*about_votes(asked), *about_conversations(asked), *about_order(asked, server)]
    return [*found, f"Left out, for there is no such argument: {', '.join(lost)}."] if lost else found
