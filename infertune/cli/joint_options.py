"""The options of ``infertune optimize --joint``."""

from typing import Annotated

import typer

from infertune.cli import limits

PANEL = "Joint search of engine settings, with --joint"

Joint = Annotated[
    bool,
    typer.Option("--joint", help="Search engine settings as well as decoding (docs/joint.md).", rich_help_panel=PANEL),
]
Margin = Annotated[
    float | None,
    typer.Option(
        help="Maximum utility that faster engine settings may lose [default: 0.02].",
        callback=limits.finite,
        rich_help_panel=PANEL,
    ),
]
Starts = Annotated[
    int | None,
    typer.Option(min=1, max=10_000, help="Maximum engine starts in the search [default: 12].", rich_help_panel=PANEL),
]
Burst = Annotated[
    int | None,
    typer.Option(min=1, max=100_000, help="Requests per speed measurement [default: 64].", rich_help_panel=PANEL),
]
Turns = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=10_000,
        help="Maximum speed measurements per finalist; 3, 6, 12 ... can decide [default: 6].",
        rich_help_panel=PANEL,
    ),
]
PriceHour = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Price of an hour of the machine [default: unknown].",
        callback=limits.finite,
        rich_help_panel=PANEL,
    ),
]
