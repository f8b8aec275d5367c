"""The options of ``infertune optimize --joint``."""

from typing import Annotated

import typer

from infertune.cli import limits

Joint = Annotated[bool, typer.Option("--joint", help="Search engine settings as well as decoding (docs/joint.md).")]
Margin = Annotated[
    float | None,
    typer.Option(
        help="With --joint: maximum utility that faster engine settings may lose [default: 0.02].",
        callback=limits.finite,
    ),
]
Starts = Annotated[
    int | None,
    typer.Option(min=1, max=10_000, help="With --joint: maximum engine starts in the search [default: 12]."),
]
Burst = Annotated[
    int | None,
    typer.Option(min=1, max=100_000, help="With --joint: requests per speed measurement [default: 64]."),
]
Turns = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=10_000,
        help="With --joint: maximum speed measurements per finalist; 3, 6, 12 ... can decide [default: 6].",
    ),
]
PriceHour = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="With --joint: price of an hour of the machine [default: unknown].",
        callback=limits.finite,
    ),
]
