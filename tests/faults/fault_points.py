"""The fault points of the service's test build: its ports, wrapped so that it can die at a named step of a press."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Collection, Generator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from manualdial.calls import Call, CallState, Change
from manualdial.ports import Engine, Originate, Store

BEFORE_JOURNAL: Final = "the press is not in the journal yet"
JOURNALLED: Final = "the press is in the journal, nobody was told"
AGENT_LEG_MADE: Final = "the agent's leg is made"
AGENT_LEG_DUE: Final = "the agent's leg is made and the press journalled, nothing is dialled"
ENGINE_TOOK_IT: Final = "the engine said yes, the reply is not sent"
COMPARING: Final = "journal and engine are about to be compared"
COMPARED: Final = "journal and engine were compared, nothing is done about it"
LOGIN_DUE: Final = "a login or a chosen state is about to be written"


def state_due(state: CallState) -> str:
    """The step at which the change to a state is about to be written and told."""
    return f"the state {state.value} is about to be written"


STEPS: Final = (
    BEFORE_JOURNAL,
    JOURNALLED,
    AGENT_LEG_MADE,
    AGENT_LEG_DUE,
    ENGINE_TOOK_IT,
    *map(state_due, (state for state in CallState if state is not CallState.REQUESTED)),
    COMPARING,
    COMPARED,
    LOGIN_DUE,
)
"""Every step at which the service can be made to die."""


class FaultPoints:
    """Ends this process, as `kill -9` does, when it comes to the step that the driver has named."""

    def __init__(self) -> None:
        self._step: str | None = None
        self._left = 0

    def arm(self, step: str | None, *, after: int = 1) -> None:
        """Die when `step` is reached for the `after`th time from now; None: live on."""
        self._step, self._left = step, after

    def reach(self, step: str) -> None:
        """This step is reached."""
        if step == self._step:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


class SteppedClock:
    """The machine's time, and what the driver has set the wall clock forward or back by."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """The wall clock, UTC."""
        return datetime.now(UTC) + self.offset

    def monotonic(self) -> float:
        """Seconds since some moment: nobody can set these."""
        return time.monotonic()


class FragileStore:
    """The store, and the steps around what a press writes; all the rest is the store's."""

    def __init__(self, store: Store, points: FaultPoints) -> None:
        self._store = store
        self._points = points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def __aenter__(self) -> FragileStore:
        await self._store.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._store.__aexit__(*exception)

    async def record_press(self, call: Call, **more: Any) -> None:
        """Write a press."""
        self._points.reach(BEFORE_JOURNAL)
        await self._store.record_press(call, **more)
        self._points.reach(JOURNALLED)

    def record_change(self, change: Change) -> None:
        """Put a change in the queue."""
        self._points.reach(state_due(change.call.state))
        self._store.record_change(change)

    def record_login(self, session: Any) -> None:
        """Put a login in the queue."""
        self._points.reach(LOGIN_DUE)
        self._store.record_login(session)


class FragileEngine:
    """The engine, and the steps of placing a call and of finding calls again; all the rest is the engine's."""

    def __init__(self, engine: Engine, points: FaultPoints) -> None:
        self._engine = engine
        self._points = points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def __aenter__(self) -> FragileEngine:
        await self._engine.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._engine.__aexit__(*exception)

    async def originate(self, order: Originate, journalled: Awaitable[object] | None = None) -> None:
        """Place a call."""
        await self._engine.originate(order, None if journalled is None else _Watched(journalled, self._points))
        self._points.reach(ENGINE_TOOK_IT)

    async def adopt(self, orders: Collection[Originate]) -> frozenset[str]:
        """Find calls again."""
        self._points.reach(COMPARING)
        found = await self._engine.adopt(orders)
        self._points.reach(COMPARED)
        return found


class _Watched:
    """The journal's answer, which the engine waits for between making the agent's leg and dialling it."""

    def __init__(self, journalled: Awaitable[object], points: FaultPoints) -> None:
        self._journalled = journalled
        self._points = points

    def __await__(self) -> Generator[Any, None, object]:
        self._points.reach(AGENT_LEG_MADE)
        answer = yield from asyncio.ensure_future(self._journalled).__await__()
        self._points.reach(AGENT_LEG_DUE)
        return answer
