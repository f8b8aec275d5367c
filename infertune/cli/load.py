"""``infertune load``: puts loads on a running server and measures what becomes of them."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from infertune.cli import limits, shared_options

if TYPE_CHECKING:
    from infertune.load.arrival_load import Load
    from infertune.load.fields import Fields
    from infertune.load.fitted_fields import Fitted
    from infertune.load.outcome import LoadOutcome
    from infertune.load.timing import Timing
    from infertune.load.workload import LoadRequest
    from infertune.report.live import Status, View

_MOST_LOADS = 12


def load(
    base_url: Annotated[
        str, typer.Option(help="Endpoint of the server, such as http://127.0.0.1:8000/v1.", metavar="URL")
    ],
    model: Annotated[str, typer.Option(help="Name of the model, as the server calls it.")],
    workload: shared_options.Workload = "synthetic:input=200,output=50",
    config: shared_options.WorkloadConfig = None,
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
            "or the trace's own gaps.",
            callback=limits.finite,
        ),
    ] = None,
    requests: Annotated[int, typer.Option(min=1, max=1_000_000, help="Requests at each load.")] = 100,
    slo: Annotated[
        str | None, typer.Option(help="Latencies to keep, such as 'p99_ttft<300ms, p99_itl<40ms'; default none.")
    ] = None,
    early_stop: Annotated[
        bool, typer.Option("--early-stop", help="End a load as soon as it cannot keep the SLO any more.")
    ] = False,
    warm_up: Annotated[int, typer.Option(min=0, max=10_000, help="Requests sent beforehand and not measured.")] = 2,
    seed: Annotated[
        int, typer.Option(min=0, max=limits.MOST_SEED, help="Seed of the requests and their arrivals.")
    ] = 0,
    extra_body: Annotated[
        str | None,
        typer.Option(
            help="JSON object merged into the body of every request; null leaves a field out, as in "
            """'{"ignore_eos": null}'.""",
            metavar="JSON",
        ),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=NAME",
            help="Send a field of every request under another name, such as max_tokens=max_completion_tokens; "
            "repeatable.",
        ),
    ] = None,
    api_key_env: shared_options.ApiKeyEnv = None,
    api_key_file: shared_options.ApiKeyFile = None,
    as_json: shared_options.Json = False,
) -> None:
    """Measure latencies, throughput and goodput of a running server under load."""
    from rich.console import Console

    from infertune.engines.endpoint import api_key
    from infertune.errors import EngineError, InvalidInputError, VoidMeasurementError
    from infertune.load import fields as request_fields
    from infertune.load import slo as slos
    from infertune.load.arrival_load import Load
    from infertune.load.fitted_fields import hint
    from infertune.load.generator import generate
    from infertune.load.measures import measures
    from infertune.load.saturation import hopeless
    from infertune.recipes import recipe
    from infertune.report import load as report
    from infertune.report.live import View
    from infertune.serving import workload_text
    from infertune.wire.base_url import reached_from, tidied

    url = api_key.check_base_url(tidied(base_url))
    key = api_key.read(api_key_env=api_key_env, api_key_file=api_key_file)
    kept = None if slo is None else slos.parse(slo)
    if early_stop and kept is None:
        raise InvalidInputError("--early-stop needs --slo")
    if burstiness is not None and (concurrency is not None or rate == "inf"):
        raise InvalidInputError("--burstiness needs --rate with a number, for there are no gaps without one")
    chosen = None if config is None else recipe.read(config).configuration
    source = workload_text.parse(workload, configuration=chosen)
    first = source.requests(requests, seed=seed)
    if burstiness is not None:
        first = [replace(one, arrival=None) for one in first]
    sent = {name for one in first for name, _ in one.settings}
    fields = request_fields.parse(extra_body, rename or [], settings=sent)
    loads = _loads(rate, concurrency, 1.0 if burstiness is None else burstiness, first)
    # Each load goes on in the workload where the one before it ended, so that no prefix cache knows what it asks.
    asked = source.requests(requests * len(loads), seed=seed)
    if burstiness is not None:
        asked = [replace(one, arrival=None) for one in asked]
    ends = hopeless(kept, requests) if early_stop and kept is not None else None
    url = reached_from(url, key.headers)
    found: list[report.MeasuredLoad] = []
    with View() as view:
        different = source.n_different
        if different is not None and different < len(asked):
            view.say(
                f"{source.name} has {different} different requests, which come again: a prefix cache will know them"
            )
        notes = [*source.notes]
        for note in notes:
            view.say(f"Note: {note}.")
        if warm_up:
            ask = partial(generate, url, model, load=Load(concurrency=1), seed=seed, key=key)
            spare = _warming(
                warm_up, seed=seed, is_chat=asked[0].is_chat, ignore_eos=any(one.ignore_eos for one in asked)
            )
            fitted = _warmed(spare, fields, ask)
            fields = fitted.fields
            notes += fitted.notes
            for note in fitted.notes:
                view.say(f"Note: {note}.")
        for number, one in enumerate(loads):
            part = asked[number * requests : (number + 1) * requests]
            progress = _Progress(view, report.load_text(one), requests)
            done = generate(
                url, model, part, one, seed=seed, fields=fields, key=key, hopeless=ends, landed=progress.landed
            )
            figures = measures(done.timings, done.seconds, slo=kept, cut=done.cut)
            if figures.n_failed == figures.n and not done.cut:
                error = done.timings[0].error
                raise EngineError(f"all requests failed; the first: {error}{hint(error)}")
            found.append(report.MeasuredLoad(load=one, pressed=done, measures=figures))
    if as_json:
        plain = report.as_json(found, workload=source.name, slo=kept, seed=seed)
        print(json.dumps({**plain, "notes": notes}, indent=2))
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
        from infertune.report.live import Status

        facts = f"{self._n_landed} of {self._n} requests, {self._n_failed} failed"
        return Status(phase=self._phase, share=self._n_landed / self._n, facts=facts)


def _warming(n: int, *, seed: int, is_chat: bool, ignore_eos: bool) -> "Sequence[LoadRequest]":
    """Return requests that are none of the workload's, which a prefix cache must not know beforehand."""
    from infertune.load.lengths import Lengths
    from infertune.load.synthetic import Synthetic
    from infertune.types import Message

    words = Synthetic(input=Lengths(low=64, high=64), output=Lengths(low=16, high=16))
    found = [replace(one, ignore_eos=ignore_eos) for one in words.requests(n, seed=2**31 + seed)]
    if not is_chat:
        return found
    return [replace(one, prompt=(Message("user", str(one.prompt)),)) for one in found]


def _warmed(spare: "Sequence[LoadRequest]", fields: "Fields", ask: "Callable[..., LoadOutcome]") -> "Fitted":
    """Send the requests to warm up, and return the fields that the server takes."""
    from infertune.load.fitted_fields import fitted

    first = ask(spare[:1], fields=fields).timings[0]
    found = fitted(fields, first, lambda others: ask(spare[:1], fields=others).timings[0])
    if spare[1:]:
        ask(spare[1:], fields=found.fields)
    return found


def _loads(
    rate: str | None, concurrency: str | None, burstiness: float, asked: "Sequence[LoadRequest]"
) -> "Sequence[Load]":
    from infertune.errors import InvalidInputError
    from infertune.load.arrival_load import Load
    from infertune.load.arrivals import own_rate

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
