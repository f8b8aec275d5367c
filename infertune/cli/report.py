"""``infertune report``: a study as a page to read first, and as Markdown, JSON or CSV."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from infertune.cli import limits, shared_options

if TYPE_CHECKING:
    from infertune.archive import StoredStudy

Format = Literal["html", "md", "json", "csv"]


def report(
    study: Annotated[
        str | None, typer.Argument(help="Study [default: the only one of the database].", show_default=False)
    ] = None,
    database: shared_options.Database = "infertune.db",
    kind: Annotated[
        Format,
        typer.Option(
            "--format",
            help="html: one page that explains itself. md: the answer in Markdown. json: the answer. csv: the trials.",
            rich_help_panel="Output",
        ),
    ] = "html",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File to write; - for standard output [default: STUDY.html for a page, else standard output].",
            callback=limits.path,
            rich_help_panel="Output",
        ),
    ] = None,
) -> None:
    """Write a study as one HTML file that needs nothing else: answer, front, samples, failures, environment.

    Of an unfinished study the page shows what was tried so far, without a verdict; so does CSV.
    """
    from infertune.archive import StoredStudy
    from infertune.files import yaml_file
    from infertune.report.page import file as page_file
    from infertune.report.page import render

    if kind == "html":
        render.check_library()
    with StoredStudy(study, database) as stored:
        if out is None and kind == "html":
            out = page_file.default_path(stored.name)
        if out is None or str(out) == "-":
            sys.stdout.write(_text(stored, kind))
        elif kind == "html":
            page_file.check(out)
            page_file.write(out, _text(stored, kind))
            print(f"Written to {out}; open it in a browser")
        else:
            yaml_file.check_place(out, "`out`")
            yaml_file.write_text(out, _text(stored, kind))


def _text(stored: "StoredStudy", kind: Format) -> str:
    from infertune.api import archive
    from infertune.report import markdown

    if kind == "html":
        return archive.page_of(stored)
    if kind == "csv":
        return archive.records(stored).to_csv()
    found = archive.result(stored)
    if kind == "json":
        return json.dumps(found.as_json(), indent=2) + "\n"
    return markdown.text(found.answer, found.file.path)
