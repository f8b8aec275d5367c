"""``infertune load``: puts loads on a running server and measures what becomes of them."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infertune.cli import options

if TYPE_CHECKING:
    from infertune.cli.live import Status, View
    from infertune.load.load import Load
    from infertune.load.timing import Timing
    from infertune.load.workload import LoadRequest

_MOST_LOADS = 12


def load(
    base_url: Annotated[
        str, typer.Option(help="Endpoint of the server, such as http://127.0.0.1:8000/v1.", metavar="URL")
    ],
    model: Annotated[str, typer.Option(help="Name of the model, as the server calls it.")],
    workload: Annotated[
        str,
        typer.Option(
            help="Requests to send: task:NAME, synthetic:input=200,output=50,prefix=0.5 or trace:FILE.jsonl."
        ),
    ] = "synthetic:input=200,output=50",
    config: Annotated[
        Path | None,
        typer.Option(help="File of optimize with the decoding of a workload task:NAME; default the task's own."),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            help="Requests per second to offer, several after commas, inf for all at once; default the trace's own."
        ),
    ] = None,
    concurrency: Annotated[
        str | None, typer.Option(help="Requests in flight, several after commas, instead of --rate.")
    ] = None,
    burstiness: Annotated[
        float | None,
        typer.Option(
            help="Squared variation of the gaps between requests: 0 constant, 1 Poisson, above 1 bursts; default 1, "
            "or the trace's own gaps."
        ),
    ] = None,
    requests: Annotated[int, typer.Option(min=1, help="Requests at each load.")] = 100,
    slo: Annotated[
        str | None, typer.Option(help="Latencies to keep, such as 'p99_ttft<300ms, p99_itl<40ms'; default none.")
    ] = None,
    early_stop: Annotated[
        bool, typer.Option("--early-stop", help="End a load as soon as it cannot keep the SLO any more.")
    ] = False,
    warm_up: Annotated[int, typer.Option(min=0, help="Requests sent beforehand and not measured.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the requests and their arrivals.")] = 0,
    extra_body: options.ExtraBody = None,
    api_key_env: options.ApiKeyEnv = None,
    api_key_file: options.ApiKeyFile = None,
    as_json: options.Json = False,
) -> None:
    """Measure latencies, throughput and goodput of a running server under load."""
    from rich.console import Console

    from infertune.cli.live import View
    from infertune.engines.openai import keys
    from infertune.errors import EngineError, InvalidInputError, VoidMeasurementError
    from infertune.load import slo as slos
    from infertune.load.generator import generate
    from infertune.load.load import Load
    from infertune.load.measures import measures
    from infertune.load.saturation import hopeless
    from infertune.report import load as report
    from infertune.report import recipe
    from infertune.serving import workload_text
    from infertune.wire.base_url import reached_from, tidied

    url = keys.check_base_url(tidied(base_url))
    key = keys.read(api_key_env=api_key_env, api_key_file=api_key_file)
    kept = None if slo is None else slos.parse(slo)
    if early_stop and kept is None:
        raise InvalidInputError("--early-stop needs --slo")
    if burstiness is not None and (concurrency is not None or rate == "inf"):
        raise InvalidInputError("--burstiness needs --rate with a number, for there are no gaps without one")
    chosen = None if config is None else recipe.read(config).configuration
    source = workload_text.parse(workload, configuration=chosen)
    first = _with_extra(source.requests(requests, seed=seed), extra_body)
    if burstiness is not None:
        first = [replace(one, arrival=None) for one in first]
    loads = _loads(rate, concurrency, 1.0 if burstiness is None else burstiness, first)
    # Each load goes on in the workload where the one before it ended, so that no prefix cache knows what it asks.
    asked = _with_extra(source.requests(requests * len(loads), seed=seed), extra_body)
    if burstiness is not None:
        asked = [replace(one, arrival=None) for one in asked]
    ends = hopeless(kept, requests) if early_stop and kept is not None else None
    url = reached_from(url, key.headers)
    found: list[report.Measured] = []
    with View() as view:
        different = source.n_different
        if different is not None and different < len(asked):
            view.say(
                f"{source.name} has {different} different requests, which come again: a prefix cache will know them"
            )
        if warm_up:
            spare = _with_extra(_warming(warm_up, seed=seed, is_chat=asked[0].is_chat), extra_body)
            generate(url, model, spare, Load(concurrency=1), seed=seed, key=key)
        for number, one in enumerate(loads):
            part = asked[number * requests : (number + 1) * requests]
            progress = _Progress(view, report.load_text(one), requests)
            done = generate(url, model, part, one, seed=seed, key=key, hopeless=ends, landed=progress.landed)
            figures = measures(done.timings, done.seconds, slo=kept, cut=done.cut)
            if figures.n_failed == figures.n and not done.cut:
                raise EngineError(f"all requests failed; the first: {done.timings[0].error}")
            found.append(report.Measured(load=one, pressed=done, measures=figures))
    if as_json:
        print(json.dumps(report.as_json(found, workload=source.name, slo=kept, seed=seed), indent=2))
    else:
        report.show(found, Console(), slo=kept)
    if void := next((one.pressed.void for one in found if one.pressed.void), ""):
        raise VoidMeasurementError(f"figures must not be believed: {void}")


class _Progress:
    """Shows how many requests of a load have ended."""

    def __init__(self, view: "View", phase: str, n: int) -> None:
        self._view = view
        self._phase = phase
        self._n = n
        self._n_landed = self._n_failed = 0

    def landed(self, timing: "Timing") -> None:
        """Take a request that has ended."""
        self._n_landed += 1
        self._n_failed += bool(timing.error)
        self._view.update(self._status)

    def _status(self) -> "Status":
        from infertune.cli.live import Status

        facts = f"{self._n_landed} of {self._n} requests, {self._n_failed} failed"
        return Status(phase=self._phase, share=self._n_landed / self._n, facts=facts)


def _warming(n: int, *, seed: int, is_chat: bool) -> "Sequence[LoadRequest]":
    """Return requests that are none of the workload's, which a prefix cache must not know beforehand."""
    from infertune.load.lengths import Lengths
    from infertune.load.synthetic import Synthetic
    from infertune.types import Message

    words = Synthetic(input=Lengths(low=64, high=64), output=Lengths(low=16, high=16))
    found = words.requests(n, seed=2**31 + seed)
    return [replace(one, prompt=(Message("user", str(one.prompt)),)) for one in found] if is_chat else found


