"""Which earlier press a press repeats: by its `requestId`, or without one within the guard time (contract §2)."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from manualdial.calls import Call
from manualdial.dialing.double_click_guard import DoubleClickGuard
from manualdial.dialing.press import Press
from manualdial.errors import RequestIdConflict
from manualdial.live.live_calls import LiveCalls
from manualdial.ports import Store

_MOST_IN_DOUBT = 10_000
"""Presses in doubt; where there are more the next press is refused, as one that was forgotten would be acknowledged."""


class Idempotency:
    """Memory first, the journal where memory cannot tell."""

    def __init__(self, *, store: Store, live_calls: LiveCalls, guard: DoubleClickGuard) -> None:
        self._store = store
        self._live_calls = live_calls
        self._guard = guard
        self._in_doubt: dict[str, Call] = {}

    def recall(self, press: Press) -> Call | None:
        """The earlier press as far as memory tells: in the guard time, or a live call's."""
        if press.request_id is None:
            return self._guard.recall(press.session.agent_id, press.question.number)
        call = self._live_calls.of_agent(press.session.agent_id)
        return call if call is not None and call.request_id == press.request_id else None

    async def find(self, press: Press) -> Call | None:
        """The earlier press of the same `requestId`, from the journal. Raises StoreUnavailable.

        A press that goes well never asks: the journal itself refuses a `requestId` that it has.
        """
        if press.request_id is None:
            return None
        call = await self._store.press(press.session.agent_id, press.request_id)
        if call is not None and not call.is_over and self._live_calls.get(call.id) is None:
            await self._store.flush()  # it has ended, and its last changes are still on their way to the disk
            call = await self._store.press(press.session.agent_id, press.request_id)
        return call

    def same(self, press: Press, earlier: Call) -> Call:
        """The earlier press as it is now. Raises RequestIdConflict where it had other data."""
        if press.request_id is not None and earlier.digest != press.digest:
            raise RequestIdConflict("the requestId names a press with other data")
        return self._live_calls.get(earlier.id) or earlier

    def was_called(self, call: Call) -> None:
        """The press was taken by the engine: without a `requestId` the guard time begins."""
        if call.request_id is None:
            self._guard.remember(call)

    def journal_was_silent(self, call: Call) -> None:
        """The journal may hold the press though it did not say so; the engine was not asked and nobody was told."""
        self._in_doubt[call.id] = call

    @property
    def is_full(self) -> bool:
        """Whether too many presses are in doubt already."""
        return len(self._in_doubt) >= _MOST_IN_DOUBT

    def is_in_doubt(self, call: Call) -> bool:
        """Whether the press is in the journal by an answer that was lost: nobody knows of it, nothing rings for it."""
        return call.id in self._in_doubt

    def in_doubt(self) -> tuple[Call, ...]:
        """All such presses, oldest first."""
        return tuple(self._in_doubt.values())

    async def take_back(self, call: Call) -> None:
        """Take such a press out of the journal: it was refused, so it is not remembered. Raises StoreUnavailable."""
        await self._store.retract_press(call)
        self._in_doubt.pop(call.id, None)


class AgentLocks:
    """One lock an agent, while somebody wants it: presses of one agent are handled one after the other."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, agent_id: str) -> asyncio.Lock:
        """The agent's lock: `async with` waits for it."""
        lock = self._locks.get(agent_id)
        if lock is None:
            lock = self._locks[agent_id] = asyncio.Lock()
        return lock
