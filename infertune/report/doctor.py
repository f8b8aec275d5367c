"""What ``infertune doctor`` found, for a terminal and as plain data: a server, setting by setting, or this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.budget import Prices
from infertune.engines.bundled import ModelFolder
from infertune.engines.machine import VLLM_PYTHON, Machine
from infertune.engines.probing.probe import Probe, ProbeLimits
from infertune.types import Unsupported

SHOWN_MODELS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """An engine as it was found.

    Attributes:
        facts: `Engine.facts`; ``unsupported`` likewise.
        probe: What was found out by effect; None where the engine honours what it says.
        prices: Of the model, when known.
        task: Whose space is looked at; empty without one.
        leaves: What would leave that space, and why.
    """

    engine: str
    facts: Mapping[str, str]
    unsupported: Sequence[Unsupported]
    probe: Probe | None = None
    prices: Prices | None = None
    task: str = ""
    leaves: Sequence[str] = ()


def as_json(found: Diagnosis) -> dict[str, Any]:
    """Return everything in lists, mappings and scalars."""
    plain: dict[str, Any] = {
        "engine": found.engine,
        "facts": dict(found.facts),
        "unsupported": [asdict(each) for each in found.unsupported],
        "prices": None if found.prices is None else asdict(found.prices),
        "task": found.task,
        "leaves": list(found.leaves),
        "probe": None,
    }
    if found.probe is not None:
        probe = asdict(found.probe)
        probe["rows"] = {row.pop("setting"): row for row in probe["rows"]}
        plain["probe"] = probe | {"honours": asdict(found.probe.capabilities), "tokens": found.probe.tokens}
    return plain


def machine_as_json(machine: Machine, models: Sequence[ModelFolder], engines: Sequence[str]) -> dict[str, Any]:
    """Return the same of this machine."""
    return asdict(machine) | {"engines": list(engines), "models": {model.name: model.ready for model in models}}


def show(found: Diagnosis, console: Console) -> None:
    """Print what the engine is, then its settings, then what would be left out of a task's space."""
    _facts(list((_server(found.probe) if found.probe else found.facts).items()) + _money(found), console)
    if found.probe is not None:
        table = _table("setting", "verdict", "evidence")
        for row in found.probe.rows:
            table.add_row(*map(Text, (row.setting, row.verdict, row.seen)))
        console.print()
        console.print(table)
    elif found.unsupported:
        _list("Not honoured:", [_named(each) for each in found.unsupported], console)
    else:
        _say("Every setting is honoured.", console)
    if found.leaves:
        _list(f"Left out of the search space of {found.task}:", found.leaves, console)
    elif found.task:
        _say(f"\nThe whole search space of {found.task} can be searched.", console)


def show_machine(machine: Machine, models: Sequence[ModelFolder], engines: Sequence[str], console: Console) -> None:
    """Print what this machine has, and what is missing for what."""
    vllm = machine.vllm or f"not found; install it, or set {VLLM_PYTHON} to a Python that has it"
    rows = [
        ("python", f"{machine.python} on {machine.system}"),
        ("cores", str(machine.n_cores)),
        ("memory", f"{machine.memory_bytes / 2**30:.1f} GiB" if machine.memory_bytes else "unknown"),
        (
            "torch",
            f"{machine.torch}, device {machine.device}" if machine.torch else "not found; install infertune[hf]",
        ),
        ("transformers", machine.transformers or "not found; install infertune[hf]"),
        ("vllm", vllm),
        ("engines", ", ".join(engines)),
    ]
    rows += [("model", f"{model.name}: {'ready' if model.ready else 'not converted yet'}") for model in models]
    _facts(rows, console)
    _say("\nTo check a server: infertune doctor --engine openai --base-url URL --model NAME", console)


def _server(probe: Probe) -> dict[str, str]:
    kind = probe.server
    names = [model.id for model in kind.models]
    more = f" and {len(names) - SHOWN_MODELS} more" if len(names) > SHOWN_MODELS else ""
    root = next((model.root for model in kind.models if model.id == probe.model), "")
    return {
        "endpoint": probe.base_url,
        "server": f"{kind.name} {kind.version}".strip() if kind.name != "other" else "unknown kind",
        "model": f"{probe.model}, from {root}" if root and root != probe.model else probe.model,
        "serves": ", ".join(names[:SHOWN_MODELS]) + more or "no list of its models",
        "latency": f"{probe.seconds:.2f} s for a small request",
        "seeds": _seeds(probe),
        "limits": _limits(probe.limits),
        "sampling order": kind.warpers.replace(",", ", ") or "unknown",
        "probed on": probe.path,
        "cost": f"{probe.tokens:,} tokens ({probe.prompt_tokens:,} prompt, {probe.completion_tokens:,} completion) "
        f"in {probe.n_requests} requests"
        + (", paid by an earlier probe (--again repeats it)" if probe.is_recalled else ""),
    }


def _seeds(probe: Probe) -> str:
    row = probe.row("seed")
    if row.verdict != "honoured":
        return f"not sent ({row.verdict}: {row.seen})"
    return "sent" if probe.capabilities.seed else "not sent, for with seeds each sample would pay for the prompt"


def _limits(limits: ProbeLimits) -> str:
    """Return what the server takes, as far as it takes less than others."""
    found = [
        f"temperature from {limits.least_temperature:g}" if limits.least_temperature else "",
        f"temperature up to {limits.most_temperature:g}" if limits.most_temperature is not None else "",
        f"max_tokens from {limits.least_max_tokens}" if limits.least_max_tokens > 1 else "",
        f"up to {limits.most_stops} stop texts" if limits.most_stops else "",
        f"n up to {limits.most_n}" if limits.most_n else "",
        "n pays for the prompt with each sample" if limits.bills_each else "",
        "the tokens of one sample of n are counted" if limits.counts_one else "",
    ]
    return ", ".join(filter(None, found)) or "none found"


def _money(found: Diagnosis) -> list[tuple[str, str]]:
    if found.prices is None:
        return [("price", "unknown; set --prices, or --price-prompt and --price-completion")]
    spent = ""
    if found.probe is not None:
        spent = f"; the probe cost {found.prices.amount(found.probe.prompt_tokens, found.probe.completion_tokens)}"
    unit = f" {found.prices.currency}" if found.prices.currency else ""
    prompt, completion = found.prices.prompt_per_million, found.prices.completion_per_million
    return [("price", f"{prompt:g}{unit} and {completion:g}{unit} per million prompt and completion tokens{spent}")]


def _facts(rows: Sequence[tuple[str, str]], console: Console) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    console.print(table)


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for head in heads:
        table.add_column(head, overflow="fold", no_wrap=head != heads[-1])
    return table


def _list(title: str, items: Sequence[str], console: Console) -> None:
    _say(f"\n{title}", console)
    table = Table.grid(padding=(0, 1))
    for item in items:
        table.add_row(" -", Text(item))
    console.print(table)


def _named(each: Unsupported) -> str:
    value = "" if each.value is None else f"={each.value}"
    value += "" if each.below is None else f" below {each.below:g}"
    value += "" if each.above is None else f" above {each.above:g}"
    return f"{each.name}{value}: {each.reason}"


def _say(text: str, console: Console) -> None:
    # A server's words may hold anything: neither markup nor numbers in them are ours to colour.
    console.print(text, markup=False, highlight=False)