def _with_extra(asked: "Sequence[LoadRequest]", extra_body: str | None) -> "Sequence[LoadRequest]":
    from infertune.errors import InvalidInputError

    if extra_body is None:
        return asked
    try:
        extra = json.loads(extra_body)
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise InvalidInputError(f"--extra-body must be a JSON object, not {extra_body}")
    return [replace(one, settings=tuple((dict(one.settings) | extra).items())) for one in asked]


def _loads(
    rate: str | None, concurrency: str | None, burstiness: float, asked: "Sequence[LoadRequest]"
) -> "Sequence[Load]":
    from infertune.errors import InvalidInputError
    from infertune.load.arrivals import own_rate
    from infertune.load.load import Load

    if rate is not None and concurrency is not None:
        raise InvalidInputError("--rate and --concurrency must not be given together")
    if rate is None and concurrency is None:
        arrivals = [one.arrival for one in asked if one.arrival is not None]
        if len(arrivals) < len(asked):
            raise InvalidInputError("there must be --rate or --concurrency, for the workload has no arrival times")
        return [Load(rate=own_rate(arrivals))]
    texts = (rate or concurrency or "").split(",")
    if len(texts) > _MOST_LOADS:
        raise InvalidInputError(f"there must be at most {_MOST_LOADS} loads, not {len(texts)}")
    if rate is not None:
        return [Load(rate=_positive("--rate", text), burstiness=burstiness) for text in texts]
    found = [_positive("--concurrency", text) for text in texts]
    if any(not math.isfinite(value) or value != int(value) for value in found):
        raise InvalidInputError(f"--concurrency must be whole numbers such as 8 or 1,8,32, not {concurrency}")
    return [Load(concurrency=int(value)) for value in found]


def _positive(option: str, text: str) -> float:
    from infertune.errors import InvalidInputError

    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise InvalidInputError(f"{option} must be numbers above 0, such as 4 or 1,2,4, not '{text}'")
    return value
