"""The tutorial is true: its commands run one after the other, against an endpoint whose best setting is planted."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from pages import ROOT, blocks
from ticket_endpoint import TICKETS, TicketServer, chance

from infertune.recipes import recipe

pytestmark = pytest.mark.long

PAGE = ROOT / "docs/tutorial.md"
URL = "http://127.0.0.1:8000/v1"  # on the page
INFERTUNE = f'infertune() {{ {shlex.quote(sys.executable)} -m infertune "$@"; }}'


@dataclass(frozen=True)
class Ran:
    """A command of the page and what it printed."""

    command: str
    out: str
    err: str


class Shell:
    """Runs commands in a folder, each in a process of its own; what one exports, the next ones see."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self._folder = folder
        self._base_url = base_url
        self._exports: list[str] = []

    def run(self, command: str) -> Ran:
        script = [INFERTUNE, *self._exports, command.replace(URL, self._base_url)]
        done = subprocess.run(
            ["bash", "-ec", "\n".join(script)],
            cwd=self._folder,
            env={**os.environ, "COLUMNS": "80"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        if command.startswith("export "):
            self._exports.append(script[-1])
        return Ran(command, done.stdout, done.stderr)


def words(text: str) -> list[str]:
    """Return what a page quotes, but for figures and ``...``: they are another run's."""
    found = (" ".join(some.split()) for line in text.splitlines() for some in re.split(r"\S*\d\S*|^\.\.\.$", line))
    return [some for some in found if some]


def assert_quoted(quoted: str, printed: str) -> None:
    whole = " ".join(printed.split())
    assert not [some for some in words(quoted) if some not in whole], printed


def test_a_new_user_gets_from_a_csv_file_to_a_verified_answer(tmp_path: Path) -> None:
    shutil.copy(TICKETS, tmp_path)
    ran: list[Ran] = []
    steps = [block for block in blocks("console") if block.page == PAGE]
    with TicketServer() as server:
        shell = Shell(tmp_path, server.base_url)
        for block in steps:
            if block is steps[-1]:
                server.close()
            done = [shell.run(command) for command in block.commands]
            assert_quoted(block.output or "", "\n".join(one.out + one.err for one in done))
            ran += done

    first, larger, cheap, again = [one.out for one in ran if one.command.startswith("infertune optimize")]
    for found in (first, larger):
        assert found.startswith("\nClear winner: the recommended configuration beats the default by")
    assert cheap.startswith("\nUndecided:")
    assert again == larger

    answer = recipe.read(tmp_path / "tickets-answer.yaml")
    prompt = str(answer.configuration["prompt.template"]).removeprefix("tickets-")
    is_right = chance(prompt, float(answer.configuration["decoding.temperature"]))
    assert is_right >= chance("shots", 0) - 0.05

    (measured,) = (one.out for one in ran if one.command.startswith("infertune evaluate"))
    now = re.search(r"^utility, 95% interval +(\S+)", measured, re.M)
    low, high = answer.evidence.utility_interval
    assert now and low <= float(now[1]) <= high

    files = "".join((tmp_path / name).read_text() for name in ("tickets.yaml", "tickets-answer.yaml"))
    for block in blocks("yaml"):
        if block.page == PAGE:
            assert_quoted(block.text, files)
