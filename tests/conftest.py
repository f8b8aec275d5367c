"""Signals as a terminal has them, and the order of the files: those that take longest begin first."""

import signal

import pytest

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
