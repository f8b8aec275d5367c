"""``infertune watch``: the page of a study while it runs, in a browser of this machine."""

import sys
from typing import Annotated

import typer

from infertune.cli import limits, shared_options

PORT = 8765
_STOPPED = 130  # by Ctrl-C, which is how watching ends


def watch(
    study: Annotated[
        str | None, typer.Argument(help="Study [default: the only one of the database].", show_default=False)
    ] = None,
    database: shared_options.Database = "infertune.db",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of 127.0.0.1; 0 takes a free one.", rich_help_panel="Output")
    ] = PORT,
    every: Annotated[
        float,
        typer.Option(
            min=1,
            max=3600,
            help="Seconds between one look at the database and the next.",
            callback=limits.finite,
            rich_help_panel="Output",
        ),
    ] = 3.0,
) -> None:
    """Show the page of a study that is under way, newer every few seconds, until Ctrl-C; nothing is changed by it."""
    from infertune.api import archive
    from infertune.archive import StoredStudy
    from infertune.report.page import render
    from infertune.report.page.encoding import script_json
    from infertune.report.page.server import PageServer

    render.check_library()
    with StoredStudy(study, database) as stored:
        name = stored.name
        archive.page_of(stored)  # now rather than at the first request, where nobody would read the message

    def page() -> str:
        with StoredStudy(name, database) as stored:
            return archive.page_of(stored, refresh_seconds=every)

    def data() -> str:
        with StoredStudy(name, database) as stored:
            return script_json(archive.data_of(stored))

    with PageServer(port, page=page, data=data, every=every / 2) as server:
        print(f"{name}: {server.url} (Ctrl-C ends)", flush=True)
        try:
            server.serve_forever()
        except SystemExit as stop:
            if stop.code != _STOPPED:
                raise
            sys.stdout.flush()
