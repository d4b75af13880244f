"""What the journal writes in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from manualdial.calls import Call, Change, Leg, requested
from manualdial.evidence import Draft, Head, Sealed
from manualdial.ports import AttemptsSeen, StoreUnavailable
from manualdial.storage.attempts import Expectations
from manualdial.storage.chains import sealed
from manualdial.storage.faults import ContentRefused
from manualdial.storage.links import QueuedDraft, kinds_of_calls, write_evidence, write_retraction
from manualdial.storage.logins import LoginChange, write_logins
from manualdial.storage.one_press import write_one
from manualdial.storage.rows import CALL_COLUMNS, call_of, call_values, change_values, key, state_values
from manualdial.storage.statements import STATEMENTS
from manualdial.storage.tables import calls, number_records

_PRESS_BY_ID_OR_KEY = select(calls).where(
    or_(
        calls.c.id == bindparam("id"),
        (calls.c.agent_id == bindparam("agent_id")) & (calls.c.request_key == bindparam("request_key")),
    )
)
_AGENT, _KEY, _ID = map(CALL_COLUMNS.index, ("agent_id", "request_key", "id"))
_MARK_USED = (
    update(number_records)
    .where(number_records.c.tenant_id == bindparam("of_tenant"), number_records.c.id == bindparam("of_record"))
    .values(used_at=bindparam("moment"))
)
_NO_HEADS: Mapping[str, Head] = MappingProxyType({})


class NewPress(NamedTuple):
    """A call to be written, and what goes with it (see ports.Store.record_press)."""

    call: Call
    evidence: Draft | None = None
    expects: AttemptsSeen | None = None
    relied_on: Sequence[str] = ()


class Content(NamedTuple):
    """What is to be written."""

    presses: Sequence[NewPress] = ()
    changes: Sequence[Change] = ()
    """Changes of calls that are there, or among the presses, in their order."""
    logins: Sequence[LoginChange] = ()
    """At most one for each agent."""
    drafts: Sequence[QueuedDraft] = ()
    """Evidence beside that of the presses, in its order."""


class Recorded(NamedTuple):
    """What became of one press: it was written, unless one of these says that it was not."""

    taken_by: Call | None = None
    """The press that has the `requestId` (or the id of the call) already."""
    attempts_changed: bool = False
    """There are more attempts, or fewer, than were expected."""


class Written(NamedTuple):
    """What a transaction has done, once it is committed."""

    outcomes: list[Recorded]
    """One for each press."""
    heads: Mapping[str, Head]
    """The new ends of the chains of evidence."""


WRITTEN = Recorded()
ATTEMPTS_CHANGED = Recorded(attempts_changed=True)


def write_new(connection: Connection, content: Content, known: Mapping[str, Head] = _NO_HEADS) -> Written:
    """`write_batch` where no press meets another and all attempts are as expected.

    Where that is not so the database refuses the whole transaction, or ContentRefused is raised.
    """
    if (link := _link_of_one(connection, content, known)) is not None:
        (press,) = content.presses
        _mark_used(connection, content.presses)
        return Written([WRITTEN], write_one(connection, press.call, link, press.expects))
    expectations = Expectations(connection, [(press.call, press.expects) for press in content.presses])
    if not all(expectations.holds(press.call, press.expects) for press in content.presses):
        return write_batch(connection, content, known)
    if content.presses:
        STATEMENTS[connection.dialect.name].insert_calls.execute(connection, _rows(content.presses))
    heads = _write_rest(connection, content.presses, content, known)
    return Written([WRITTEN] * len(content.presses), heads)


def write_batch(connection: Connection, content: Content, known: Mapping[str, Head] = _NO_HEADS) -> Written:
    """Write it all, in a transaction that the caller commits. One outcome for each press.

    Presses that meet one of the same agent and `requestId`, in the database, in this batch or in a transaction that
    runs beside it, write nothing and learn of it, and so do those that expected other attempts than there are; the
    others are written all the same. Raises ChainMoved, and then all of it must be tried again.
    """
    outcomes = _write_presses(connection, content.presses) if content.presses else []
    won = [press for press, outcome in zip(content.presses, outcomes, strict=True) if outcome is WRITTEN]
    if kinds_of_calls(connection, [press.call.id for press in won if press.evidence is not None]):
        raise ContentRefused("there is evidence of the call already")
    return Written(outcomes, _write_rest(connection, won, content, known))


def retract(connection: Connection, call: Call) -> None:
    """Take back a call that nobody knows to be written. Raises ChainMoved.

    A transaction whose connection was lost may still be about to commit: writing the same row waits for it.
    """
    STATEMENTS[connection.dialect.name].hold_calls.execute(connection, _rows([NewPress(call)]))
    connection.execute(delete(calls).where(calls.c.id == call.id))
    write_retraction(connection, call)


def _link_of_one(connection: Connection, content: Content, known: Mapping[str, Head]) -> Sealed | None:
    """The link of a press that is alone, where the database writes that in one round trip."""
    alone = len(content.presses) == 1 and not (content.changes or content.logins or content.drafts)
    if connection.dialect.name != "postgresql" or not alone:
        return None
    draft = content.presses[0].evidence
    # An end that is not known is asked for under a lock, and that comes last.
    return None if draft is None or draft.tenant_id not in known else sealed([draft], known)[0]


def _write_rest(
    connection: Connection, accepted: Sequence[NewPress], content: Content, known: Mapping[str, Head]
) -> Mapping[str, Head]:
    gone = _write_changes(connection, accepted, content.changes)
    write_logins(connection, content.logins)
    _mark_used(connection, accepted)
    attempts = [press.evidence for press in accepted if press.evidence is not None]
    # The chains last: what waits for their ends then holds up nobody.
    return write_evidence(connection, attempts=attempts, queued=content.drafts, gone=gone, known=known)


def _write_presses(connection: Connection, presses: Sequence[NewPress]) -> list[Recorded]:
    expectations = Expectations(connection, [(press.call, press.expects) for press in presses])
    rows = [dict(zip(CALL_COLUMNS, row, strict=True)) for row in _rows(presses)]
    written = set(connection.execute(STATEMENTS[connection.dialect.name].insert_calls_if_new, rows).scalars())
    outcomes: list[Recorded | None] = []
    disappointed = []
    for press in presses:
        if press.call.id not in written:
            outcomes.append(None)
            continue
        written.remove(press.call.id)
        if expectations.holds(press.call, press.expects):
            outcomes.append(WRITTEN)
        else:
            outcomes.append(ATTEMPTS_CHANGED)
            disappointed.append({"of_call": press.call.id})
    if disappointed:
        connection.execute(delete(calls).where(calls.c.id == bindparam("of_call")), disappointed)
    return [
        outcome or _met(connection, press, beside_disappointed=bool(disappointed))
        for press, outcome in zip(presses, outcomes, strict=True)
    ]


def _met(connection: Connection, press: NewPress, *, beside_disappointed: bool) -> Recorded:
    """What a press is told that was not written because of another."""
    other = _press_like(connection, press.call)
    if other is not None:
        return Recorded(taken_by=other)
    if beside_disappointed and press.expects is not None:
        return ATTEMPTS_CHANGED  # so was the one that it met
    raise StoreUnavailable("a press was refused for another that is gone")


def _rows(presses: Sequence[NewPress]) -> list[list[Any]]:
    """Sorted, so that two transactions with some of the same keys wait for one another in one direction only."""
    rows = [call_values(press.call) for press in presses]
    rows.sort(key=lambda row: (row[_AGENT], row[_KEY] or "", row[_ID]))
    return rows


def _press_like(connection: Connection, call: Call) -> Call | None:
    request_key = None if call.request_id is None else key(call.request_id)
    parameters = {"id": call.id, "agent_id": call.agent_id, "request_key": request_key}
    found = connection.execute(_PRESS_BY_ID_OR_KEY, parameters).first()
    return None if found is None else call_of(found)


def _mark_used(connection: Connection, presses: Sequence[NewPress]) -> None:
    used: dict[tuple[str, str], Any] = {}
    for press in presses:
        for record_id in press.relied_on:
            name = (press.call.tenant_id, record_id)
            used[name] = max(press.call.requested_at, used.get(name, press.call.requested_at))
    if used:
        rows = [{"of_tenant": name[0], "of_record": name[1], "moment": used[name]} for name in sorted(used)]
        connection.execute(_MARK_USED, rows)


def _write_changes(connection: Connection, presses: Sequence[NewPress], changes: Sequence[Change]) -> list[Call]:
    """Returns the calls whose legs are gone."""
    statements = STATEMENTS[connection.dialect.name]
    lines = [*(requested(press.call) for press in presses), *changes]
    statements.insert_changes.execute(connection, map(change_values, lines))
    newest: dict[str, Change] = {}
    for change in changes:
        if change.call.id not in newest or newest[change.call.id].call.step <= change.call.step:
            newest[change.call.id] = change
    states = ([*state_values(each.call), each.call.id, each.call.step] for each in newest.values())
    statements.update_calls.execute(connection, states)
    # Of the two legs the agent's is the last to go (see calls.advance).
    return [each.call for each in newest.values() if each.leg is Leg.AGENT and not each.call.is_live]
