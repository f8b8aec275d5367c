"""The speed estimate that a search of vLLM's settings begins with."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from infertune.bank.notes import Notes, once
from infertune.errors import InvalidInputError
from infertune.serving.search.roofline import MachineFacts, SpeedModel, TrafficFacts, model_facts, rough_machine

_USUAL_PROMPT, _USUAL_ANSWER = 200.0, 50.0  # tokens, until the first burst says how many
_MACHINE = "machine"


def first_estimate(folder: Path, facts: Mapping[str, str], log: Notes, *, shared: float) -> SpeedModel | None:
    """Return the estimate; None for an architecture that it does not know, of which the search then knows nothing.

    Args:
        folder: Of the model, with its ``config.json``.
        facts: Of the launcher; ``device`` begins with ``cpu`` for a server on CPUs.
        log: Keeps what the machine did at the first run, so that a study that goes on proposes the same.
        shared: Share of prompts that is common to all, where the workload says it.
    """
    try:
        model = model_facts(folder)
    except InvalidInputError:
        return None

    def rough(_: None) -> dict[str, float]:
        return asdict(rough_machine(on_cpu=facts.get("device", "").startswith("cpu")))

    machine = MachineFacts(**once(log, _MACHINE, rough))
    traffic = TrafficFacts(prompt=_USUAL_PROMPT, output=_USUAL_ANSWER, shared=shared)
    return SpeedModel(model, machine, traffic)
