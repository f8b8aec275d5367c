"""The formats by name: what writes each, what it needs, and which options mean something to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from infertune.errors import InvalidInputError, nearest
from infertune.exports import clients, gateways, harness, page, sampling, servers
from infertune.exports.answer import Answer, Exported


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way to write an answer.

    Attributes:
        write: From an answer to its files.
        says: What it writes, in a few words.
        needs: ``requests`` for an answer of `optimize`, ``vllm`` where the server must be vLLM's, or nothing.
        options: Of `Elsewhere` beside the model, those that change what is written.
    """

    write: Callable[[Answer], Exported]
    says: str
    needs: Literal["", "requests", "vllm"] = ""
    options: tuple[str, ...] = ()


_LISTENS = ("host", "port")
_DEPLOYED = ("name", "image", "gpus")
_ASKS = ("base_url",)

FORMATS: Mapping[str, Format] = {
    "command": Format(write=servers.command, says="the server's command line", options=_LISTENS),
    "vllm": Format(
        write=servers.vllm, says="a script with `vllm serve`, generation_config.json", needs="vllm", options=_LISTENS
    ),
    "systemd": Format(write=servers.systemd, says="a unit", options=_LISTENS),
    "kubernetes": Format(write=servers.kubernetes, says="a Deployment and a Service", options=("port", *_DEPLOYED)),
    "helm": Format(write=servers.helm, says="values for vLLM's production stack", needs="vllm", options=_DEPLOYED),
    "llama.cpp": Format(
        write=servers.llama_cpp, says="a script with llama-server, sampling.json", needs="requests", options=_LISTENS
    ),
    "sampling-params": Format(write=sampling.sampling_params, says="vLLM's SamplingParams", needs="requests"),
    "hf": Format(write=sampling.hf, says="transformers' generation_config.json, a script", needs="requests"),
    "python": Format(write=page.page, says="a script with prompt, samples and vote", needs="requests", options=_ASKS),
    "openai-python": Format(
        write=clients.openai_python, says="a script with the package openai", needs="requests", options=_ASKS
    ),
    "curl": Format(write=clients.curl, says="a shell script with curl", needs="requests", options=_ASKS),
    "langchain": Format(write=clients.langchain, says="LangChain's model", needs="requests", options=_ASKS),
    "litellm": Format(
        write=gateways.litellm, says="the proxy's config.yaml, a script", needs="requests", options=_ASKS
    ),
    "lm-eval": Format(
        write=harness.lm_eval, says="a script with lm_eval and --gen_kwargs", needs="requests", options=_ASKS
    ),
}


def format_of(name: str) -> Format:
    """Return a format by its name.

    Raises:
        InvalidInputError: There is none; the message has the nearest.
    """
    if name not in FORMATS:
        raise InvalidInputError(f"`as_` must be a format, and '{name}' is none{nearest(name, FORMATS)}")
    return FORMATS[name]


def export(answer: Answer, name: str) -> Exported:
    """Return an answer in a format.

    Raises:
        InvalidInputError: There is no such format, or it does not fit the answer.
    """
    chosen = format_of(name)
    if chosen.needs == "requests" and answer.asking is None:
        raise InvalidInputError(f"the format {name} needs an answer of infertune optimize, not settings of a server")
    if chosen.needs == "vllm" and answer.service.command is not None:
        raise InvalidInputError(f"the format {name} is for vllm, but the file's engine is a command")
    return chosen.write(answer)
