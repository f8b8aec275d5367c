"""The library's messages name arguments; a terminal shows the options of the commands in their place."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Infertune
from typer.main import get_command

import infertune as package
from infertune.cli import app, flags
from infertune.errors import BudgetError, InvalidInputError

ROOT = Path(package.__file__).parent
# What speaks to a shell or of another program's command line.
COMMAND_LINES = (
    "cli/",
    "testing/",
    "report/",
    "engines/hf/serve.py",
    "engines/launch/hf_server.py",
    "engines/process/",
    "engines/vllm/ask_parser.py",
    "engines/vllm/installed.py",
    "engines/vllm/serve_arguments.py",
    "engines/vllm/server.py",
    "exports/",
)
# Commands to copy, and a note on how to repeat one.
SHELL = re.compile(
    r"pip install --|infertune (export|evaluate|verify) |^--(config|port)|llama-server |the task's with --set "
)


def _texts() -> Iterator[tuple[str, str]]:
    """Yield the texts of the library that are no docstrings, each with its place."""
    for path in sorted(ROOT.rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        if where.startswith(COMMAND_LINES):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documents = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
                yield f"{where}:{node.lineno}", node.value


def test_no_message_of_the_library_names_an_option() -> None:
    texts = list(_texts())
    assert len(texts) > 1000
    assert not [each for each in texts if re.search(r"(?<![\w-])--[a-z]", each[1]) and not SHELL.search(each[1])]


def test_what_a_message_names_is_an_option_of_some_command() -> None:
    named = {name: at for at, text in _texts() for name in re.findall(r"(?<![\w`])`([a-z]\w*)`(?!`)", text)}
    known = flags.flags(get_command(app))
    assert len(named) > 25
    assert not {name: at for name, at in named.items() if name not in known}


def test_an_argument_has_one_option_in_all_commands() -> None:
    found = defaultdict(set)
    for parameter in flags._options(get_command(app)):
        found[parameter.name].add(parameter.opts[0])
    assert not {name: options for name, options in found.items() if len(options) > 1}


@pytest.mark.parametrize(
    ("text", "python", "terminal"),
    [
        ("`budget_tokens` must be above 0", "budget_tokens must be above 0", "--budget-tokens must be above 0"),
        ("`settings` n=0: no", "settings n=0: no", "--set n=0: no"),
        ("give another `study` name", "give another study name", "give another --study name"),
        ("`database` and `engine_args`", "database and engine_args", "--db and --engine-arg"),
        ("`space` or `search`", "space or search", "--space or --search"),
        ("`no_such` stays", "no_such stays", "no_such stays"),
        ("`vllm serve` is a command, `a b` is none", *["`vllm serve` is a command, `a b` is none"] * 2),
    ],
)
def test_an_argument_is_named_as_the_caller_names_it(text: str, python: str, terminal: str) -> None:
    error = InvalidInputError(text)
    assert str(error) == f"{error}" == python
    assert flags.message(error, get_command(app)) == terminal
    assert flags.message(BudgetError(f"all of it: {error.text}"), get_command(app)) == f"all of it: {terminal}"


def test_both_sides_of_one_fault(infertune: Infertune) -> None:
    wrong = {"temperature": "hot"}
    with pytest.raises(InvalidInputError, match=r"^settings temperature=hot: .*must be a number") as caught:
        package.optimize("capitals", budget_tokens="9k", settings=wrong, progress=False)
    done = infertune("optimize", "--task", "capitals", "--budget-tokens", "9k", "--set", "temperature=hot")
    assert done.code == 2
    assert done.err == f"infertune: {str(caught.value).replace('settings', '--set')}\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give budget_tokens, budget_seconds or budget_money, for example budget_tokens 200k"),
        ({"budget_tokens": "many"}, "budget_tokens must be a number of tokens such as 40000, 200k or 1.5M"),
        ({"budget_seconds": "1y"}, "budget_seconds must be a duration such as 90s, 10m or 1.5h"),
        ({"budget_tokens": -1}, "budget_tokens must be above 0 and have an end, but is -1"),
        ({"budget_money": 1.0}, "a budget in money needs prices, which are per million tokens"),
        ({"budget_tokens": 9, "data": "no/such"}, "data must be a file or a folder, but there is no no/such"),
        ({"budget_tokens": 9, "engine": "openai"}, "the engine 'openai' needs base_url"),
        ({"budget_tokens": 9, "engine": "hf", "engine_options": {"base_url": "x"}}, "base_url needs engine openai"),
        ({"budget_tokens": 9, "out": "no/such/file.yaml"}, "the folder of out must exist"),
    ],
)
def test_python_is_told_of_arguments(given: dict[str, object], said: str) -> None:
    with pytest.raises(package.InfertuneError) as caught:
        package.optimize("capitals", progress=False, **given)  # type: ignore[arg-type]
    assert said in str(caught.value) and "--" not in str(caught.value) and "`" not in str(caught.value)
