"""Signals as a terminal has them, the order of the files, and what is done once for all tests of a process."""

import functools
import gc
import signal
from collections.abc import Iterator

import pytest
import typer.main

# SIGINT is ignored in the background and SIGHUP under nohup, and children inherit it.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files of what takes longest, so that two workers with a file each end together."""
    marks = ("vllm", "model", "long")
    long = {item.path for item in items if any(map(item.get_closest_marker, marks))}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    """Leave alone, at every collection of garbage, the many objects of what was imported."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def one_tree_of_commands() -> Iterator[None]:
    """Build the commands and their options once: typer would for each command that is run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", functools.cache(typer.main.get_command))
        yield
