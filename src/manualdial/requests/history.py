"""Calls as they were: what GET /v1/calls tells (contract §6). An agent sees own calls, who sees the tenant all."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from manualdial import numbers
from manualdial.callers import Caller
from manualdial.calls import OUTCOMES, Call, CallState
from manualdial.errors import MalformedMessage, ManualDialError, NoSuchCall, NotPermitted
from manualdial.moments import moment
from manualdial.ports import CallQuery, Store, StoredChange
from manualdial.wire import views
from manualdial.wire.messages.calls import CallEnding
from manualdial.wire.messages.dial import Number

Known = TypeVar("Known", bound=str)

MAX_CALLS = 200
"""How many calls one page has at most."""


class CallStep(Struct, frozen=True, kw_only=True, rename="camel"):
    """One change of state of one leg."""

    step: int
    """Counts the changes of the call; 0 is the press."""
    state: str
    leg: str
    event: str
    at: str
    """ISO 8601, UTC."""


class CallRecord(Struct, frozen=True, kw_only=True, rename="camel"):
    """One call with all that is known of it."""

    call_id: str
    agent_id: str
    connector: str
    engine: str
    number: Number
    state: str
    requested_at: str
    """ISO 8601, UTC."""
    at: str
    """When the call came into its state."""
    verdict: dict[str, object]
    """The verdict that allowed the call (contract §5)."""
    states: list[CallStep]
    """Oldest first."""
    ending: CallEnding | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    """What came of it: `conversation` where the customer answered, else the cause of the ending."""
    request_id: str | UnsetType = UNSET
    caller_id: str | UnsetType = msgspec.field(name="callerID", default=UNSET)
    campaign_id: str | UnsetType = msgspec.field(name="campaignID", default=UNSET)
    account_number: str | UnsetType = UNSET
    purpose: str | UnsetType = UNSET


class CallPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Calls, newest first."""

    calls: list[CallRecord]
    cursor: str | UnsetType = UNSET
    """Where there may be older calls: the `cursor` that brings them, beside the same filters."""
    next: str | UnsetType = UNSET
    """The same as a call id, for `before`."""


class CallsAsked(Struct, frozen=True, kw_only=True):
    """The question of a caller, as it came. What is left out leaves no call out."""

    limit: int
    cursor: str | None = None
    """Where the page before this one ended."""
    before: str | None = None
    """The id of a call that all are older than."""
    since: str | None = None
    """ISO 8601 with an offset: requested then or later."""
    until: str | None = None
    """ISO 8601 with an offset: requested before then."""
    number: str | None = None
    """E.164, or as an agent of the caller's region would type it."""
    agent: str | None = None
    """A user id."""
    state: str | None = None
    """A `calls.CallState`."""
    outcome: str | None = None
    """One of `calls.OUTCOMES`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """Reads calls from the journal for one caller at a time."""

    store: Store
    default_region: str

    async def calls(self, caller: Caller, asked: CallsAsked) -> CallPage:
        """A page of calls, newest first: of all agents of the tenant where the caller sees it, else of the caller.

        Raises MalformedMessage (`details.path` names the parameter), and NotPermitted where another agent's calls are
        asked for by somebody who may not see them.
        """
        found = await self.store.calls(self._query(caller, asked))
        if len(found) < asked.limit:
            return CallPage(calls=[_record(*each) for each in found])
        oldest = found[-1].call
        return CallPage(calls=[_record(*each) for each in found], cursor=_cursor_after(oldest), next=oldest.id)

    async def call(self, caller: Caller, call_id: str) -> CallRecord:
        """One call. Raises NoSuchCall where there is none, or it is one that the caller may not see."""
        found = await self.store.call(caller.tenant_id, call_id)
        if found is None or not (caller.sees_the_tenant or found[0].agent_id == caller.user_id):
            raise NoSuchCall("no call has this id")
        return _record(*found)

    def _query(self, caller: Caller, asked: CallsAsked) -> CallQuery:
        if asked.cursor is not None and asked.before is not None:
            raise MalformedMessage("cursor and before are two words for one thing", details={"path": "before"})
        agent = asked.agent if caller.sees_the_tenant else caller.user_id
        if asked.agent not in (None, agent):
            raise NotPermitted("the calls of others are for supervisors, integrations and administrators")
        return CallQuery(
            tenant_id=caller.tenant_id,
            agent_id=agent,
            number=_e164(asked.number, caller.region or self.default_region),
            since=_moment(asked.since, "since"),
            until=_moment(asked.until, "until"),
            state=_one_of(CallState, asked.state, "state"),
            outcome=_one_of(OUTCOMES, asked.outcome, "outcome"),
            older_than=_place(asked.cursor),
            before=asked.before,
            limit=asked.limit,
        )


def _one_of(known: Iterable[Known], asked: str | None, name: str) -> Known | None:
    if asked is None:
        return None
    for each in known:
        if each == asked:
            return each
    raise MalformedMessage(f"{name} is one of {', '.join(known)}", details={"path": name})


def _e164(typed: str | None, region: str) -> str | None:
    if typed is None:
        return None
    if typed.startswith(" "):
        typed = "+" + typed.lstrip()  # in a query a plus sign stands for a blank, and no number begins with one
    try:
        return numbers.parse(typed, region=region).e164
    except ManualDialError as error:
        raise MalformedMessage(f"number cannot be read: {error.message}", details={"path": "number"}) from None


def _moment(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        return moment(text, name)
    except ValueError as fault:
        raise MalformedMessage(f"{fault} (in a query a plus sign is %2B)", details={"path": name}) from None


def _cursor_after(call: Call) -> str:
    place = msgspec.json.encode((call.requested_at.isoformat(), call.id))
    return base64.urlsafe_b64encode(place).decode().rstrip("=")


def _place(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)
        requested_at, call_id = msgspec.json.decode(text, type=tuple[str, str])
        return moment(requested_at, "cursor"), call_id
    except (ValueError, msgspec.MsgspecError):
        raise MalformedMessage("cursor is none that this service gave", details={"path": "cursor"}) from None


def _record(call: Call, changes: Sequence[StoredChange]) -> CallRecord:
    return CallRecord(
        call_id=call.id,
        request_id=call.request_id or UNSET,
        agent_id=call.agent_id,
        connector=call.connector,
        engine=call.engine,
        number=views.number(call.number),
        caller_id=call.caller_id or UNSET,
        campaign_id=call.campaign_id or UNSET,
        account_number=call.account_number or UNSET,
        purpose=call.purpose or UNSET,
        state=call.state,
        requested_at=views.timestamp(call.requested_at),
        at=views.timestamp(call.at),
        verdict=msgspec.json.decode(call.verdict, type=dict[str, object]),
        ending=views.ending(call),
        outcome=call.outcome or UNSET,
        states=[_step(change) for change in changes],
    )


def _step(change: StoredChange) -> CallStep:
    return CallStep(
        step=change.step, state=change.state, leg=change.leg, event=change.event, at=views.timestamp(change.at)
    )
