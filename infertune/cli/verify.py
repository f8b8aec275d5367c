"""``infertune verify``: whether a running server does what a file says."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infertune.cli import limits, shared_options

if TYPE_CHECKING:
    from infertune.serving.verify.observation import Finding

_WORDS = {"proved": "proved", "contradicted": "CONTRADICTED", "unseen": "cannot be seen"}


def verify(
    file: Annotated[
        Path,
        typer.Argument(
            help="Answer file of optimize, or settings of a server as of tune-serving.", callback=limits.path
        ),
    ],
    base_url: Annotated[
        str, typer.Option(help="Address of the server, such as http://127.0.0.1:8000.", metavar="URL")
    ],
    model: Annotated[
        str | None, typer.Option(help="Name of the model, as the server calls it; default the first that it serves.")
    ] = None,
    api_key_env: shared_options.ApiKeyEnv = None,
    api_key_file: shared_options.ApiKeyFile = None,
    as_json: shared_options.Json = False,
) -> None:
    """Ask a running server, by what it says and by what it does, whether every setting of a file is in force.

    Takes seconds to minutes of its work; other requests should not be on it. Of an answer of optimize each decoding
    setting is tried by its effect. Ends with code 7 where a setting is contradicted.
    """
    from infertune.api.verification import verified_answer
    from infertune.engines.endpoint import api_key
    from infertune.errors import ContradictionError
    from infertune.exports import reading
    from infertune.recipes.recipe import Recipe
    from infertune.report.live import View
    from infertune.serving.verify.running_server import RunningServer
    from infertune.serving.verify.verify import verify as verified
    from infertune.wire.base_url import tidied

    recipe = reading.read(file)
    key = api_key.read(api_key_env=api_key_env, api_key_file=api_key_file)
    with RunningServer(api_key.check_base_url(tidied(base_url)), model=model, headers=key.headers) as server:
        served = server.model
        findings: list[Finding] = []
        if not isinstance(recipe, Recipe):
            findings += verified(server, settings=recipe.settings, decoding=recipe.decoding, engine=recipe.engine)
    if isinstance(recipe, Recipe):
        given = {"base_url": base_url, "api_key_env": api_key_env, "api_key_file": api_key_file}
        options = {name: value for name, value in given.items() if value is not None}
        findings = verified_answer(recipe, options, served, View())
    if as_json:
        plain = [{**asdict(finding), "verdict": finding.verdict} for finding in findings]
        print(json.dumps({"base_url": base_url, "model": served, "settings": plain}, indent=2))
    else:
        _print(findings)
    wrong = [finding.name for finding in findings if finding.verdict == "contradicted"]
    if wrong:
        raise ContradictionError(f"the server is not set as {file} says: {', '.join(wrong)}")


def _print(findings: "Sequence[Finding]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("setting", "wanted", "verdict", "because"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        because = [
            f"{observation.source}: {observation.says}" if observation.source else observation.says
            for observation in finding.observations
        ]
        table.add_row(finding.name, Text(str(finding.wanted)), _WORDS[finding.verdict], Text("\n".join(because)))
    Console(soft_wrap=False).print(table)
    counts = {verdict: sum(finding.verdict == verdict for finding in findings) for verdict in _WORDS}
    print(", ".join(f"{n} {_WORDS[verdict].lower()}" for verdict, n in counts.items()))
