"""The documentation is true: its Python prints what it says, its commands and files can be read, its links lead on."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from pages import PAGES, ROOT, Block, blocks, commands

from infertune import tasks
from infertune.budget import prices
from infertune.cli import app
from infertune.files import yaml_file
from infertune.recipes import recipe, serving_recipe
from infertune.space.default_space import default_space
from infertune.space.notation import read
from infertune.tasks.definition import Definition
from infertune.tasks.prompts import Template


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_runs_and_prints_what_the_page_says(block: Block, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (block.output or "")


@pytest.mark.parametrize(("place", "line"), commands())
def test_commands_are_real(place: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    words = words[: next((n for n, word in enumerate(words) if word in ("|", ">", "2>", "&&", "&")), len(words))]
    group = typer.main.get_command(app)
    context = group.make_context("infertune", words[1:])
    while context._protected_args or context.args:
        name, command, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)  # exits with a message when an option is unknown
        if not hasattr(command, "commands"):
            break


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_named_files_are_there(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"
    for named in re.findall(r"`((?:infertune|tests|benchmarks|docs|tasks|prompts)/[\w./-]+)`", text):
        assert (ROOT / named).exists(), f"{page.name} names {named}, which is not there"


def test_the_pages_that_explain_a_file_show_one_that_can_be_read(tmp_path: Path) -> None:
    files = {}
    for block in blocks("yaml"):
        files.setdefault(block.page.relative_to(ROOT).as_posix(), tmp_path / f"{len(files)}.yaml").write_text(
            block.text
        )
    space = default_space(prompts=tuple(tasks.load("capitals").prompts), max_tokens=(4, 12, 20))
    assert yaml_file.read(files["docs/tasks.md"], Definition).name
    assert yaml_file.read(files["docs/prompts.md"], Template).name
    assert read(files["docs/space.md"], space)["strategy.n"].values() == (1, 3, 5, 9)
    assert prices.read(files["docs/prices.md"], "invented-large").cost(1e6, 0) == 2
    assert serving_recipe.read(files["docs/handover.md"]).settings["engine.max_num_seqs"] == 256
    assert recipe.read(files["docs/answer.md"]).task == "capitals"


def test_there_is_something_to_test() -> None:
    assert len(blocks("python")) >= 3
    assert len(commands()) >= 10
    assert sum(block.output is not None for block in blocks("python")) >= 3
