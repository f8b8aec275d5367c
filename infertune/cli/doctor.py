"""``infertune doctor``: which settings a server really honours, or what this machine has."""

import json
from typing import Annotated

import typer

from infertune.cli import limits, pricing, shared_options
from infertune.cli.engine import Options, with_engine_options


@with_engine_options
def doctor(
    engine: Annotated[
        str | None, typer.Option(help="Engine to check, such as openai. Default: none; this machine is checked.")
    ] = None,
    model: shared_options.Model = shared_options.DEFAULT_MODEL,
    again: Annotated[bool, typer.Option("--again", help="Probe again, even if an earlier result is stored.")] = False,
    task: Annotated[
        str | None, typer.Option(help="Also list what this task's search space would lose.", callback=limits.path)
    ] = None,
    space_file: shared_options.SpaceFile = None,
    settings: shared_options.Set = None,
    data: shared_options.Data = None,
    prices: pricing.PriceFile = None,
    price_prompt: pricing.PricePrompt = None,
    price_completion: pricing.PriceCompletion = None,
    as_json: shared_options.Json = False,
    *,
    options: Options,
) -> None:
    """Check by effect which settings a server honours; without --engine, check this machine.

    Probing a server takes about 100 small requests, 5 to 15 thousand tokens in all.
    """
    from rich.console import Console

    from infertune import tasks
    from infertune.api.task_space import task_space
    from infertune.engines.start import start
    from infertune.errors import InvalidInputError
    from infertune.report import doctor as report
    from infertune.report.live import View
    from infertune.report.status import probe_status
    from infertune.space.extra_settings import extra_ends
    from infertune.space.restriction import narrowed

    if engine is None:
        if "base_url" in options:
            raise InvalidInputError("--base-url must be given together with --engine openai")
        _machine(as_json=as_json)
        return
    if task is None and (space_file is not None or settings):
        raise InvalidInputError("--space and --set must be given together with --task")
    known = pricing.known_prices(prices, model, price_prompt, price_completion)
    loaded = None if task is None else tasks.load(task, data=data)
    space = None if loaded is None else task_space(loaded, space_file, settings or [])
    extra = None if space is None else extra_ends(space)
    with View() as view:
        running = start(
            engine,
            model,
            options,
            extra=extra,
            on_probe=lambda step: view.update(lambda: probe_status(step)),
            again=again,
        )
    try:
        leaves: tuple[str, ...] = ()
        if loaded is not None and space is not None:
            kinds = {name: template.kinds for name, template in loaded.prompts.items()}
            leaves = narrowed(space, running.unsupported, kinds=kinds).notes
        found = report.Diagnosis(
            engine=engine,
            facts=running.facts,
            unsupported=running.unsupported,
            probe=getattr(running, "probe", None),
            prices=known,
            task="" if loaded is None else loaded.name,
            leaves=leaves,
        )
    finally:
        running.close()
    if as_json:
        print(json.dumps(report.as_json(found), indent=2))
    else:
        report.show(found, Console())


def _machine(*, as_json: bool) -> None:
    from rich.console import Console

    from infertune import plugins
    from infertune.engines import bundled, machine
    from infertune.report import doctor as report

    found, models, engines = machine.inspect(), bundled.list_models(), plugins.names("engines")
    if as_json:
        print(json.dumps(report.machine_as_json(found, models, engines), indent=2))
    else:
        report.show_machine(found, models, engines, Console())
