"""Asterisk by ARI: the engine's port, on an event socket that is opened again whenever it is lost."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Collection
from contextlib import asynccontextmanager
from typing import Final

import structlog

from manualdial.calls import Action, CallSignal, Report
from manualdial.engines.asterisk.ari import PROBLEMS, Ari, Event
from manualdial.engines.asterisk.call_controller import CallController
from manualdial.engines.asterisk.call_steps import CallSteps
from manualdial.engines.asterisk.comparison import Comparison
from manualdial.engines.asterisk.dial_strings import DialStrings
from manualdial.engines.asterisk.in_flight import CallsInFlight, Move, Phase, TrackedCall
from manualdial.engines.asterisk.orphans import Orphans
from manualdial.engines.asterisk.reports import Reports
from manualdial.ports import (
    Clock,
    Engine,
    EngineRefused,
    EngineSilent,
    EngineUnavailable,
    Health,
    Originate,
    Orphan,
    Reconnected,
)
from manualdial.tasks import Tasks, repeat

log = structlog.get_logger(__name__)

_DIGITS: Final = re.compile(r"[0-9*#A-D]{1,64}")
_WAITING_REPORTS: Final = 10_000
_HEALTH_LIMIT: Final = 0.9
_HEARTBEAT: Final = 10.0


class AsteriskEngine:
    """Places calls through one Asterisk, as the one user of an ARI application.

    `agent_endpoint` and `trunk_endpoint` are dial strings, see `DialStrings`. Times are in seconds; `agent_timeout` and
    `customer_timeout` limit the ringing, `request_timeout` a request to Asterisk, `reconnect_first` and
    `reconnect_most` bound the pause before the event socket is opened again. Where another program takes the
    application over, it is left alone for `replaced_pause`. `connections` bounds those for requests over HTTP;
    `requests_on_socket` saves most of them where Asterisk is new enough, which is found out. `look_every` is how often
    it is looked for what is late; Asterisk ends a leg, and says so, within milliseconds, and is asked again after
    `hang_up_every`; a phone rings within one or two seconds, and an adopted leg has `ring_delay`; `event_delay` is how
    long an event may come after the look that shows its cause.
    """

    name = "Asterisk"
    actions = frozenset({Action.DISCONNECT, Action.HOLD, Action.RESUME, Action.SEND_DTMF, Action.MUTE})

    def __init__(
        self,
        *,
        url: str,
        user: str,
        password: str,
        application: str,
        agent_endpoint: str,
        trunk_endpoint: str,
        clock: Clock,
        caller_id: str | None = None,
        agent_timeout: int = 20,
        customer_timeout: int = 45,
        extension_pause: float = 1.0,
        request_timeout: float = 5.0,
        reconnect_first: float = 0.1,
        reconnect_most: float = 5.0,
        replaced_pause: float = 60.0,
        connections: int = 20,
        requests_on_socket: bool = True,
        look_every: float = 1.0,
        hang_up_every: float = 3.0,
        ring_delay: float = 5.0,
        event_delay: float = 0.5,
    ) -> None:
        self._dial_strings = DialStrings(
            agent_endpoint=agent_endpoint, trunk_endpoint=trunk_endpoint, caller_id=caller_id
        )
        self._clock = clock
        self._request_timeout = request_timeout
        self._reconnect_first = reconnect_first
        self._reconnect_most = reconnect_most
        self._replaced_pause = replaced_pause
        self._look_every = look_every
        self._ari = Ari(
            url=url,
            user=user,
            password=password,
            application=application,
            request_timeout=request_timeout,
            connections=connections,
            requests_on_socket=requests_on_socket,
        )
        self._reports = Reports(limit=_WAITING_REPORTS)
        # Without its tasks nothing more is reported, and who reads learns that.
        self._work = Tasks(on_death=self._reports.close)
        self._in_flight = CallsInFlight()
        self._orphans = Orphans(ari=self._ari, in_flight=self._in_flight, reports=self._reports, tasks=self._work)
        self._steps = CallSteps(
            ari=self._ari,
            dial_strings=self._dial_strings,
            clock=clock,
            request_timeout=request_timeout,
            agent_timeout=agent_timeout,
            customer_timeout=customer_timeout,
            extension_pause=extension_pause,
        )
        self._controller = CallController(
            ari=self._ari,
            steps=self._steps,
            in_flight=self._in_flight,
            orphans=self._orphans,
            clock=clock,
            reports=self._reports,
            tasks=self._work,
            hang_up_every=hang_up_every,
        )
        self._comparison = Comparison(
            ari=self._ari,
            steps=self._steps,
            controller=self._controller,
            in_flight=self._in_flight,
            orphans=self._orphans,
            reports=self._reports,
            clock=clock,
            event_delay=event_delay,
            ring_delay=ring_delay,
        )
        self._is_open = False
        self._trouble = "it was not reached yet"

    @property
    def ready(self) -> bool:
        """Whether the event socket is open."""
        return self._is_open

    async def __aenter__(self) -> AsteriskEngine:
        await self._ari.open()
        self._work.keep(self._keep_listening(), name="the listener to Asterisk")
        # What no event tells: what is overdue, what a request left in doubt, what could not be done yet.
        look = repeat(self._look, every=self._look_every, failing="the engine failed at its look for what is late")
        self._work.keep(look, name="the look for what is late in Asterisk")
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._is_open = False
        self._trouble = "the engine is closed"
        await self._work.close()
        await self._ari.close()
        self._reports.close()

    async def originate(self, order: Originate, journalled: Awaitable[object] | None = None) -> None:
        """See the port. Without an open event socket Asterisk would take the order and drop the call in silence."""
        self._dial_strings.check(order)
        self._check_open()
        call = self._in_flight.get(order.call_id)
        if self._in_flight.has_ended(order.call_id) or (call is not None and call.ending is not None):
            raise EngineRefused("the call has been placed already, and has ended")
        if call is None:
            await self._controller.place(order, journalled)
        elif call.phase is Phase.GIVEN_UP:
            raise EngineSilent("the call was ordered before, and is being given up")

    async def hang_up(self, call_id: str) -> bool:
        """See the port."""
        try:
            async with asyncio.timeout(self._request_timeout):
                return await self._controller.hang_up(call_id)
        except (EngineRefused, TimeoutError) as problem:
            raise EngineSilent("Asterisk did not say whether it hung up") from problem

    async def hold(self, call_id: str) -> None:
        """See the port."""
        call = self._connected(call_id)
        async with self._control(call):
            if call.phase is not Phase.HELD:
                await self._steps.part(call)
                if call.moves(Move.HOLD):
                    self._controller.report(call, CallSignal.HELD)

    async def resume(self, call_id: str) -> None:
        """See the port."""
        call = self._connected(call_id)
        async with self._control(call):
            if call.phase is Phase.HELD:
                await self._steps.rejoin(call)
                if call.moves(Move.RESUME):
                    self._controller.report(call, CallSignal.RESUMED)

    async def send_dtmf(self, call_id: str, digits: str) -> None:
        """See the port."""
        if not _DIGITS.fullmatch(digits):
            raise EngineRefused("these are no digits")
        call = self._connected(call_id)
        async with self._control(call):
            await self._ari.send_dtmf(call.customer.id, digits)

    async def mute(self, call_id: str, *, muted: bool) -> None:
        """See the port. What the agent says is dropped as it comes in."""
        call = self._in_flight.get(call_id)
        if call is None or not call.agent.up or call.ending is not None:
            raise EngineRefused("the agent is in no such call")
        async with self._control(call):
            await self._ari.mute(call.agent.id, muted=muted)

    async def adopt(self, orders: Collection[Originate]) -> frozenset[str]:
        """See the port."""
        self._check_open()
        try:
            return await self._comparison.adopt(orders)
        except EngineRefused as problem:
            raise EngineUnavailable("Asterisk does not show its calls") from problem

    async def reports(self) -> AsyncIterator[Report | Reconnected | Orphan]:
        """See the port."""
        async for report in self._reports.read():
            if isinstance(report, Reconnected):
                # Only now: an `adopt` from before this was read may name fewer than all live calls.
                self._orphans.gap_told()
            yield report

    async def health(self) -> Health:
        """See the port."""
        if not self._is_open:
            return Health(ok=False, detail=f"Asterisk sends no events: {self._trouble}")
        try:
            async with asyncio.timeout(_HEALTH_LIMIT):
                await self._ari.ping()
        except (*PROBLEMS, TimeoutError):
            return Health(ok=False, detail="Asterisk does not answer")
        return Health(ok=True)

    def _check_open(self) -> None:
        if not self.ready:
            raise EngineUnavailable(f"Asterisk sends no events: {self._trouble}")

    def _connected(self, call_id: str) -> TrackedCall:
        call = self._in_flight.get(call_id)
        if call is None or not call.is_connected or call.ending is not None:
            raise EngineRefused("the customer is in no such call")
        return call

    @asynccontextmanager
    async def _control(self, call: TrackedCall) -> AsyncIterator[None]:
        """One control request of a call at a time, within a limit. One that fails leaves the call in doubt."""
        was_done = False
        try:
            async with asyncio.timeout(self._request_timeout), call.control:
                if call.ending is not None:
                    raise EngineRefused("the call has ended")
                yield
                was_done = True
        except (EngineSilent, TimeoutError) as problem:
            raise EngineSilent("Asterisk did not say whether it did that") from problem
        finally:
            call.doubtful = call.doubtful or not was_done
            self._controller.touch(call)

    # ── the event socket ──

    async def _keep_listening(self) -> None:
        failures = 0
        while True:
            opened_at = self._clock.monotonic()
            pause = 0.0
            try:
                if await self._listen():
                    pause = self._replaced_pause
                    self._trouble = "another program has taken over the application"
                else:
                    self._trouble = "the event socket was lost"
            except PROBLEMS as problem:
                self._trouble = str(problem)
            except Exception:  # without this loop no call would ever end
                self._trouble = "the engine itself failed"
                log.exception("the engine failed at its event socket")
            finally:
                self._is_open = False
            if self._clock.monotonic() - opened_at > self._reconnect_most:
                failures = 0
            pause = pause or min(self._reconnect_most, self._reconnect_first * 2**failures)
            failures = min(failures + 1, 30)
            log.warning("the event socket is closed", reason=self._trouble, pause=pause)
            # Not all at once, where several had lost it at once.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # spreads load, protects nothing

    async def _listen(self) -> bool:
        """Take in events until the socket ends. True where another program took the application over."""
        async with self._ari.events(heartbeat=_HEARTBEAT) as events:
            try:
                await self._ari.filter_events()
            except EngineRefused:
                log.info("Asterisk does not filter its events")  # only slower
            await self._comparison.after_gap()
            self._is_open = True
            log.info("the event socket is open")
            self._orphans.gap()
            self._reports.put(Reconnected())
            async for event in events:
                if event.type == "ApplicationReplaced":
                    return True
                self._take_in(event)
                await self._reports.room()
        return False

    def _take_in(self, event: Event) -> None:
        try:
            self._controller.on_event(event)
        except Exception:  # one event must not end the reports of all calls
            log.exception("an event of Asterisk could not be handled", type=event.type)

    async def _look(self) -> None:
        if self._controller.see_to_what_is_late() and self._is_open:
            await self._comparison.of_doubtful()
        if self._is_open:
            await self._orphans.take_away()


_FITS: type[Engine] = AsteriskEngine
