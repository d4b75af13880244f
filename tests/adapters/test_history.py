"""What GET /v1/calls tells, over a journal in a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import UNSET

from manualdial.agents import Caller, Role
from manualdial.calls import Cause, EndedBy, Ending, Report, Sign
from manualdial.errors import NoSuchCall, NotPermitted
from manualdial.history import History
from manualdial.storage import SqlStore
from tests.contract.stores import NOON, SqliteLab, a_call, record


def caller(user_id: str = "ada", *roles: Role, tenant_id: str = "north") -> Caller:
    """Somebody who asks."""
    return Caller(
        user_id=user_id,
        tenant_id=tenant_id,
        tenant=tenant_id.title(),
        login_name=user_id,
        name=user_id.title(),
        roles=frozenset(roles or (Role.AGENT,)),
        expires_at=NOON + timedelta(days=1),
    )


SUPERVISOR = caller("sue", Role.SUPERVISOR)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """A journal with nothing in it."""
    async with SqliteLab(tmp_path).store() as opened:
        yield opened


async def test_a_call_is_told_with_all_its_states_its_verdict_and_its_ending(store: SqlStore) -> None:
    call = a_call(request_id="a-press", purpose="service", verdict=b'{"decision":"allow"}')
    await store.record_press(call)
    end = Report(
        call_id=call.id,
        sign=Sign.ENDED,
        at=NOON + timedelta(minutes=1),
        ending=Ending(by=EndedBy.CUSTOMER, cause=Cause.NORMAL, q850=16),
    )
    record(store, call, Sign.CONNECTED, end)
    told = await History(store=store).call(caller(), call.id)
    assert [(step.state, step.leg) for step in told.states] == [
        ("requested", "agent"),
        ("agent_ringing", "agent"),
        ("agent_answered", "agent"),
        ("dialing", "customer"),
        ("connected", "customer"),
        ("wrap_up", "customer"),
        ("wrap_up", "agent"),
    ]
    assert [step.step for step in told.states] == sorted(step.step for step in told.states)
    assert (told.call_id, told.request_id, told.agent_id) == (call.id, "a-press", "ada")
    assert told.verdict == {"decision": "allow"}
    assert told.ending is not UNSET
    assert (told.ending.by, told.ending.cause, told.ending.q850, told.ending.sip) == ("customer", "normal", 16, UNSET)
    assert told.requested_at == "2031-05-06T12:00:00.123Z"


async def test_an_agent_is_told_of_own_calls_alone(store: SqlStore) -> None:
    own, other = a_call(), a_call(agent_id="bob")
    for call in (own, other):
        await store.record_press(call)
    history = History(store=store)
    for agent in (None, "ada"):
        page = await history.calls(caller(), limit=50, before=None, agent=agent)
        assert [record.call_id for record in page.calls] == [own.id]
    with pytest.raises(NotPermitted):
        await history.calls(caller(), limit=50, before=None, agent="bob")
    for unseen in (other.id, "no-such-call"):
        with pytest.raises(NoSuchCall):
            await history.call(caller(), unseen)


async def test_who_sees_the_tenant_is_told_of_all_its_agents_and_of_no_other_tenant(store: SqlStore) -> None:
    calls = [a_call(minute=0), a_call(agent_id="bob", minute=1), a_call(tenant_id="south", minute=2)]
    for call in calls:
        await store.record_press(call)
    history = History(store=store)
    page = await history.calls(SUPERVISOR, limit=50, before=None, agent=None)
    assert [record.call_id for record in page.calls] == [calls[1].id, calls[0].id]
    page = await history.calls(SUPERVISOR, limit=50, before=None, agent="bob")
    assert [record.call_id for record in page.calls] == [calls[1].id]
    assert (await history.call(SUPERVISOR, calls[0].id)).agent_id == "ada"
    with pytest.raises(NoSuchCall):
        await history.call(SUPERVISOR, calls[2].id)


async def test_pages_follow_each_other_to_the_oldest_call(store: SqlStore) -> None:
    calls = [a_call(minute=minute) for minute in range(5)]
    for call in calls:
        await store.record_press(call)
    history = History(store=store)
    told: list[str] = []
    before: str | None = None
    while True:
        page = await history.calls(caller(), limit=2, before=before, agent=None)
        told += [record.call_id for record in page.calls]
        if page.next is UNSET:
            break
        before = page.next
    assert told == [call.id for call in reversed(calls)]
