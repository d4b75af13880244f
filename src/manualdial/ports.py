"""Everything that the core asks of the outside, as Protocols. The contract of each is in its docstrings.

Who waits, who limits: no method here has a time limit of its own unless it says so; the caller sets one.
Cancelling a call of a method leaves the outcome open; whoever cancels asks again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Collection, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from manualdial.agents import AgentSession, Caller, User
from manualdial.calls import Call, Change, Report
from manualdial.numbers import PhoneNumber


class Clock(Protocol):
    """The time, handed in so that a test can set it."""

    def now(self) -> datetime:
        """The wall clock, UTC, with a time zone."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...


class Health(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a dependency works, and if not, why, in words for an operator. No secret and no address in it."""

    ok: bool
    detail: str = ""


# ── telephony ───────────────────────────────────────────────────────────────────────────────────────────────────────


class EngineRefused(Exception):
    """The engine was asked and said no: nothing rings."""


class EngineUnavailable(Exception):
    """The engine cannot be asked now: nothing was sent, nothing rings."""


class EngineSilent(Exception):
    """The engine was asked and did not say: it may be ringing. It must be asked what it knows, never to dial again."""


class Originate(msgspec.Struct, frozen=True, kw_only=True):
    """The order to place one call: ring the agent, then the customer. It holds all that an engine must know."""

    call_id: str
    extension: str
    """The agent's phone."""
    number: PhoneNumber
    """The customer; `number.extension` is sent as DTMF after the answer."""
    caller_id: str | None = None
    """The number shown to the customer, in E.164."""

    @classmethod
    def of(cls, call: Call) -> Originate:
        """The order for a call."""
        return cls(call_id=call.id, extension=call.extension, number=call.number, caller_id=call.caller_id)


class Engine(Protocol):
    """A telephony engine. It rings the agent's phone first and the customer only after the agent has answered.

    The engine knows a call by our call id. It reports what happens by `reports`, in order for each call, and at most
    one ENDED for each call; the caller tolerates late and repeated reports. It calls nobody.
    An engine is an async context manager: entering starts its tasks and returns at once, also when the far end is not
    there (it goes on trying); leaving ends its tasks and leaves live calls up in the far end.
    """

    name: str
    """Its name, also the name of its connector: Simulator, Asterisk …"""

    @property
    def ready(self) -> bool:
        """Whether it can be asked to place a call now, as far as it knows without asking the far end.

        Looked at before a press is written into the journal: a press that finds the engine away is not remembered.
        """
        ...

    async def __aenter__(self) -> Engine: ...

    async def __aexit__(self, *exception: object) -> None: ...

    async def originate(self, order: Originate, journalled: Awaitable[object] | None = None) -> None:
        """Take the call: on return the agent's phone is being rung, or will be at once.

        Nothing rings before `journalled` is done (None: it is); what needs no ringing may be made ready meanwhile.
        Where `journalled` raises, everything is undone and the same exception is raised.
        The same call id again is refused or found, never dialled twice.
        Raises EngineRefused, EngineUnavailable, EngineSilent; no others. Limits its own wait by the time-out it was
        built with and then raises EngineSilent.
        """
        ...

    async def hang_up(self, call_id: str) -> bool:
        """End all legs of a call, on the agent's wish. ENDED is reported by the stream, `by` the agent.

        Returns False where the engine has no such call; then nothing is reported.
        Raises EngineUnavailable or EngineSilent. Safe to repeat.
        """
        ...

    async def hold(self, call_id: str) -> None:
        """The customer hears music, the agent does not hear the customer. HELD is reported by the stream.

        Raises EngineRefused (also for an unknown call), EngineUnavailable or EngineSilent.
        """
        ...

    async def resume(self, call_id: str) -> None:
        """End a hold. RESUMED is reported by the stream. Errors as `hold`."""
        ...

    async def send_dtmf(self, call_id: str, digits: str) -> None:
        """Send digits (0-9 * # A-D) to the customer. Returns when the engine has taken them. Errors as `hold`."""
        ...

    async def mute(self, call_id: str, *, muted: bool) -> None:
        """The customer hears the agent no more, or again. Nothing is reported. Errors as `hold`."""
        ...

    async def adopt(self, orders: Collection[Originate]) -> frozenset[str]:
        """Compare calls with what the far end has: take over those that were placed before and are still there.

        Returns the ids of the calls that the far end has; the others are gone. Of a call that the engine reports on
        already it is found out anew how it stands, and what was missed is reported. For a call that it takes over, it
        reports the state that the call is in. Nothing is ever dialled again; a step that was not taken yet is taken.
        The first `adopt` after each Reconnected names every live call: calls of ours that are in none of its orders,
        and that the engine does not know, are hung up, and told as Stray.
        Raises EngineUnavailable or EngineSilent: then nothing is known of any of them.
        """
        ...

    def reports(self) -> AsyncIterator[Report | Reconnected | Stray]:
        """What happens to calls, for as long as the engine runs. One reader.

        Reconnected comes after each gap in which reports may have been lost; the calls that the engine still knew of
        are settled by then (their ends reported), and the reader may ask by `adopt` for those that it alone knows.
        """
        ...

    async def health(self) -> Health:
        """Whether a call could be placed now. Does not raise; answers within a second or says that it could not."""
        ...


class Reconnected(msgspec.Struct, frozen=True):
    """The engine was out of reach and is back (or was reached for the first time)."""


class Stray(msgspec.Struct, frozen=True, kw_only=True):
    """The far end had something of a call of ours that the journal does not have; the engine takes it away."""

    call_id: str
    what: str
    """Which part of the call it was, in the engine's words: its agent's leg, its bridge …"""


# ── storage ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class StoreUnavailable(Exception):
    """The database did not do it: not there, locked, full, read-only.

    Nothing was written, unless the connection was lost, or the wait given up, during the commit.
    """


class RequestIdTaken(Exception):
    """The agent's `requestId` is in the journal already; `call` is the press that has it."""

    def __init__(self, call: Call) -> None:
        super().__init__("the requestId is in the journal already")
        self.call = call


class LoginNameTaken(Exception):
    """A user of this login name exists already."""


class StoredChange(msgspec.Struct, frozen=True, kw_only=True):
    """A line in the history of a call, as stored."""

    step: int
    state: str
    leg: str
    event: str
    at: datetime


class Store(Protocol):
    """What must survive: users, agents' logins, calls, and every state of each call.

    An async context manager: entering brings the schema up to date, leaving writes what is still pending (within a
    limit that it was built with). Every method raises StoreUnavailable where the database fails.
    """

    async def __aenter__(self) -> Store: ...

    async def __aexit__(self, *exception: object) -> None: ...

    async def add_user(self, user: User) -> None:
        """Add a user, and the tenant if it is new. Raises LoginNameTaken."""
        ...

    async def set_password(self, user_id: str, password_hash: str) -> None:
        """Replace the password hash of a user."""
        ...

    async def user(self, user_id: str) -> User | None:
        """The user of this id."""
        ...

    async def user_by_login(self, login_name: str) -> User | None:
        """The user of this login name, whatever its case."""
        ...

    async def users(self) -> Sequence[User]:
        """All users, by tenant and login name."""
        ...

    async def record_press(self, call: Call) -> None:
        """Write a new call, and its first state, into the journal. On return it is committed to disk.

        Presses that come together share commits. Of any number of concurrent calls with the same agent and
        `requestId` exactly one returns; the others raise RequestIdTaken with the winner's call as stored.
        """
        ...

    @property
    def commits(self) -> int:
        """How many transactions the journal's writer has committed since the store was made."""
        ...

    async def retract_press(self, call: Call) -> None:
        """Take back a press whose `record_press` failed, so that nobody knows whether it is written.

        On return it is not in the journal, and what became of that attempt does not bring it back.
        Only for a call of which the engine was asked nothing.
        """
        ...

    async def press(self, agent_id: str, request_id: str) -> Call | None:
        """The call that an agent's `requestId` names, until it is forgotten."""
        ...

    async def forget_presses(self, *, before: datetime, limit: int) -> int:
        """Free the `requestId`s of ended calls that were requested before that moment, oldest first, at most `limit`.

        Returns how many. The calls and their history stay; a press of a `requestId` that is free is a new one.
        """
        ...

    async def remove_calls(self, *, before: datetime, limit: int) -> int:
        """Remove ended calls, with their history, that were requested before that moment, oldest first.

        At most `limit`; returns how many.
        """
        ...

    def record_change(self, change: Change) -> None:
        """Put a change in the queue to be written; in the order of the calls of this method. Does not wait.

        What cannot be written now is tried again until it is written or the store closes.
        """
        ...

    def record_login(self, session: AgentSession) -> None:
        """Put an agent's login, as it is now, in the queue to be written; the newest of an agent counts.

        Written are who it is, connector, extension, region, the chosen state, and whether the agent is muted: what
        calls make of the state follows from the calls. Does not wait; is tried again as a change is.
        """
        ...

    def record_logout(self, agent_id: str) -> None:
        """Put the end of an agent's login in the queue to be written. Does not wait."""
        ...

    async def logins(self) -> Sequence[AgentSession]:
        """The logins that are open, each in the state that the agent has chosen.

        `since` is when the agent came into it: when it was chosen, or when the agent's newest call ended after that.
        Sees all logins recorded before.
        """
        ...

    async def flush(self) -> None:
        """Wait until all that is pending is committed."""
        ...

    async def call(self, tenant_id: str, call_id: str) -> tuple[Call, Sequence[StoredChange]] | None:
        """A call of the tenant with its history, oldest change first. Sees all changes recorded before."""
        ...

    async def calls(
        self, tenant_id: str, *, agent_id: str | None = None, before: str | None = None, limit: int = 50
    ) -> Sequence[Call]:
        """Calls of the tenant, newest first, of one agent if given, older than the call `before` if given.

        Sees all changes recorded before.
        """
        ...

    async def open_calls(self) -> Sequence[Call]:
        """All calls that are not ended, oldest first."""
        ...

    async def health(self) -> Health:
        """Whether the database answers. Does not raise."""
        ...


# ── identity ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Authenticator(Protocol):
    """Token → Caller."""

    async def caller(self, token: str) -> Caller:
        """The caller that a token stands for. Raises NotAuthenticated, TokenExpired or ServiceUnavailable."""
        ...
