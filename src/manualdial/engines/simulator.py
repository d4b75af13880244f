"""A telephony engine without telephony: the far end answers by the number that is dialled.

The default, for a first look, for demonstrations and for tests. The table is part of its contract:

    +1 202 555 01NN, NN =
    00 answers and stays           06 answers, the customer hangs up after a second
    01 busy                        07 early media, then answers
    02 no answer                   08 the agent's phone is not answered
    03 rejected                    09 the engine gives no answer
    04 unallocated number          10 answers, every event twice and out of order
    05 congestion                  11 the engine refuses
    every other number answers and stays
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Collection
from datetime import UTC, datetime

import msgspec
import structlog
from cachetools import FIFOCache

from manualdial.calls import Action, CallSignal, Cause, EndedBy, Ending, Report
from manualdial.ports import Engine, EngineRefused, EngineSilent, Health, Originate, Orphan, Reconnected

log = structlog.get_logger(__name__)

_SCRIPTED = re.compile(r"\+120255501(\d\d)")
_MAX_REPORTS = 100_000
_MAX_ENDED = 10_000


class _Step(msgspec.Struct, frozen=True):
    """After `seconds`, this sign."""

    seconds: float
    signal: CallSignal
    ending: Ending | None = None


def _ended(seconds: float, by: EndedBy, cause: Cause, *, q850: int, sip: int | None = None) -> _Step:
    return _Step(seconds, CallSignal.ENDED, Ending(by=by, cause=cause, q850=q850, sip=sip))


_AGENT = (
    _Step(0.02, CallSignal.AGENT_RINGING),
    _Step(0.08, CallSignal.AGENT_ANSWERED),
    _Step(0.01, CallSignal.DIALING),
)
_RINGING = (*_AGENT, _Step(0.05, CallSignal.RINGING))
_ANSWERED = (*_RINGING, _Step(0.15, CallSignal.CONNECTED))
_NETWORK, _CUSTOMER = EndedBy.NETWORK, EndedBy.CUSTOMER
_SCRIPTS: dict[int, tuple[_Step, ...]] = {
    1: (*_AGENT, _ended(0.1, _CUSTOMER, Cause.BUSY, q850=17, sip=486)),
    2: (*_RINGING, _ended(1.0, _CUSTOMER, Cause.NO_ANSWER, q850=19)),
    3: (*_AGENT, _ended(0.1, _CUSTOMER, Cause.REJECTED, q850=21, sip=603)),
    4: (*_AGENT, _ended(0.1, _NETWORK, Cause.INVALID_NUMBER, q850=1, sip=404)),
    5: (*_AGENT, _ended(0.1, _NETWORK, Cause.CONGESTION, q850=34, sip=503)),
    6: (*_ANSWERED, _ended(1.0, _CUSTOMER, Cause.NORMAL, q850=16)),
    7: (*_AGENT, _Step(0.05, CallSignal.PROGRESS), _Step(0.05, CallSignal.RINGING), _Step(0.15, CallSignal.CONNECTED)),
    8: (_AGENT[0], _ended(1.0, EndedBy.AGENT, Cause.NO_ANSWER, q850=19)),
}
_SILENT, _TWICE, _REFUSED = 9, 10, 11


class SimulatorEngine:
    """Plays a script a call. `speed` 2.0 is twice as fast; `seed` decides how events are mixed up."""

    name = "Simulator"
    actions = frozenset({Action.DISCONNECT, Action.HOLD, Action.RESUME, Action.SEND_DTMF, Action.MUTE})

    def __init__(self, *, speed: float = 1.0, seed: int = 0, request_timeout: float = 5.0) -> None:
        """`request_timeout` is how long an answer is waited for, in seconds; `speed` shortens it too."""
        self._speed = speed
        self._random = random.Random(seed)  # noqa: S311 - it mixes up events, it protects nothing
        self._request_timeout = request_timeout
        self._reports: asyncio.Queue[Report | Reconnected] = asyncio.Queue(_MAX_REPORTS)
        self._calls: dict[str, asyncio.TimerHandle | None] = {}
        """By id, what happens next; None for a call that stays until somebody hangs up."""
        self._ended: FIFOCache[str, None] = FIFOCache(_MAX_ENDED)
        self._connected: set[str] = set()
        self._held: set[str] = set()

    @property
    def ready(self) -> bool:
        """It is always there."""
        return True

    async def __aenter__(self) -> SimulatorEngine:
        self._put(Reconnected())
        return self

    async def __aexit__(self, *exception: object) -> None:
        for call_id in list(self._calls):
            self._stop(call_id)

    async def originate(self, order: Originate, journalled: Awaitable[object] | None = None) -> None:
        """Take the call and play the number's script."""
        if journalled is not None:
            await journalled
        scripted = _SCRIPTED.fullmatch(order.number.e164)
        which = int(scripted[1]) if scripted else 0
        if which == _REFUSED:
            raise EngineRefused("the simulator refuses this number")
        if which == _SILENT:
            await self._pause(self._request_timeout)
            raise EngineSilent("the simulator gives no answer for this number")
        if order.call_id in self._ended:
            raise EngineRefused("the call has been placed already, and has ended")
        if order.call_id in self._calls:
            return
        steps = _SCRIPTS.get(which, _ANSWERED)
        if which == _TWICE:
            steps = self._mixed_up(steps)
        self._play(order.call_id, steps)

    async def hang_up(self, call_id: str) -> bool:
        """End the call on the agent's wish."""
        if call_id not in self._calls:
            return False
        cause = Cause.NORMAL if call_id in self._connected else Cause.CANCELLED
        self._end(call_id, Ending(by=EndedBy.AGENT, cause=cause, q850=16))
        return True

    async def hold(self, call_id: str) -> None:
        """Put the customer on hold."""
        self._need(call_id)
        self._held.add(call_id)
        self._report(call_id, CallSignal.HELD)

    async def resume(self, call_id: str) -> None:
        """End the hold."""
        self._need(call_id)
        self._held.discard(call_id)
        self._report(call_id, CallSignal.RESUMED)

    async def send_dtmf(self, call_id: str, digits: str) -> None:
        """Take the digits; nobody listens."""
        self._need(call_id)

    async def mute(self, call_id: str, *, muted: bool) -> None:
        """Take the wish; nobody listens."""
        self._need(call_id, connected=False)

    async def adopt(self, orders: Collection[Originate]) -> frozenset[str]:
        """The calls that are being played. Nothing survives the process."""
        return frozenset(order.call_id for order in orders if order.call_id in self._calls)

    async def reports(self) -> AsyncIterator[Report | Reconnected | Orphan]:
        """The course of the calls. Nothing survives the process, so there are no orphans."""
        while True:
            yield await self._reports.get()

    async def health(self) -> Health:
        """It is always well."""
        return Health(ok=True, detail="simulator: no real call is made")

    def _play(self, call_id: str, steps: tuple[_Step, ...]) -> None:
        """Go on with a call: a timer a step, which costs less than a task a call."""
        later = None
        if steps:
            later = asyncio.get_running_loop().call_later(steps[0].seconds / self._speed, self._take, call_id, steps)
        self._calls[call_id] = later

    def _take(self, call_id: str, steps: tuple[_Step, ...]) -> None:
        step, *rest = steps
        if step.signal is CallSignal.ENDED:
            self._end(call_id, step.ending)
            return
        if step.signal is CallSignal.CONNECTED:
            self._connected.add(call_id)
        self._report(call_id, step.signal)
        self._play(call_id, tuple(rest))

    def _stop(self, call_id: str) -> None:
        later = self._calls.pop(call_id, None)
        if later is not None:
            later.cancel()

    def _mixed_up(self, steps: tuple[_Step, ...]) -> tuple[_Step, ...]:
        """Every step twice, in an order of chance; the answer of the customer is not the first to come."""
        twice = [*steps[1:], *steps]
        self._random.shuffle(twice)
        return (steps[0], *twice)

    def _end(self, call_id: str, ending: Ending | None) -> None:
        self._stop(call_id)
        self._ended[call_id] = None
        self._connected.discard(call_id)
        self._held.discard(call_id)
        self._report(call_id, CallSignal.ENDED, ending)

    def _need(self, call_id: str, *, connected: bool = True) -> None:
        if call_id not in (self._connected if connected else self._calls):
            raise EngineRefused("the simulator has no such call, or it is not connected")

    def _report(self, call_id: str, signal: CallSignal, ending: Ending | None = None) -> None:
        self._put(Report(call_id=call_id, signal=signal, at=datetime.now(UTC), ending=ending))

    def _put(self, report: Report | Reconnected) -> None:
        try:
            self._reports.put_nowait(report)
        except asyncio.QueueFull:
            log.exception("a report was lost, nobody reads them fast enough")

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


_FITS: type[Engine] = SimulatorEngine
