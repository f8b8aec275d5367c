"""Servers of an answer: vLLM's command with its settings, llama.cpp's, a unit, and files for Kubernetes."""

from collections.abc import Callable
from dataclasses import replace

from infertune.decoding.settings import SETTINGS
from infertune.exports import cluster, unit
from infertune.exports.answer import Answer, Exported, File
from infertune.exports.notes import about_order
from infertune.exports.quoting import comment, head, json_text, shell_lines
from infertune.exports.request import settings
from infertune.exports.service import Service, generation_config

_SAMPLERS = {"repetition_penalty": "penalties"}  # llama.cpp's names of what acts on the distribution
_FLAGS = {"temperature": "temp"}  # of llama-server, where they are not the settings' own
_CHART = "vllm/vllm-stack 0.1.9"


def vllm(answer: Answer) -> Exported:
    """Return a script with one `vllm serve` line, and the settings as generation_config.json for other ways."""
    notes = (*answer.notes, *_about_requests(answer))
    if answer.asking is not None:
        notes += tuple(about_order(answer.asking, "vllm"))
    use = "Use: sh serve.sh; or vllm serve MODEL --generation-config FOLDER, the folder of generation_config.json."
    script = f"#!/bin/sh\n{head(answer, notes, use)}\n{shell_lines(['exec', *answer.service.words()])}"
    config = generation_config(answer.service.decoding)
    files = [File("serve.sh", script)]
    if config:
        files.append(File("generation_config.json", json_text(config)))
    return Exported(tuple(files), notes)


def command(answer: Answer) -> Exported:
    """Return one command for a POSIX shell, and nothing else."""
    return _served(answer, "serve.sh", unit.command_line, with_head=False)


def systemd(answer: Answer) -> Exported:
    """Return a unit."""
    return _served(answer, f"{cluster.dns_name(answer.service.name)}.service", unit.systemd_unit)


def kubernetes(answer: Answer) -> Exported:
    """Return a Deployment and a Service."""
    return _served(answer, "kubernetes.yaml", cluster.kubernetes)


def helm(answer: Answer) -> Exported:
    """Return values for a chart."""
    return _served(
        answer,
        "values.yaml",
        cluster.helm_values,
        use=f"Values for the chart {_CHART}. requestCPU and requestMemory are a guess.",
    )


def llama_cpp(answer: Answer) -> Exported:
    """Return a script that starts llama-server with the settings as its defaults, and the keys of a request's body."""
    asked, service = answer.asked, answer.service
    notes = [*answer.notes, *_about_requests(answer)]
    if not answer.model.endswith(".gguf"):
        notes.append("llama-server loads a GGUF file: `infertune export --model FILE.gguf` names it.")
    body = settings(_as_llama(answer).asked)
    words = ["llama-server", "-m", answer.model, "--host", service.host, "--port", str(service.port)]
    for each in SETTINGS:
        name = each.names.get("llama.cpp", each.name)
        words += [f"--{_FLAGS.get(each.name, name).replace('_', '-')}", str(asked.settings[each.name])]
        if each.name == "repetition_penalty" and each.name in asked.effective:
            words += ["--repeat-last-n", str(body["repeat_last_n"])]
    if order := _order(asked.warpers):
        words += ["--samplers", order]
    else:
        notes.append("In which order the settings acted is not known, so llama-server's own order stays.")
    use = "Use: sh serve.sh; sampling.json has the keys of a request that overrides them."
    script = f"#!/bin/sh\n{head(answer, notes, use)}\n{shell_lines(['exec', *words])}"
    return Exported((File("serve.sh", script), File("sampling.json", json_text(body))), tuple(notes))


def _as_llama(answer: Answer) -> Answer:
    return replace(answer, asking=replace(answer.asked, server="llama.cpp", says_neutral=True))


def _order(warpers: str) -> str:
    """Return llama-server's ``--samplers`` for the order in which the settings acted; empty where it is not known."""
    known = {each.name for each in SETTINGS}
    names = [name for name in warpers.split(",") if name in known]
    return ";".join(_SAMPLERS.get(name, name) for name in names) if set(names) == known else ""


def _served(
    answer: Answer, name: str, write: Callable[[Service], str], *, use: str = "", with_head: bool = True
) -> Exported:
    notes = (*answer.notes, *_about_requests(answer))
    above = comment([*([use] if use else []), *notes]) if with_head else ""
    return Exported((File(name, above + write(answer.service)),), notes)


def _about_requests(answer: Answer) -> list[str]:
    """Return what each request must bring, for no server sets it."""
    if not answer.left_to_requests:
        return []
    return [f"No server sets {', '.join(answer.left_to_requests)}: each request must."]
