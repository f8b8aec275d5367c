"""``infertune doctor``: which settings a server really honours, or what this machine has."""

import json
from typing import Annotated

import typer

from infertune.cli import limits, pricing, shared_options
from infertune.cli.engine import given, probing, start
from infertune.cli.space import searched


def doctor(
    engine: Annotated[
        str | None, typer.Option(help="Engine to check, such as openai. Default: none; this machine is checked.")
    ] = None,
    model: shared_options.Model = shared_options.DEFAULT_MODEL,
    base_url: shared_options.BaseUrl = None,
    api_key_env: shared_options.ApiKeyEnv = None,
    api_key_file: shared_options.ApiKeyFile = None,
    extra_body: shared_options.ExtraBody = None,
    seeds_safe: shared_options.SeedsSafe = False,
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
) -> None:
    """Check by effect which settings a server honours; without --engine, check this machine.

    Probing a server takes about 100 small requests, 5 to 15 thousand tokens in all.
    """
    from rich.console import Console

    from infertune import tasks
    from infertune.cli.live import View
    from infertune.errors import InvalidInputError
    from infertune.report import doctor as report
    from infertune.space.extra_settings import extra_ends
    from infertune.space.restriction import narrowed

    if engine is None:
        if base_url is not None:
            raise InvalidInputError("--base-url must be given together with --engine openai")
        _machine(as_json=as_json)
        return
    if task is None and (space_file is not None or settings):
        raise InvalidInputError("--space and --set must be given together with --task")
    known = pricing.known_prices(prices, model, price_prompt, price_completion)
    loaded = None if task is None else tasks.load(task, data=data)
    space = None if loaded is None else searched(loaded, space_file, settings or [])
    options_given = given(
        base_url=base_url,
        api_key_env=api_key_env,
        api_key_file=api_key_file,
        extra_body=extra_body,
        seeds_safe=seeds_safe or None,
        again=again or None,
    )
    extra = None if space is None else extra_ends(space)
    with View() as view:
        running = start(engine, model, options_given, extra=extra, on_probe=probing(view))
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
    from infertune.engines import machine, models
    from infertune.report import doctor as report

    found, bundled, engines = machine.inspect(), models.list_models(), plugins.names("engines")
    if as_json:
        print(json.dumps(report.machine_as_json(found, bundled, engines), indent=2))
    else:
        report.show_machine(found, bundled, engines, Console())
