"""What leaves the search space because an endpoint does not honour it."""

from collections.abc import Iterable

from infertune.engines.openai.honours import Honours
from infertune.engines.probing.probe import Probe
from infertune.types import Unsupported

_SETTINGS = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
_PATHS = {"chat": "chat", "plain": "completions"}  # by kind of prompt


def lacking(honours: Honours, extra: Iterable[str], probe: Probe | None) -> list[Unsupported]:
    """Return the settings that an endpoint does not honour, and choices that need what it does not tell.

    Args:
        honours: What it does.
        extra: Names of the settings beyond the engine-neutral ones that are searched.
        probe: By which that was found out, if it was; then it gives the reasons.
    """

    def reason(setting: str) -> str:
        row = None if probe is None else probe.row(setting)
        return "the server does not honour it" + (f" ({row.verdict}: {row.seen})" if row is not None else "")

    names = [name for name in _SETTINGS if not getattr(honours, name)]
    names += [name for name in extra if name not in honours.extra]
    found = [Unsupported(name=f"decoding.{name}", reason=reason(name)) for name in names]
    found += [
        Unsupported(name="prompt.kind", value=kind, reason=reason(path))
        for kind, path in _PATHS.items()
        if not getattr(honours, path)
    ]
    if not honours.logprobs:
        found += [
            Unsupported(
                name="decoding.max_tokens",
                reason="the server does not tell the tokens of a text, so none can be cut at a smaller limit",
            ),
            Unsupported(
                name="strategy.name", value="best_of_n", reason="the server gives no log probabilities to rank by"
            ),
        ]
    return found
