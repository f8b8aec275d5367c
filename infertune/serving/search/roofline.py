"""An estimate of a server's speed from what its model and machine are, corrected by what was measured.

One step of continuous batching moves ``tokens`` tokens of ``batch`` sequences through the model:

    seconds = overhead + max(flops / compute, bytes / bandwidth)
    flops = tokens (2 P + 4 L h a C),    bytes = P w + batch C 2 L k d c

with P parameters that a token meets, L layers, h a the width of all attention heads, C tokens in the cache of a
sequence, k d the width of its keys, w and c bytes of a weight and of a cache entry (the counts of operations: Kaplan
et al. 2020, section 2.1; of bytes, and that the slower of the two decides: Williams et al. 2009, the roofline model,
and Pope et al. 2022, section 2). Speculation by k drafted tokens multiplies the tokens of a step by k + 1 and what
they yield by (1 - a^(k+1)) / (1 - a), a the chance that one is accepted (Leviathan et al. 2023, equation 1).

A server at rest in a load of B sequences decodes B tokens a step and meanwhile prefills what comes anew. The capacity
under an SLO is that of the largest B that keeps it. The three factors (overhead, compute, bandwidth) begin at rough
values and are fitted to the measured bursts, by least squares in logarithms that hold them near where they began.
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import optimize

from infertune.errors import InvalidInputError
from infertune.load.slo import Slo
from infertune.serving.measure.figures import Figures
from infertune.types import Scalar
from infertune.types.arrays import FloatArray

_BATCHES = np.unique(np.round(np.geomspace(1, 1024, 41)))
_SPREAD = 1.5  # of the logarithm of a factor, before anything is measured
_NOISE = 0.2  # of the logarithm of a measured figure
_LEAST_DISTANCE = 0.05  # of the load to what a server can take at most, for the wait in its queue


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a token costs in a model.

    Attributes:
        parameters: That a token meets: all of a dense model.
        weight_bytes: Of all weights that a step reads.
        kv_bytes: Of the keys and values of one token.
        context_flops: Of attention, for each pair of a token and one before it.
    """

    parameters: float
    weight_bytes: float
    kv_bytes: float
    context_flops: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """Seconds of ``overhead`` a step, ``compute`` in operations per second, ``bandwidth`` in bytes per second."""

    overhead: float
    compute: float
    bandwidth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficFacts:
    """Mean tokens of prompt and answer, and the share of prompts that is common to all."""

    prompt: float
    output: float
    shared: float = 0.0


