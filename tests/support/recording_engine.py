"""A telephony engine that does what a test tells it to, and writes down what it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection

from manualdial.calls import CallSignal, Cause, EndedBy, Ending, Report
from manualdial.engines.simulator import SimulatorEngine
from manualdial.ports import Engine, EngineRefused, Health, Originate, Orphan, Reconnected
from tests.support.calls import TO_CONNECTED
from tests.support.moved_clock import MovedClock


class RecordingEngine:
    """Takes every call and reports nothing of itself but what it was asked to do: hang up, hold, resume."""

    def __init__(self, *, clock: MovedClock, name: str = "Simulator") -> None:
        self._clock = clock
        self.name = name
        self.actions = SimulatorEngine.actions
        self.ready = True
        self.orders: list[Originate] = []
        """Every call that it was to ring, in order."""
        self.asked: list[tuple[str, ...]] = []
        """Every other question, in order: what, the call, details."""
        self.fails: dict[str, Exception] = {}
        """What a method raises after it was asked, by its name; `make_ready` is before a call may ring."""
        self.waits: dict[str, asyncio.Event] = {}
        """What a method waits for before it answers, by its name."""
        self.calls: set[str] = set()
        """The calls that it has."""
        self.reports_what_it_did = True
        self._reports: asyncio.Queue[Report | Reconnected | Orphan] = asyncio.Queue(10_000)

    async def __aenter__(self) -> RecordingEngine:
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Nothing is open."""

    async def originate(self, order: Originate, journalled: Awaitable[object] | None = None) -> None:
        if "make_ready" in self.fails:
            raise self.fails["make_ready"]
        if journalled is not None:
            await journalled
        self.orders.append(order)
        await self._answer("originate")
        self.calls.add(order.call_id)

    async def hang_up(self, call_id: str) -> bool:
        self.asked.append(("hang_up", call_id))
        await self._answer("hang_up")
        if call_id not in self.calls:
            return False
        self._did(call_id, CallSignal.ENDED, Ending(by=EndedBy.AGENT, cause=Cause.NORMAL, q850=16))
        return True

    async def hold(self, call_id: str) -> None:
        await self._control("hold", call_id)
        self._did(call_id, CallSignal.HELD)

    async def resume(self, call_id: str) -> None:
        await self._control("resume", call_id)
        self._did(call_id, CallSignal.RESUMED)

    async def send_dtmf(self, call_id: str, digits: str) -> None:
        await self._control("send_dtmf", call_id, digits)

    async def mute(self, call_id: str, *, muted: bool) -> None:
        await self._control("mute", call_id, str(muted))

    async def adopt(self, orders: Collection[Originate]) -> frozenset[str]:
        self.asked.append(("adopt", *(order.call_id for order in orders)))
        await self._answer("adopt")
        return frozenset(order.call_id for order in orders if order.call_id in self.calls)

    async def reports(self) -> AsyncIterator[Report | Reconnected | Orphan]:
        while True:
            yield await self._reports.get()
            self._reports.task_done()

    async def health(self) -> Health:
        return Health(ok=self.ready)

    # ── what a test does with it ────────────────────────────────────────────────────────────────────────────────────

    def put(self, report: Report | Reconnected | Orphan) -> None:
        """Report something, and do not wait until it is read."""
        self._reports.put_nowait(report)

    async def report(self, call_id: str, *signals: CallSignal, ending: Ending | None = None) -> None:
        """Report signs of a call, and wait until they are handled."""
        for signal in signals:
            self._put(call_id, signal, ending if signal is CallSignal.ENDED else None)
        await self.handled()

    async def connect(self, call_id: str) -> None:
        """Report all that leads to a call that is answered."""
        await self.report(call_id, *TO_CONNECTED)

    async def end(self, call_id: str, *, by: EndedBy = EndedBy.CUSTOMER, cause: Cause = Cause.NORMAL) -> None:
        """Report that a call has ended."""
        self.calls.discard(call_id)
        await self.report(call_id, CallSignal.ENDED, ending=Ending(by=by, cause=cause))

    async def handled(self) -> None:
        """Wait until every report is handled."""
        async with asyncio.timeout(5):
            await self._reports.join()

    async def _control(self, what: str, call_id: str, *details: str) -> None:
        self.asked.append((what, call_id, *details))
        await self._answer(what)
        if call_id not in self.calls:
            raise EngineRefused("no such call")

    async def _answer(self, what: str) -> None:
        if what in self.waits:
            await self.waits[what].wait()
        if what in self.fails:
            raise self.fails[what]

    def _did(self, call_id: str, signal: CallSignal, ending: Ending | None = None) -> None:
        if signal is CallSignal.ENDED:
            self.calls.discard(call_id)
        if self.reports_what_it_did:
            self._put(call_id, signal, ending)

    def _put(self, call_id: str, signal: CallSignal, ending: Ending | None) -> None:
        self.put(Report(call_id=call_id, signal=signal, at=self._clock.now(), ending=ending))


_FITS: type[Engine] = RecordingEngine
