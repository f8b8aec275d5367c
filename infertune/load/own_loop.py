"""Runs a coroutine in an event loop and a thread of its own."""

import asyncio
import contextlib
import gc
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

_MOST_SECONDS_TO_STOP = 10.0
_PRIORITY = 1  # the lowest of those before all ordinary threads; it ends with the thread


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run it in a thread of its own, for the caller may have an event loop, without pauses for collecting garbage.

    What interrupts the caller meanwhile (Ctrl-C) cancels it, and goes on when all its connections are closed.
    """
    failures: list[BaseException] = []
    stop: list[Callable[[], object]] = []
    interrupted, ended = threading.Event(), threading.Event()

    async def cancellable() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        stop.append(lambda: loop.call_soon_threadsafe(task.cancel))
        if interrupted.is_set():  # between the start of the thread and here
            main.close()
        else:
            await main

    def work() -> None:
        try:
            _hurry()
            asyncio.run(cancellable())
        except BaseException as failure:
            failures.append(failure)
        finally:
            ended.set()

    collects = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        threading.Thread(target=work, name="infertune-load", daemon=True).start()
        ended.wait()
    except BaseException:
        interrupted.set()
        if stop:
            with contextlib.suppress(RuntimeError):  # it ended in the meantime
                stop[0]()
        ended.wait(_MOST_SECONDS_TO_STOP)
        raise
    finally:
        if collects:
            gc.enable()
    if failures:
        raise failures[0]


def _hurry() -> None:
    """Ask for this thread to be woken before the server's, where the system lets us.

    A nice value would not do: Linux weighs it within a session only, and a server has one of its own.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_RR, os.sched_param(_PRIORITY))