def model_facts(folder: Path, *, bytes_per_weight: float = 2.0) -> ModelFacts:
    """Return what ``config.json`` says of a decoder with attention and a gated feed-forward part.

    Raises:
        InvalidInputError: The file lacks what is needed.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config = config.get("text_config", config)
        width, layers = int(config["hidden_size"]), int(config["num_hidden_layers"])
        heads = int(config["num_attention_heads"])
        inner, words = int(config["intermediate_size"]), int(config["vocab_size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"{folder}/config.json must describe a decoder: {error}") from None
    kv_heads = int(config.get("num_key_value_heads") or heads)
    head = int(config.get("head_dim") or width // heads)
    attention = width * head * (2 * heads + 2 * kv_heads)
    inner = int(config.get("moe_intermediate_size") or inner)
    experts = int(config.get("num_local_experts") or config.get("num_experts") or 1)
    met = int(config.get("num_experts_per_tok") or 1)
    mixer = 3 * width * inner
    embedding = words * width  # read as the output layer; as the input layer one row is looked up
    return ModelFacts(
        parameters=layers * (attention + met * mixer) + embedding,
        weight_bytes=bytes_per_weight * (layers * (attention + experts * mixer) + embedding),
        kv_bytes=bytes_per_weight * 2 * layers * kv_heads * head,
        context_flops=4.0 * layers * heads * head,
    )


class SpeedModel:
    """The estimate for one model and traffic.

    Args:
        model: See there.
        machine: Rough values, or fitted ones.
        traffic: See there.
        acceptance: Chance that a drafted token is accepted.
    """

    def __init__(
        self, model: ModelFacts, machine: MachineFacts, traffic: TrafficFacts, *, acceptance: float = 0.5
    ) -> None:
        self.model = model
        self.machine = machine
        self.traffic = traffic
        self.acceptance = acceptance

    def step_seconds(self, tokens: FloatArray, batch: FloatArray, context: float) -> FloatArray:
        """Return the seconds of a step of so many tokens for so many sequences of so long a context."""
        flops = tokens * (2 * self.model.parameters + self.model.context_flops * context)
        read = self.model.weight_bytes + batch * context * self.model.kv_bytes
        return np.asarray(
            self.machine.overhead + np.maximum(flops / self.machine.compute, read / self.machine.bandwidth)
        )

    def at(self, settings: Mapping[str, Scalar], batch: FloatArray) -> dict[str, FloatArray]:
        """Return what is expected while so many sequences are under way, ``[n]`` each.

        Returns:
            ``rate`` in requests per second, and ``ttft``, ``tpot``, ``itl`` (of the slowest steps), ``e2e`` in seconds
            without waiting.
        """
        drafts = _drafts(settings)
        gain = (1 - self.acceptance ** (drafts + 1)) / (1 - self.acceptance) if drafts else 1.0
        prompt = self.traffic.prompt
        if settings.get("engine.enable_prefix_caching", False):
            prompt *= 1 - self.traffic.shared
        most = float(settings.get("engine.max_num_batched_tokens", math.inf))
        context = self.traffic.prompt + self.traffic.output / 2
        n_steps = max(self.traffic.output / gain, 1.0)
        decoded = batch * (drafts + 1)
        # While a sequence decodes for n_steps, every other one is replaced once, and its prompt is computed.
        prefilled = np.maximum(np.minimum(batch * prompt / n_steps, most - decoded), 1.0)
        stretch = np.maximum(batch * prompt / n_steps / prefilled, 1.0)
        seconds = self.step_seconds(decoded + prefilled, batch, context) * stretch
        chunk = np.minimum(prompt, np.maximum(most - decoded, 1.0))
        slow = self.step_seconds(decoded + chunk, batch, context)
        first = slow * np.ceil(prompt / chunk)
        tpot = seconds / gain
        return {
            "rate": batch / (first + seconds * n_steps),
            "ttft": first,
            "tpot": tpot,
            "itl": slow,
            "e2e": first + seconds * n_steps,
        }

    def capacity(self, settings: Mapping[str, Scalar], slo: Slo) -> float:
        """Return the rate, in requests per second, of the largest batch that is expected to keep the SLO.

        Where none is, that of a single sequence, less by as much as the limit is exceeded.
        """
        batch = _BATCHES[_BATCHES <= float(settings.get("engine.max_num_seqs", math.inf))]
        batch = batch if len(batch) else _BATCHES[:1]
        expected = self.at(settings, batch)
        most = float(expected["rate"].max())
        # A queue waits the longer the nearer its load is to what is possible (Pollaczek and Khinchine).
        free = np.maximum(1 - expected["rate"] / (most * (1 + _LEAST_DISTANCE)), _LEAST_DISTANCE)
        wait = expected["ttft"] * (1 - free) / (2 * free)
        excess = np.zeros(len(batch))
        for promise in slo.promises:
            value = expected[promise.metric] + (wait if promise.metric in ("ttft", "e2e") else 0.0)
            excess = np.maximum(excess, np.log(value / promise.limit))
        keeps = excess <= 0
        return float(expected["rate"][keeps].max()) if keeps.any() else float(expected["rate"][0] * np.exp(-excess[0]))

    def fitted(self, measured: Sequence[tuple[Mapping[str, Scalar], Figures]]) -> "SpeedModel":
        """Return the estimate with the machine, the traffic and the acceptance that bursts showed.

        Args:
            measured: Settings, and a burst of a server that had them.
        """
        told = [(s, f) for s, f in measured if f.n > f.n_failed and not f.cut and "mean_itl" in f.latencies]
        if not told:
            return self
        traffic = replace(
            self.traffic,
            prompt=float(np.median([f.prompt_tokens for _, f in told])),
            output=float(np.median([f.completion_tokens for _, f in told])),
        )
        drafted = sum(f.counters.get("draft_tokens", 0.0) for _, f in told)
        accepted = sum(f.counters.get("accepted_tokens", 0.0) for _, f in told)
        acceptance = min(max(accepted / drafted, 0.01), 0.99) if drafted else self.acceptance
        begun = np.log([self.machine.overhead, self.machine.compute, self.machine.bandwidth])

        def misses(logs: FloatArray) -> FloatArray:
            overhead, compute, bandwidth = np.exp(logs)
            machine = MachineFacts(overhead=overhead, compute=compute, bandwidth=bandwidth)
            model = SpeedModel(self.model, machine, traffic, acceptance=acceptance)
            rows = list((logs - begun) / _SPREAD)
            for settings, found in told:
                expected = model.at(settings, np.array([max(found.in_flight, 1.0)]))
                for metric, seen in (("tpot", "mean_tpot"), ("ttft", "p50_ttft")):
                    if found.latencies.get(seen, 0.0) > 0:
                        rows.append(math.log(found.latencies[seen] / float(expected[metric][0])) / _NOISE)
            return np.array(rows)

        # Soft, for bursts beyond what a server can take say little about its steps.
        found = optimize.least_squares(misses, begun, loss="soft_l1", max_nfev=60)
        overhead, compute, bandwidth = (float(each) for each in np.exp(found.x))
        machine = MachineFacts(overhead=overhead, compute=compute, bandwidth=bandwidth)
        return SpeedModel(self.model, machine, traffic, acceptance=acceptance)


def _drafts(settings: Mapping[str, Scalar]) -> int:
    if settings.get("engine.speculative_method", "none") == "none":
        return 0
    return int(settings.get("engine.speculative_tokens", 0))


def rough_machine(*, on_cpu: bool) -> MachineFacts:
    """Return where the fit begins: on a CPU what numpy does in a tenth of a second, else a usual data centre GPU."""
    if not on_cpu:
        return MachineFacts(overhead=5e-3, compute=3e14, bandwidth=1.5e12)
    square = np.ones((512, 512), dtype=np.float32)
    block = np.ones(2**23, dtype=np.float32)
    compute = 2 * 512**3 / _fastest(lambda: square @ square)
    return MachineFacts(overhead=5e-3, compute=compute, bandwidth=2 * block.nbytes / _fastest(block.copy))


def _fastest(act: Callable[[], object]) -> float:
    def once() -> float:
        began = time.perf_counter()
        act()
        return time.perf_counter() - began

    return max(min(once() for _ in range(5)), 1e-9)
