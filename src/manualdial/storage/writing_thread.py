"""A thread that does one thing after the other for the event loop.

A pool of threads was measured at twice the time for a hand-over: its futures have locks, and it counts idle threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")
Job = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class WritingThread:
    """One thread, started with the first job and ended by `stop`. It does not keep the process from ending."""

    def __init__(self, *, name: str) -> None:
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._stopped = False

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run `work` on the thread, after all that was handed in before, and raise what it raises.

        Work whose caller is cancelled before its turn is left out. RuntimeError after `stop`.
        """
        if self._stopped:
            raise RuntimeError("the thread was stopped")
        if self._thread.ident is None:
            self._thread.start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._jobs.put((work, done, loop))
        return await done

    def stop(self) -> None:
        """End the thread after what was handed in."""
        self._stopped = True
        self._jobs.put(None)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, done, loop = job
            if done.cancelled():
                continue
            result: Any = None
            fault: BaseException | None = None
            try:
                result = work()
            except BaseException as raised:  # noqa: BLE001  # handed to the caller, whatever it is
                fault = raised
            with suppress(RuntimeError):  # the loop was closed meanwhile, and nobody waits
                loop.call_soon_threadsafe(_settle, done, result, fault)
            del job, work, done, loop, result, fault  # nothing of the caller's is kept while the thread waits


def _settle(done: asyncio.Future[Any], result: Any, fault: BaseException | None) -> None:
    if done.done():
        return
    if fault is None:
        done.set_result(result)
    else:
        done.set_exception(fault)
