"""Running a command that serves or waits: its loop, and its end by a signal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import uvloop

Result = TypeVar("Result")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_OBJECTS_BEFORE_COLLECTION = 10_000


def run(command: Coroutine[Any, Any, Result]) -> Result:
    """Run a command to its end, on the fast loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(command)


def collect_nothing() -> None:
    """Let the garbage collector rest while a service starts; `collect_less` follows.

    A start that takes over thousands of calls makes objects that all stay: looking through them again and again takes
    a quarter of the time. What is garbage by now goes before anybody is let in.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


def collect_less() -> None:
    """The objects of the start stay to the end, so the garbage collector looks at it no more.

    Looking through it all would stop everything for tenths of a second. What comes later it looks at less often than it
    is used to: a press makes hundreds of objects, and nearly all of them go by themselves.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    gc.enable()


@contextlib.contextmanager
def stopping() -> Iterator[asyncio.Event]:
    """An event that the first SIGTERM or SIGINT sets. The second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def first() -> None:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, first)
    try:
        yield stop
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, Result]) -> Result | None:
    """Do the work, and give it up when `stop` is set first; then None."""
    working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, stopped):
            task.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)
