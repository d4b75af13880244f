"""Orphans: legs and bridges in Asterisk of calls that are over, and of calls that no journal knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Final

import structlog

from manualdial.calls import Leg
from manualdial.engines.asterisk.ari import PROBLEMS, Ari, Snapshot
from manualdial.engines.asterisk.in_flight import CallsInFlight, call_of, is_call_id, leg_of
from manualdial.engines.asterisk.reports import Reports
from manualdial.ports import EngineRefused, Orphan
from manualdial.tasks import Tasks

log = structlog.get_logger(__name__)

_LEGS: Final = {Leg.AGENT: "agent's leg", Leg.CUSTOMER: "customer's leg"}
_BRIDGE: Final = "bridge"


class Orphans:
    """Takes them away, and goes on trying until Asterisk has done it.

    What no journal knows is told as Orphan. That can only be said once the journal was asked: after each gap in the
    events, an `adopt` that names every live call. A channel that enters before that waits for it.
    """

    def __init__(self, *, ari: Ari, in_flight: CallsInFlight, reports: Reports, tasks: Tasks) -> None:
        self._ari = ari
        self._in_flight = in_flight
        self._reports = reports
        self._tasks = tasks
        self._to_take_away: dict[str, Callable[[str], Awaitable[bool]]] = {}
        self._asked: set[str] = set()
        self._again: set[str] = set()
        """Came up once more while Asterisk was asked to take them away."""
        self._gaps = 0
        self.gaps_told = 0
        """How many gaps the reader of the reports knows of; see `compare`."""
        self._gaps_compared = 0
        self._newcomers: set[str] = set()

    # ── gaps ──

    def gap(self) -> None:
        """Events were lost: what no journal knows is not known until the journal is asked."""
        self._gaps += 1

    def gap_told(self) -> None:
        """The reader of the reports has been told of one more gap; the `adopt` that comes next names every call."""
        self.gaps_told += 1

    # ── what is found ──

    def entered(self, channel_id: str) -> None:
        """A channel has come that is no leg of a call in flight: made by somebody who gave up before the dial."""
        call_id = call_of(channel_id)
        if call_id is None:
            return
        if self._in_flight.is_over(call_id):
            self._take_away(channel_id, self._ari.hang_up)
        elif self._gaps_compared < self._gaps:
            self._newcomers.add(channel_id)
        else:
            self._tell_unknown(call_id, _LEGS[leg_of(channel_id)])
            self._take_away(channel_id, self._ari.hang_up)

    def compare(self, snapshot: Snapshot, *, named: Collection[str], gaps_told: int) -> None:
        """Find orphans. `named` are the calls of the journal that were asked for.

        `gaps_told` is from before the asking: where it has grown since the last comparison, they are all live calls.
        """
        all_are_named = gaps_told > self._gaps_compared
        channels = [*snapshot.channels]
        if all_are_named:
            self._gaps_compared = gaps_told
            channels = [*dict.fromkeys((*channels, *self._newcomers))]
            self._newcomers.clear()
        for channel_id in channels:
            call_id = call_of(channel_id)
            if call_id is not None and self._is_orphan(call_id, _LEGS[leg_of(channel_id)], named, all_are_named):
                self._take_away(channel_id, self._ari.hang_up)
        for bridge_id in snapshot.bridges:
            if is_call_id(bridge_id) and self._is_orphan(bridge_id, _BRIDGE, named, all_are_named):
                self.take_bridge_away(bridge_id)

    def _is_orphan(self, call_id: str, what: str, named: Collection[str], all_are_named: bool) -> bool:
        if self._in_flight.get(call_id) is not None:
            return False
        if call_id in named or self._in_flight.is_over(call_id):
            return True
        if all_are_named:
            self._tell_unknown(call_id, what)
        return all_are_named

    def _tell_unknown(self, call_id: str, what: str) -> None:
        log.warning("an orphan was found: the journal does not have its call", call_id=call_id, what=what)
        self._reports.put(Orphan(call_id=call_id, what=what))

    # ── what is done ──

    def take_bridge_away(self, call_id: str) -> None:
        """Destroy the bridge of a call that is over."""
        self._take_away(call_id, self._ari.destroy_bridge)

    async def take_away(self) -> None:
        """Try again what could not be done yet; stop where Asterisk does not answer."""
        for thing in [*self._to_take_away]:
            if not await self._ask_for(thing):
                return

    def _take_away(self, thing: str, request: Callable[[str], Awaitable[bool]]) -> None:
        if thing in self._asked:
            self._again.add(thing)
        elif thing not in self._to_take_away:
            self._to_take_away[thing] = request
            self._tasks.start(self._try(thing))

    async def _try(self, thing: str) -> None:
        await self._ask_for(thing)

    async def _ask_for(self, thing: str) -> bool:
        """False where Asterisk does not answer."""
        request = self._to_take_away.get(thing)
        if request is None or thing in self._asked:
            return True
        self._asked.add(thing)
        try:
            await request(thing)
            if thing not in self._again:
                self._to_take_away.pop(thing, None)
        except PROBLEMS as problem:
            log.info("an orphan could not be taken away yet", call_id=call_of(thing) or thing, reason=str(problem))
            return isinstance(problem, EngineRefused)
        finally:
            self._asked.discard(thing)
            self._again.discard(thing)
        return True
