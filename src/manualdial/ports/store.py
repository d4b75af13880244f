"""The port to storage: users, logins, the journal of calls; and all that one database gives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, NoReturn, Protocol

import msgspec

from manualdial.agents import AgentSession
from manualdial.callers import User
from manualdial.calls import Call, CallState, Change
from manualdial.evidence import Draft
from manualdial.ports.clock import Health
from manualdial.ports.evidence import EvidenceStore
from manualdial.ports.records import Person, RecordStore


class StoreUnavailable(Exception):
    """The database did not do it: not there, locked, full, read-only.

    Nothing was written, unless the connection was lost, or the wait given up, during the commit.
    """


class RequestIdTaken(Exception):
    """The agent's `requestId` is in the journal already; `call` is the press that has it."""

    def __init__(self, call: Call) -> None:
        super().__init__("the requestId is in the journal already")
        self.call = call


class AttemptsChanged(Exception):
    """Others have dialled the person since the verdict counted: it must be judged anew. Nothing was written."""


class AttemptsSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The dials to a person that a verdict has counted, whatever became of them."""

    person: Person
    since: datetime
    count: int


class LoginNameTaken(Exception):
    """A user of this login name exists already."""


class StoredChange(msgspec.Struct, frozen=True, kw_only=True):
    """A line in the history of a call, as stored."""

    step: int
    state: str
    leg: str
    event: str
    at: datetime


class CallHistory(NamedTuple):
    """A call, and what it went through."""

    call: Call
    changes: Sequence[StoredChange]
    """Oldest first."""


class CallQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls of a tenant are asked for. What is left out leaves no call out."""

    tenant_id: str
    agent_id: str | None = None
    number: str | None = None
    """In E.164."""
    since: datetime | None = None
    """Requested then or later."""
    until: datetime | None = None
    """Requested before then."""
    state: CallState | None = None
    outcome: str | None = None
    """One of `calls.OUTCOMES`."""
    older_than: tuple[datetime, str] | None = None
    """A place in the journal: when a call was requested, and its id."""
    before: str | None = None
    """The id of a call that all are older than; where there is no such call, nothing is found."""
    limit: int = 50


class Store(Protocol):
    """The memory of what must survive: users, agents' logins, calls, and every state of each call.

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

    async def set_caller_ids(self, user_id: str, caller_ids: Sequence[str] | None) -> None:
        """Say which caller IDs a user may show; None: all that the tenant has."""
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

    async def record_press(
        self,
        call: Call,
        *,
        evidence: Draft | None = None,
        expects: AttemptsSeen | None = None,
        relied_on: Sequence[str] = (),
    ) -> None:
        """Write a new call, and its first state, into the journal. On return it is committed to disk.

        Presses that come together share commits. Of any number of concurrent calls with the same agent and
        `requestId` exactly one returns; the others raise RequestIdTaken with the winner's call as stored.
        In the same transaction `evidence` is sealed and written, the records `relied_on` are marked as used, and the
        attempts that the verdict saw are counted again: where there is one more or less by now, nothing is written
        and AttemptsChanged is raised. Of any number of concurrent presses that expect the same count exactly one
        returns, also among several processes on one database.
        """
        ...

    @property
    def commits(self) -> int:
        """How many transactions the journal's writer has committed since the store was made."""
        ...

    async def retract_press(self, call: Call) -> None:
        """Take back a press whose `record_press` failed, so that nobody knows whether it is written.

        On return it is not in the journal, and what became of that attempt does not bring it back. Where it was there,
        its evidence gets a link `retraction`.
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

        What cannot be written now is tried again until it is written or the store closes. With the change after which
        the legs are gone, an attempt of which there is evidence gets its link `outcome`, once.
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

    async def call(self, tenant_id: str, call_id: str) -> CallHistory | None:
        """A call of the tenant with its history. Sees all changes recorded before."""
        ...

    async def calls(self, query: CallQuery) -> Sequence[CallHistory]:
        """Calls of a tenant with their history, newest first. Sees all changes recorded before."""
        ...

    async def open_calls(self) -> Sequence[Call]:
        """All calls that are not ended, oldest first."""
        ...

    async def health(self) -> Health:
        """Whether the database answers. Does not raise."""
        ...


class Storage(Store, RecordStore, EvidenceStore, Protocol):
    """Users, the journal, records and evidence, behind one door: a press and its evidence share a transaction."""

    async def __aenter__(self) -> Storage: ...

    async def death(self) -> NoReturn:
        """Wait until it can work no more, by a fault of its own from which it does not come back; then raise that."""
        ...
