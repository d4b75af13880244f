"""Agent logins: open, join, grace, close; who may dial now (contract §4).

A login belongs to the agent, not to a connection. It ends by Logout, by an administrator, or when no connection of the
agent has been there for the grace time and no call is live. It is stored, and goes on when the service starts again.
What is stored is what the agent chose; Busy and After Call Work follow from the agent's calls.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import msgspec
import structlog

from manualdial.agents import AFTER_CALL_WORK, BUSY, AgentSession, AgentState
from manualdial.bus.bus import Bus, Scope
from manualdial.callers import Caller
from manualdial.errors import AgentNotLoggedIn
from manualdial.live.live_calls import LiveCalls
from manualdial.ports import Clock, Store, StoreUnavailable
from manualdial.wire import views
from manualdial.wire.addresses import LOGOUT_SUCCESS, SET_AGENT_STATE, Publication
from manualdial.wire.envelope import reply

log = structlog.get_logger(__name__)


class Sessions:
    """The agents who are logged in."""

    def __init__(
        self,
        *,
        bus: Bus,
        store: Store,
        live_calls: LiveCalls,
        clock: Clock,
        connectors: Sequence[str],
        grace: float,
        store_timeout: float,
    ) -> None:
        """`connectors`: the channels that a login may be on; the first stands for one that is there no more.

        In seconds: the grace time, and how long a request waits until its login is on disk.
        """
        self._connectors = connectors
        self._bus = bus
        self._store = store
        self._store_timeout = store_timeout
        self._live_calls = live_calls
        self._clock = clock
        self._grace = grace
        self._sessions: dict[str, AgentSession] = {}
        self._connections: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._pressing: Counter[str] = Counter()
        self.before_end: Callable[[str], None] = lambda _agent_id: None
        """Called with the agent's id before a login ends: the place to end what the agent has left open."""

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def default_connector(self) -> str:
        """The channel for an agent who is not logged in."""
        return self._connectors[0]

    def get(self, agent_id: str) -> AgentSession | None:
        """The agent's login, if there is one."""
        return self._sessions.get(agent_id)

    def require(self, agent_id: str) -> AgentSession:
        """The agent's login. Raises AgentNotLoggedIn."""
        session = self._sessions.get(agent_id)
        if session is None:
            raise AgentNotLoggedIn("the agent is not logged in")
        return session

    def open(self, caller: Caller, *, connector: str, extension: str, region: str) -> None:
        """Log the agent in, or join the login that is open."""
        session = self._sessions.get(caller.user_id)
        if session is None:
            now = self._clock.now()
            session = AgentSession(
                agent_id=caller.user_id,
                tenant_id=caller.tenant_id,
                login_name=caller.login_name,
                name=caller.name,
                connector=connector,
                extension=extension,
                region=region,
                chosen_at=now,
                since=now,
            )
            session = self._as_calls_have_it(session, at=now)  # a call may have outlived the login it was made in
            self._sessions[caller.user_id] = session
            self._store.record_login(session)
        self._expect_connection(caller.user_id)

    async def load(self) -> None:
        """At start, after the calls: the logins of an earlier life go on; the grace time of each begins."""
        for session in await self._store.logins():
            if session.connector not in self._connectors:
                session = msgspec.structs.replace(session, connector=self.default_connector)
            call = self._live_calls.of_agent(session.agent_id)
            at = session.since if call is None else call.requested_at if call.is_live else call.at
            self._sessions[session.agent_id] = self._as_calls_have_it(session, at=at)
            self._expect_connection(session.agent_id)

    async def written(self) -> None:
        """Wait until the logins are on disk as they are now, within a limit. What is not is written when it can be."""
        try:
            async with asyncio.timeout(self._store_timeout):
                await self._store.flush()
        except (StoreUnavailable, TimeoutError):
            log.warning("a login is not on disk yet", agents=len(self._sessions))

    def end(self, agent_id: str) -> AgentSession:
        """End the login. Raises AgentNotLoggedIn where there is none."""
        self.require(agent_id)
        self.before_end(agent_id)
        self._stop_timer(agent_id)
        self._store.record_logout(agent_id)
        return self._sessions.pop(agent_id)

    def connected(self, agent_id: str) -> None:
        """A connection of the agent has come."""
        self._connections[agent_id] = self._connections.get(agent_id, 0) + 1
        self._stop_timer(agent_id)

    def disconnected(self, agent_id: str) -> None:
        """A connection of the agent has gone."""
        left = self._connections.get(agent_id, 0) - 1
        if left > 0:
            self._connections[agent_id] = left
            return
        self._connections.pop(agent_id, None)
        self._expect_connection(agent_id)

    @contextmanager
    def pressing(self, agent_id: str) -> Iterator[None]:
        """A call of the agent is being made for the length of the block: the login does not end under it."""
        self._pressing[agent_id] += 1
        try:
            yield
        finally:
            self._pressing[agent_id] -= 1
            if not self._pressing[agent_id]:
                del self._pressing[agent_id]
            self._expect_connection(agent_id)

    def is_in_call(self, agent_id: str) -> bool:
        """Whether the agent has a live call, or one that is being made."""
        return agent_id in self._pressing or any(call.is_live for call in self._live_calls.all_of_agent(agent_id))

    def choose_state(self, agent_id: str, state: AgentState) -> None:
        """The agent chooses a state. During a call and its wrap-up it is the state that follows them."""
        session = self.require(agent_id)
        if session.chosen != state:
            now = self._clock.now()
            session = msgspec.structs.replace(session, chosen=state, chosen_at=now)
            if self._state_by_calls(agent_id) is None:
                session = msgspec.structs.replace(session, state=state, since=now)
            self._keep(session)

    def set_muted(self, agent_id: str, *, muted: bool) -> None:
        """The agent's microphone is muted in the call, or again not."""
        session = self.require(agent_id)
        if session.state == BUSY:
            self._keep(msgspec.structs.replace(session, muted=muted))

    def follow_calls(self, agent_id: str) -> None:
        """The agent's calls have changed: Busy in a call, After Call Work in its wrap-up, else the chosen state.

        From wrap-up to the next call the agent goes straight to Busy, and is never free between.
        """
        session = self._sessions.get(agent_id)
        if session is None:
            return
        now = self._as_calls_have_it(session, at=self._clock.now())
        if now.state != session.state:
            self._sessions[agent_id] = now
            if now.muted != session.muted:
                self._store.record_login(now)
            message = views.set_agent_state(now, event=now.state.label, reason_code=None)
            self._publish(now, SET_AGENT_STATE, message)
        self._expect_connection(agent_id)  # where the grace time ran out during the call, nobody may ever come back

    def tell_logged_out(self, session: AgentSession) -> None:
        """Tell the agent's applications that the login has ended, where none of them asked for it."""
        self._publish(session, LOGOUT_SUCCESS, views.logged_out(session))

    def close(self) -> None:
        """Stop all timers."""
        for agent_id in list(self._timers):
            self._stop_timer(agent_id)

    def _as_calls_have_it(self, session: AgentSession, *, at: datetime) -> AgentSession:
        state = self._state_by_calls(session.agent_id) or session.chosen
        since = session.since if state == session.state else at
        return msgspec.structs.replace(session, state=state, since=since, muted=session.muted and state == BUSY)

    def _state_by_calls(self, agent_id: str) -> AgentState | None:
        calls = self._live_calls.all_of_agent(agent_id)
        if any(call.is_live for call in calls):
            return BUSY
        return AFTER_CALL_WORK if calls else None

    def _keep(self, session: AgentSession) -> None:
        self._sessions[session.agent_id] = session
        self._store.record_login(session)

    def _publish(self, session: AgentSession, publication: Publication, message: object) -> None:
        event = reply(publication.address.on(session.connector), message)
        self._bus.publish(Scope(session.tenant_id, session.agent_id), event)

    def _expect_connection(self, agent_id: str) -> None:
        """Start the grace time of a login that no connection keeps."""
        if agent_id not in self._sessions or self._connections.get(agent_id, 0) > 0:
            return
        self._stop_timer(agent_id)
        loop = asyncio.get_running_loop()
        self._timers[agent_id] = loop.call_later(self._grace, self._grace_is_over, agent_id)

    def _grace_is_over(self, agent_id: str) -> None:
        self._timers.pop(agent_id, None)
        if agent_id not in self._sessions or self.is_in_call(agent_id):
            return  # the end of the call, or of the press, starts the grace time again
        self.tell_logged_out(self.end(agent_id))
        log.info("login ended, no connection was left", agent=agent_id)

    def _stop_timer(self, agent_id: str) -> None:
        timer = self._timers.pop(agent_id, None)
        if timer is not None:
            timer.cancel()
