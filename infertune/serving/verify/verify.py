"""Whether a running server is set as a file says: each setting proved, contradicted, or out of sight for a reason."""

from collections.abc import Mapping, Sequence

from infertune.engines.vllm.serve_arguments import PREFIX
from infertune.serving.verify.observation import Finding, Observation
from infertune.serving.verify.probes import effects
from infertune.serving.verify.running_server import RunningServer
from infertune.serving.verify.statements import stated
from infertune.types import Scalar

_DEV_MODE = "started with VLLM_SERVER_DEV_MODE=1 it would say so under /server_info"
_UNSEEN = {
    "max_num_batched_tokens": "how many tokens a step takes is counted only together with how many it had to take",
    "enable_chunked_prefill": "how a prompt is split changes when things happen, which a busy machine changes too",
    "optimization_level": "it changes only how fast things are",
    "performance_mode": "it changes only how fast things are",
    "attention_backend": "it changes only how fast things are",
    "scheduling_policy": "a server without priorities takes them and ignores them",
}
_ELSE = "nothing that the server says or does tells it from other values"
_DECODING = "a request may bring its own, and what the server would add shows in no answer for certain"


def verify(
    server: RunningServer, *, settings: Mapping[str, Scalar], decoding: Mapping[str, Scalar], engine: str = "vllm"
) -> list[Finding]:
    """Return what is known of each setting, in the order of the settings, the decoding side last.

    Args:
        server: Is asked, and pressed for some seconds with requests of its own.
        settings: ``engine.NAME``.
        decoding: ``decoding.NAME``.
        engine: ``vllm``; of any other nothing is known to look for.
    """
    wanted = {name.removeprefix(PREFIX): value for name, value in settings.items()}
    seen = [*stated(server, wanted), *effects(server, wanted)] if engine == "vllm" else []
    findings = [
        Finding(name=f"{PREFIX}{name}", wanted=value, observations=_of(name, seen, engine))
        for name, value in wanted.items()
    ]
    return findings + [
        Finding(name=name, wanted=value, observations=(_silence(name, _DECODING),)) for name, value in decoding.items()
    ]


def _of(name: str, seen: Sequence[Observation], engine: str) -> Sequence[Observation]:
    found = [observation for observation in seen if observation.name == name]
    if found:
        return found
    if engine != "vllm":
        return [_silence(name, "infertune does not know what the settings of this server do")]
    return [_silence(name, f"{_UNSEEN.get(name, _ELSE)}; {_DEV_MODE}")]


def _silence(name: str, why: str) -> Observation:
    return Observation(name=name, source="", says=why, agrees=None)
