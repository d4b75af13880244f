"""The one reader of an engine's reports, for tests that wait for one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from manualdial.calls import CallSignal, Ending, Report
from manualdial.ports import Engine, Orphan, Reconnected

_LIMIT = 15.0


class ReportReader:
    """Reads all that an engine reports, and remembers it by call. Use it as an asynchronous context manager."""

    def __init__(self, engine: Engine) -> None:
        self.reconnects = 0
        self.orphans: list[Orphan] = []
        """All that were told, in order."""
        self._engine = engine
        self._seen: dict[str, list[Report]] = {}
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ReportReader:
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])

    def signals(self, call_id: str) -> list[CallSignal]:
        """The signs of a call so far, in order."""
        return [report.signal for report in self._seen.get(call_id, [])]

    async def until(self, call_id: str, signal: CallSignal) -> Report:
        """The first report of that signal, now or later. Fails with what came instead."""
        found = await self._wait(
            lambda: next((report for report in self._seen.get(call_id, []) if report.signal is signal), None),
            lambda: f"{signal} did not come: {self._seen.get(call_id)}",
        )
        assert isinstance(found, Report)
        return found

    async def ending(self, call_id: str) -> Ending:
        """How the call ended."""
        report = await self.until(call_id, CallSignal.ENDED)
        assert report.ending is not None, "an end without an ending"
        return report.ending

    async def orphan(self, call_id: str, what: str) -> None:
        """Return when that part of a call was told as an orphan."""
        told = Orphan(call_id=call_id, what=what)
        await self._wait(lambda: told in self.orphans or None, lambda: f"{told} did not come: {self.orphans}")

    async def reconnected(self, times: int = 1) -> None:
        """Return when the engine has come back that many times, the first connect included."""
        await self._wait(
            lambda: self.reconnects >= times or None, lambda: f"connected {self.reconnects} times, not {times}"
        )

    async def _wait(self, look: Callable[[], object], complaint: Callable[[], str]) -> object:
        try:
            async with asyncio.timeout(_LIMIT), self._news:
                while (found := look()) is None:
                    await self._news.wait()
                return found
        except TimeoutError:
            raise AssertionError(complaint()) from None

    async def _read(self) -> None:
        async for report in self._engine.reports():
            async with self._news:
                if isinstance(report, Reconnected):
                    self.reconnects += 1
                elif isinstance(report, Orphan):
                    self.orphans.append(report)
                else:
                    self._seen.setdefault(report.call_id, []).append(report)
                self._news.notify_all()
