"""What leaves the search space because an endpoint does not honour it."""

from collections.abc import Iterable

from infertune.decoding.settings import NAMES
from infertune.engines.endpoint.capabilities import Capabilities
from infertune.engines.probing.probe import Probe
from infertune.space.names import MAX_TOKENS, PROMPT_KIND, TEMPERATURE, VOTER
from infertune.types import Unsupported

_PATHS = {"chat": "chat", "plain": "completions"}  # by kind of prompt


def lacking(capabilities: Capabilities, extra: Iterable[str], probe: Probe | None) -> list[Unsupported]:
    """Return the settings that an endpoint does not honour, and choices that need one of them.

    Args:
        capabilities: What it does.
        extra: Names of the settings beyond the engine-neutral ones that are searched.
        probe: By which that was found out, if it was; each reason then quotes the row that it rests on.
    """

    def seen(setting: str) -> str:
        row = None if probe is None else probe.row(setting)
        return "" if row is None else f" ({row.verdict}: {row.seen})"

    names = [name for name in NAMES if not getattr(capabilities, name)]
    names += [name for name in extra if name not in capabilities.extra]
    found = [
        Unsupported(name=f"decoding.{name}", reason=f"the server does not honour it{seen(name)}") for name in names
    ]
    found += [
        Unsupported(name=PROMPT_KIND, value=kind, reason=f"the server does not answer {path}{seen(path)}")
        for kind, path in _PATHS.items()
        if not getattr(capabilities, path)
    ]
    if capabilities.temperature and capabilities.least_temperature:
        reason = f"the server refuses temperature 0, and takes {capabilities.least_temperature:g}"
        found.append(Unsupported(name=TEMPERATURE, below=capabilities.least_temperature, reason=reason))
    if capabilities.temperature and capabilities.most_temperature is not None:
        reason = f"the server takes temperature {capabilities.most_temperature:g}, and refuses a larger one"
        found.append(Unsupported(name=TEMPERATURE, above=capabilities.most_temperature, reason=reason))
    if capabilities.least_max_tokens > 1:
        least = capabilities.least_max_tokens
        reason = f"the server takes no max_tokens below {least}"
        found.append(Unsupported(name=MAX_TOKENS, below=least, reason=reason))
    if not capabilities.logprobs:
        reason = f"smaller values need logprobs, which the server does not honour{seen('logprobs')}"
        found.append(Unsupported(name=MAX_TOKENS, reason=reason))
    needed = next((name for name in ("logprobs", "raw_logprobs") if not getattr(capabilities, name)), None)
    if needed is not None:
        reason = f"it needs {needed}, which the server does not honour{seen(needed)}"
        found.append(Unsupported(name=VOTER, value="best_of_n", reason=reason))
    return found
