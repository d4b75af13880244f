"""What the journal writes in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, or_, select, update

from manualdial.calls import Call, Change, requested
from manualdial.ports import StoreUnavailable
from manualdial.storage.rows import call_of, call_row, change_row, state_row
from manualdial.storage.tables import call_changes, calls, insert

_DIALECTS = ("sqlite", "postgresql")
_INSERT_CALLS = {name: insert(calls, name).on_conflict_do_nothing().returning(calls.c.id) for name in _DIALECTS}
# A line that is there already was written by a commit whose answer was lost.
_INSERT_CHANGES = {name: insert(call_changes, name).on_conflict_do_nothing() for name in _DIALECTS}
_UPDATE_CALLS = update(calls).where(calls.c.id == bindparam("of_call"), calls.c.step < bindparam("before_step"))
_PRESS_BY_ID_OR_KEY = select(calls).where(
    or_(
        calls.c.id == bindparam("id"),
        (calls.c.agent_id == bindparam("agent_id")) & (calls.c.request_key == bindparam("request_key")),
    )
)


class Recorded(NamedTuple):
    """What became of one press."""

    taken_by: Call | None
    """The press that has the `requestId` (or the id of the call) already; None where this one got it."""


def write_batch(connection: Connection, presses: Sequence[Call], changes: Sequence[Change]) -> list[Recorded]:
    """Write new calls and changes of others, in a transaction that the caller commits. One outcome for each press.

    Presses that meet one of the same agent and `requestId`, in the database, in this batch or in a transaction that
    runs beside it, write nothing and learn of it; the others are written all the same.
    """
    outcomes = _write_presses(connection, presses) if presses else []
    won = [call for call, outcome in zip(presses, outcomes, strict=True) if outcome.taken_by is None]
    _write_changes(connection, [*map(requested, won), *changes])
    if changes:
        _write_states(connection, changes)
    return outcomes


def _write_presses(connection: Connection, presses: Sequence[Call]) -> list[Recorded]:
    rows = [call_row(call) for call in presses]
    # Sorted, so that two transactions with some of the same keys wait for one another in one direction only.
    in_order = sorted(rows, key=lambda row: (row["agent_id"], row["request_key"] or "", row["id"]))
    written = set(connection.execute(_INSERT_CALLS[connection.dialect.name], in_order).scalars())
    outcomes = []
    for row in rows:
        if row["id"] in written:
            written.remove(row["id"])
            outcomes.append(Recorded(taken_by=None))
        else:
            outcomes.append(Recorded(taken_by=_press_like(connection, row)))
    return outcomes


def _press_like(connection: Connection, row: dict[str, Any]) -> Call:
    parameters = {name: row[name] for name in ("id", "agent_id", "request_key")}
    found = connection.execute(_PRESS_BY_ID_OR_KEY, parameters).first()
    if found is None:
        raise StoreUnavailable("a press was refused for another that is gone")
    return call_of(found)


def _write_changes(connection: Connection, changes: Iterable[Change]) -> None:
    rows = [change_row(change) for change in changes]
    if rows:
        connection.execute(_INSERT_CHANGES[connection.dialect.name], rows)


def _write_states(connection: Connection, changes: Sequence[Change]) -> None:
    newest: dict[str, Call] = {}
    for change in changes:
        if change.call.id not in newest or newest[change.call.id].step <= change.call.step:
            newest[change.call.id] = change.call
    rows = [{"of_call": call.id, "before_step": call.step, **state_row(call)} for call in newest.values()]
    connection.execute(_UPDATE_CALLS, rows)
