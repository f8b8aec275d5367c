"""``infertune evaluate``: one configuration on a task, such as the answer of a study once more."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from infertune.cli import options
from infertune.cli.engine import given, looked, named_values, probing, start, starting
from infertune.cli.space import searched

if TYPE_CHECKING:
    from infertune.report.recipe import Recipe
    from infertune.space import Configuration, SearchSpace
    from infertune.types import Scalar

_MIN_P_BEFORE_TOP_P = {"hf": False, "vllm": True}


def evaluate(
    config: Annotated[Path | None, typer.Option(help="What optimize wrote; without it, the task's default.")] = None,
    task: Annotated[str | None, typer.Option(help="Shipped task or task file; by default the file's own.")] = None,
    model: Annotated[str | None, typer.Option(help="By default the file's own.")] = None,
    split: Annotated[Literal["confirm", "tune"], typer.Option(help="Which examples.")] = "confirm",
    examples: Annotated[int | None, typer.Option(min=1, help="How many of them, from the first; default all.")] = None,
    settings: options.Set = None,
    seed: Annotated[int | None, typer.Option(min=0, help="By default the file's own, else 0.")] = None,
    database: options.Database = "infertune.db",
    data: options.Data = None,
    seeds_safe: options.SeedsSafe = False,
    engine: Annotated[str | None, typer.Option(help="By default the file's own, else hf.")] = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    batch_size: options.BatchSize = None,
    threads: options.Threads = None,
    engine_args: options.EngineArgs = None,
    vllm_python: options.VLLMPython = None,
    base_url: options.BaseUrl = None,
    api_key_env: options.ApiKeyEnv = None,
    api_key_file: options.ApiKeyFile = None,
    concurrency: options.Concurrency = None,
    extra_body: options.ExtraBody = None,
    as_json: options.Json = False,
) -> None:
    """Measure one configuration; samples that the database holds are not paid for again."""
    from infertune import tasks
    from infertune.bank import SampleBank
    from infertune.cli.live import Status, View
    from infertune.errors import EngineError, InvalidInputError
    from infertune.evaluator import Evaluator
    from infertune.extra_settings import extra_ends, with_extras
    from infertune.narrow import check_supported
    from infertune.report import recipe as recipes
    from infertune.report.table import interval, short
    from infertune.spending import Spending
    from infertune.stats import mean_interval

    recipe = None if config is None else recipes.read(config)
    task = task or (recipe.task if recipe else None)
    if task is None:
        raise InvalidInputError("there must be --task, or --config with a file that names one")
    loaded = tasks.load(task, data=data)
    space = searched(loaded, None, [])
    if recipe is not None:
        space = with_extras(space, recipe.configuration, where=str(config))
    configuration = _configuration(space, recipe, str(config), settings or [])
    model = model or (recipe.model if recipe else options.DEFAULT_MODEL)
    seed = seed if seed is not None else recipe.seed if recipe else 0
    engine = engine or (recipe.engine if recipe else "hf")
    own_options = recipe.engine_options if recipe and recipe.engine == engine else {}
    engine_options = own_options | given(
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        threads=threads,
        base_url=base_url,
        api_key_env=api_key_env,
        api_key_file=api_key_file,
        concurrency=concurrency,
        extra_body=extra_body,
        engine_args=named_values(engine_args),
        vllm_python=vllm_python,
        seeds_safe=seeds_safe or None,
    )
    asked = getattr(loaded, split)[:examples]
    bank = SampleBank(database)
    with View() as view:
        view.say(f"{loaded.name} with {model}: {short(configuration, space)}")
        view.say(starting(engine, model))
        running = start(
            engine, model, engine_options, extra=extra_ends(space.fixed(configuration)), on_probe=probing(view)
        )
        try:
            if said := looked(running):
                view.say(said)
            kinds = {name: template.kind for name, template in loaded.prompts.items()}
            check_supported(configuration, space, running.unsupported, kinds=kinds)
            note = order_note(recipe.engine if recipe else engine, engine, running.facts, configuration)
            numbers = itertools.count(1)

            def landed() -> None:
                n = next(numbers)
                facts = f"{n} of {len(asked)} examples answered, {spending.run_tokens:,} tokens spent"
                view.update(lambda: Status(phase=split, share=n / len(asked), facts=facts))

            spending = Spending(study="evaluate", engine=running, bank=bank, on_landing=landed)
            evaluator = Evaluator(task=loaded, space=space.fixed(configuration), spending=spending, seed=seed)
            spending.buy(evaluator.requests([configuration], asked))
            found = evaluator.evaluate_complete(configuration, asked)
        finally:
            running.close()
            bank.close()
    if found is None:
        raise EngineError("no example was answered, so there is no utility to report")
    utility = mean_interval(found.scores)
    if as_json:
        plain = {
            "task": task,
            "task_digest": loaded.digest,
            "model": model,
            "engine": dict(running.facts),
            "seed": seed,
            "split": split,
            "configuration": dict(configuration),
            "utility": asdict(utility),
            "cost_tokens": found.cost_tokens,
            "n_failed": len(asked) - utility.n,
            "spent_tokens": spending.run_tokens,
            "notes": [note] if note else [],
        }
        print(json.dumps(plain, indent=2))
        return
    print(f"utility            {interval(utility)}  (95%, {utility.n} {split} examples)")
    print(f"tokens per request {found.cost_tokens:.1f}")
    if utility.n < len(asked):
        print(f"{len(asked) - utility.n} examples failed; they count neither right nor wrong")
    print(f"spent now          {spending.run_tokens:,} tokens; what the database held cost nothing")
    if recipe is not None and configuration == space.configuration(recipe.configuration):
        was = recipe.evidence
        if (loaded.digest, split) != (recipe.task_digest, "confirm"):
            print("the file's own figures are of other examples, so they are not shown beside these")
        else:
            low, high = was.utility_interval
            print(f"in the file        {was.utility:.3f} [{low:.3f}, {high:.3f}]  ({was.n_examples} examples)")
    if note:
        print(f"Note: {note}.")


def order_note(found_on: str, engine: str, facts: Mapping[str, str], configuration: "Mapping[str, Scalar]") -> str:
    """Return what to say where another engine applies ``top_p`` and ``min_p`` in another order; empty otherwise.

    Args:
        found_on: The engine that a configuration was found on.
        engine: The one that runs it now, with its ``facts``.
        configuration: The order matters only where both settings take something away.
    """
    both = float(configuration.get("decoding.top_p", 1)) < 1 and float(configuration.get("decoding.min_p", 0)) > 0
    if not both or found_on == engine:
        return ""
    order = facts.get("warpers", "")
    here = order.find("min_p") < order.find("top_p") if "min_p" in order and "top_p" in order else None
    there = _MIN_P_BEFORE_TOP_P.get(found_on)
    if here is not None and here == there:
        return ""
    shown = f"{engine} applies {order.replace(',', ', ')}" if here is not None else f"that of {engine} is not known"
    return (
        f"the file's figures are of the engine {found_on}, which may apply top_p and min_p in another order: {shown}; "
        "so this is another distribution, and the samples of the two are kept apart"
    )


def _configuration(
    space: "SearchSpace", recipe: "Recipe | None", where: str, settings: Sequence[str]
) -> "Configuration":
    """Return the recipe's configuration, or the default one, with what ``--set`` fixes otherwise."""
    from infertune import space_text
    from infertune.errors import InvalidInputError

    if recipe is not None:
        space = space.fixed(space.configuration(recipe.configuration, where=where))
    changed = space_text.changed(space, settings)
    for parameter in changed.parameters:
        if parameter != space[parameter.name] and (parameter.kind != "choice" or len(parameter.choices) > 1):
            raise InvalidInputError(
                f"--set must give one value of {parameter.name} here, but gives {parameter.domain}"
            )
    return changed.default_configuration()
