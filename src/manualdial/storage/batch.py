"""What the journal writes in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, Dialect, bindparam, delete, or_, select, update

from manualdial.calls import Call, Change, requested
from manualdial.ports import StoreUnavailable
from manualdial.storage.logins import LoginChange, write_logins
from manualdial.storage.prepared import Prepared
from manualdial.storage.rows import (
    CALL_COLUMNS,
    CHANGE_COLUMNS,
    STATE_COLUMNS,
    call_of,
    call_values,
    change_values,
    key,
    state_values,
)
from manualdial.storage.tables import call_changes, calls, insert


class _Statements:
    """The statements for one database."""

    def __init__(self, dialect: Dialect) -> None:
        of_call = (calls.c.id == bindparam("of_call"), calls.c.step < bindparam("before_step"))
        new_call = insert(calls, dialect.name)
        # A line that is there already was written by a commit whose answer was lost.
        new_line = insert(call_changes, dialect.name).on_conflict_do_nothing()
        self.insert_calls = Prepared(new_call, dialect, names=CALL_COLUMNS)
        self.insert_calls_if_new = new_call.on_conflict_do_nothing().returning(calls.c.id)
        self.hold_calls = Prepared(new_call.on_conflict_do_nothing(), dialect, names=CALL_COLUMNS)
        self.insert_changes = Prepared(new_line, dialect, names=CHANGE_COLUMNS)
        self.update_calls = Prepared(
            update(calls).where(*of_call), dialect, names=(*STATE_COLUMNS, "of_call", "before_step")
        )


_STATEMENTS = {
    dialect.name: _Statements(dialect)
    for dialect in (URL.create(driver).get_dialect()() for driver in ("sqlite", "postgresql+asyncpg"))
}
_PRESS_BY_ID_OR_KEY = select(calls).where(
    or_(
        calls.c.id == bindparam("id"),
        (calls.c.agent_id == bindparam("agent_id")) & (calls.c.request_key == bindparam("request_key")),
    )
)
_AGENT, _KEY, _ID = map(CALL_COLUMNS.index, ("agent_id", "request_key", "id"))


class Content(NamedTuple):
    """What is to be written."""

    presses: Sequence[Call] = ()
    """New calls."""
    changes: Sequence[Change] = ()
    """Changes of calls that are there, or among the presses, in their order."""
    logins: Sequence[LoginChange] = ()
    """At most one for each agent."""


class Recorded(NamedTuple):
    """What became of one press."""

    taken_by: Call | None
    """The press that has the `requestId` (or the id of the call) already; None where this one got it."""


WRITTEN = Recorded(taken_by=None)


def write_new(connection: Connection, content: Content) -> list[Recorded]:
    """`write_batch` where no press meets another; the database refuses the whole transaction where one does."""
    if content.presses:
        _STATEMENTS[connection.dialect.name].insert_calls.execute(connection, _rows(content.presses))
    _write_changes(connection, content.presses, content.changes)
    write_logins(connection, content.logins)
    return [WRITTEN] * len(content.presses)


def write_batch(connection: Connection, content: Content) -> list[Recorded]:
    """Write it all, in a transaction that the caller commits. One outcome for each press.

    Presses that meet one of the same agent and `requestId`, in the database, in this batch or in a transaction that
    runs beside it, write nothing and learn of it; the others are written all the same.
    """
    outcomes = _write_presses(connection, content.presses) if content.presses else []
    won = [call for call, outcome in zip(content.presses, outcomes, strict=True) if outcome.taken_by is None]
    _write_changes(connection, won, content.changes)
    write_logins(connection, content.logins)
    return outcomes


def retract(connection: Connection, call: Call) -> None:
    """Take back a call that nobody knows to be written.

    A transaction whose connection was lost may still be about to commit: writing the same row waits for it.
    """
    _STATEMENTS[connection.dialect.name].hold_calls.execute(connection, _rows([call]))
    connection.execute(delete(calls).where(calls.c.id == call.id))


def _write_presses(connection: Connection, presses: Sequence[Call]) -> list[Recorded]:
    rows = [dict(zip(CALL_COLUMNS, row, strict=True)) for row in _rows(presses)]
    written = set(connection.execute(_STATEMENTS[connection.dialect.name].insert_calls_if_new, rows).scalars())
    outcomes = []
    for call in presses:
        if call.id in written:
            written.remove(call.id)
            outcomes.append(WRITTEN)
        else:
            outcomes.append(Recorded(taken_by=_press_like(connection, call)))
    return outcomes


def _rows(presses: Sequence[Call]) -> list[list[Any]]:
    """Sorted, so that two transactions with some of the same keys wait for one another in one direction only."""
    rows = [call_values(call) for call in presses]
    rows.sort(key=lambda row: (row[_AGENT], row[_KEY] or "", row[_ID]))
    return rows


def _press_like(connection: Connection, call: Call) -> Call:
    request_key = None if call.request_id is None else key(call.request_id)
    parameters = {"id": call.id, "agent_id": call.agent_id, "request_key": request_key}
    found = connection.execute(_PRESS_BY_ID_OR_KEY, parameters).first()
    if found is None:
        raise StoreUnavailable("a press was refused for another that is gone")
    return call_of(found)


def _write_changes(connection: Connection, presses: Sequence[Call], changes: Sequence[Change]) -> None:
    statements = _STATEMENTS[connection.dialect.name]
    lines = [*map(requested, presses), *changes]
    statements.insert_changes.execute(connection, map(change_values, lines))
    newest: dict[str, Call] = {}
    for change in changes:
        if change.call.id not in newest or newest[change.call.id].step <= change.call.step:
            newest[change.call.id] = change.call
    states = ([*state_values(call), call.id, call.step] for call in newest.values())
    statements.update_calls.execute(connection, states)
