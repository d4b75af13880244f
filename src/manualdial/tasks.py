"""The one owner of tasks, what is done again and again, and long work in stretches. Imports nothing of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import structlog

log = structlog.get_logger(__name__)

Result = TypeVar("Result")
Faults = tuple[type[Exception], ...]

_AT_A_STRETCH = 0.002
"""Seconds. A press that comes meanwhile waits that long, and not for the whole of the work."""


class TaskDied(Exception):
    """A task that its owner cannot do without has ended; the text is its name."""


class Tasks:
    """The tasks of one part of the service. Each is waited for or cancelled by `close`, and none ends unseen.

    One that is started comes to an end by itself. What it raises is told to the log, unless it is of `expected`: then
    it is the affair of who waits for it.
    One that is kept goes on until `close`. Where it ends before, whether it raises, returns or is cancelled, that is
    critical: `on_death` is called, `dead` names it, and `death` raises.
    """

    def __init__(self, *, expected: Faults = (), on_death: Callable[[], None] = lambda: None) -> None:
        self._expected = expected
        self._on_death = on_death
        self._tasks: set[asyncio.Task[Any]] = set()
        self._kept: set[asyncio.Task[Any]] = set()
        self._death = asyncio.Event()
        self._closing = False
        self.dead: str | None = None
        """The name of the first kept task that has ended."""

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Do this from now on. What is started first has its first turn first."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def keep(self, work: Coroutine[Any, Any, Result], *, name: str) -> asyncio.Task[Result]:
        """Do this from now on until `close`."""
        task = self.start(work)
        task.set_name(name)
        self._kept.add(task)
        return task

    async def death(self) -> NoReturn:
        """Wait until a kept task has ended. Raises TaskDied."""
        await self._death.wait()
        raise TaskDied(self.dead)

    async def close(self, *, limit: float | None = None) -> None:
        """End all tasks; with a `limit` those that were started have so many seconds to come to their end before."""
        self._closing = True
        if limit is not None:
            started = self._tasks - self._kept
            late = (await asyncio.wait(started, timeout=limit))[1] if started else ()
            if late:
                log.warning("tasks were cancelled at the stop", count=len(late))
        while self._tasks:  # the end of one may start another
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        kept = task in self._kept
        self._kept.discard(task)
        fault = None if task.cancelled() else task.exception()
        if kept and not self._closing:
            self.dead = self.dead or task.get_name()
            self._death.set()
            self._on_death()
            # Last, as it may be the log that cannot be written.
            log.critical("a task that must go on has ended", task=task.get_name(), exc_info=fault)
        elif fault is not None and not isinstance(fault, self._expected):
            log.error("a task ended with an exception", exc_info=fault)


async def repeat(
    work: Callable[[], Awaitable[object]],
    *,
    every: float,
    failing: str,
    expected: Faults = (),
    wake: asyncio.Event | None = None,
) -> NoReturn:
    """Do `work` again and again, `every` so many seconds, or at once when `wake` is set, which it clears.

    A round that fails ends none of those that come after it: the log says `failing`, with the traceback of a fault
    that is not of `expected`.
    """
    while True:
        if wake is None:
            await asyncio.sleep(every)
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await wake.wait()
            wake.clear()
        try:
            await work()
        except expected as fault:
            log.warning(failing, reason=str(fault))
        except Exception:  # whatever it is, it may be another in the next round
            log.exception(failing)


class Pace:
    """Lets others have their turns in one piece of long work on the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()

    async def keep(self) -> None:
        """Give others a turn where a stretch has been worked without one. To be called often."""
        if self._loop.time() - self._since >= _AT_A_STRETCH:
            await asyncio.sleep(0)
            self._since = self._loop.time()
