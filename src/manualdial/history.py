"""Calls as they were: what GET /v1/calls tells (contract §6). An agent sees own calls, who sees the tenant all."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from manualdial import views
from manualdial.agents import Caller
from manualdial.calls import Call
from manualdial.errors import NoSuchCall, NotPermitted
from manualdial.messages.calls import Ending
from manualdial.messages.dial import Number
from manualdial.ports import Store, StoredChange

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
    ending: Ending | UnsetType = UNSET
    request_id: str | UnsetType = UNSET
    caller_id: str | UnsetType = msgspec.field(name="callerID", default=UNSET)
    campaign_id: str | UnsetType = msgspec.field(name="campaignID", default=UNSET)
    account_number: str | UnsetType = UNSET
    purpose: str | UnsetType = UNSET


class CallPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Calls, newest first."""

    calls: list[CallRecord]
    next: str | UnsetType = UNSET
    """Where there may be older calls: the `before` that brings them."""


class History:
    """Reads calls from the journal for one caller at a time."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    async def calls(self, caller: Caller, *, limit: int, before: str | None, agent: str | None) -> CallPage:
        """At most `limit` calls, newest first, older than the call `before` if given.

        Of all agents of the tenant, or of `agent`, where the caller sees the tenant; otherwise of the caller.
        Raises NotPermitted where another agent's calls are asked for by somebody who may not see them.
        """
        if not caller.sees_the_tenant:
            if agent not in (None, caller.user_id):
                raise NotPermitted("the calls of others are for supervisors, integrations and administrators")
            agent = caller.user_id
        calls = await self._store.calls(caller.tenant_id, agent_id=agent, before=before, limit=limit)
        records = []
        for call in calls:
            found = await self._store.call(caller.tenant_id, call.id)
            records.append(_record(*found) if found is not None else _record(call, ()))
        return CallPage(calls=records, next=calls[-1].id if len(calls) == limit else UNSET)

    async def call(self, caller: Caller, call_id: str) -> CallRecord:
        """One call. Raises NoSuchCall where there is none, or it is one that the caller may not see."""
        found = await self._store.call(caller.tenant_id, call_id)
        if found is None or not (caller.sees_the_tenant or found[0].agent_id == caller.user_id):
            raise NoSuchCall("no call has this id")
        return _record(*found)


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
        states=[_step(change) for change in changes],
    )


def _step(change: StoredChange) -> CallStep:
    return CallStep(
        step=change.step, state=change.state, leg=change.leg, event=change.event, at=views.timestamp(change.at)
    )
