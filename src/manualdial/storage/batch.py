"""What the journal writes in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, bindparam, or_, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg

from manualdial.calls import Call, Change, requested
from manualdial.ports import StoreUnavailable
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

_DIALECTS: tuple[Dialect, ...] = (sqlite.dialect(), asyncpg.dialect())
_INSERT_CALLS = {
    dialect.name: Prepared(insert(calls, dialect.name), dialect, names=CALL_COLUMNS) for dialect in _DIALECTS
}
_INSERT_CALLS_IF_NEW = {
    dialect.name: insert(calls, dialect.name).on_conflict_do_nothing().returning(calls.c.id) for dialect in _DIALECTS
}
# A line that is there already was written by a commit whose answer was lost.
_INSERT_CHANGES = {
    dialect.name: Prepared(
        insert(call_changes, dialect.name).on_conflict_do_nothing(), dialect, names=CHANGE_COLUMNS
    )
    for dialect in _DIALECTS
}
_UPDATE_CALLS = {
    dialect.name: Prepared(
        update(calls).where(calls.c.id == bindparam("of_call"), calls.c.step < bindparam("before_step")),
        dialect,
        names=(*STATE_COLUMNS, "of_call", "before_step"),
    )
    for dialect in _DIALECTS
}
_PRESS_BY_ID_OR_KEY = select(calls).where(
    or_(
        calls.c.id == bindparam("id"),
        (calls.c.agent_id == bindparam("agent_id")) & (calls.c.request_key == bindparam("request_key")),
    )
)
_AGENT, _KEY, _ID = map(CALL_COLUMNS.index, ("agent_id", "request_key", "id"))


class Recorded(NamedTuple):
    """What became of one press."""

    taken_by: Call | None
    """The press that has the `requestId` (or the id of the call) already; None where this one got it."""


WRITTEN = Recorded(taken_by=None)


def write_new(connection: Connection, presses: Sequence[Call], changes: Sequence[Change]) -> list[Recorded]:
    """`write_batch` where no press meets another; the database refuses the whole transaction where one does."""
    if presses:
        _INSERT_CALLS[connection.dialect.name].execute(connection, _in_order([call_values(call) for call in presses]))
    _write_changes(connection, presses, changes)
    return [WRITTEN] * len(presses)


def write_batch(connection: Connection, presses: Sequence[Call], changes: Sequence[Change]) -> list[Recorded]:
    """Write new calls and changes of others, in a transaction that the caller commits. One outcome for each press.

    Presses that meet one of the same agent and `requestId`, in the database, in this batch or in a transaction that
    runs beside it, write nothing and learn of it; the others are written all the same.
    """
    outcomes = _write_presses(connection, presses) if presses else []
    won = [call for call, outcome in zip(presses, outcomes, strict=True) if outcome.taken_by is None]
    _write_changes(connection, won, changes)
    return outcomes


def _write_presses(connection: Connection, presses: Sequence[Call]) -> list[Recorded]:
    rows = [dict(zip(CALL_COLUMNS, row, strict=True)) for row in _in_order([call_values(call) for call in presses])]
    written = set(connection.execute(_INSERT_CALLS_IF_NEW[connection.dialect.name], rows).scalars())
    outcomes = []
    for call in presses:
        if call.id in written:
            written.remove(call.id)
            outcomes.append(WRITTEN)
        else:
            outcomes.append(Recorded(taken_by=_press_like(connection, call)))
    return outcomes


def _in_order(rows: list[list[Any]]) -> list[list[Any]]:
    """The rows sorted, so that two transactions with some of the same keys wait for one another one way only."""
    if len(rows) > 1:
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
    dialect = connection.dialect.name
    lines = [*map(requested, presses), *changes]
    _INSERT_CHANGES[dialect].execute(connection, map(change_values, lines))
    newest: dict[str, Call] = {}
    for change in changes:
        if change.call.id not in newest or newest[change.call.id].step <= change.call.step:
            newest[change.call.id] = change.call
    states = ([*state_values(call), call.id, call.step] for call in newest.values())
    _UPDATE_CALLS[dialect].execute(connection, states)
