"""Calls as they were, each with its history: one statement, however many."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Text, cast, func, select, tuple_

from manualdial.calls import CallState, Leg
from manualdial.ports import CallHistory, CallQuery, StoredChange
from manualdial.storage.rows import call_of, unescaped
from manualdial.storage.tables import call_changes, calls, is_ended, is_open

_LINE = (call_changes.c.step, call_changes.c.state, call_changes.c.leg, call_changes.c.event, call_changes.c.at)
# A row for each line would bring the verdict again with every one of them.
_LINES = {
    "sqlite": func.json_group_array(func.json_array(*_LINE)),
    "postgresql": func.json_agg(func.json_build_array(*_LINE)),
}
_lines = msgspec.json.Decoder(list[tuple[int, str, str, str, datetime]])


def call_histories(connection: Connection, *, query: CallQuery) -> Sequence[CallHistory]:
    """The calls that the query asks for, newest first; none where `before` is no call of the tenant."""
    index = _index(query) if connection.dialect.name == "sqlite" else frozenset(calls.c)
    newest_first = (calls.c.requested_at.desc(), _by(index, calls.c.id).desc())
    return _read(connection, *_equal(query, index), *_within(query), newest_first=newest_first, limit=query.limit)


def call_history(connection: Connection, *, tenant_id: str, call_id: str) -> CallHistory | None:
    """One call of the tenant."""
    return next(iter(_read(connection, calls.c.id == call_id, calls.c.tenant_id == tenant_id)), None)


def _read(
    connection: Connection,
    *conditions: ColumnElement[bool],
    newest_first: Sequence[ColumnElement[Any]] = (),
    limit: int | None = None,
) -> list[CallHistory]:
    lines = select(_LINES[connection.dialect.name]).where(call_changes.c.call_id == calls.c.id).scalar_subquery()
    statement = select(calls, cast(lines, Text).label("lines")).where(*conditions).order_by(*newest_first).limit(limit)
    return [CallHistory(call_of(row), _changes(row.lines)) for row in connection.execute(statement)]


def _index(query: CallQuery) -> Collection[Column[Any]]:
    """The columns of the index by which calls are to be found: that of the filter which leaves the fewest."""
    if query.state not in (None, CallState.ENDED):
        return ()  # `ix_calls_open`, which is small
    if query.number is not None:
        return calls.c.tenant_id, calls.c.number_e164
    if query.agent_id is not None:
        return calls.c.agent_id, calls.c.id
    if query.outcome is not None:
        return calls.c.tenant_id, calls.c.outcome
    return calls.c.tenant_id, calls.c.id


def _by(index: Collection[Column[Any]], column: Column[Any]) -> ColumnElement[Any]:
    """The column; one that is not of the index in a form by which SQLite has no other index either.

    SQLite does not know how many calls a filter leaves. By itself it takes the index in whose order the answer is, and
    looks at all calls of the tenant: 1.2 s for the calls to one number, of a million. PostgreSQL knows.
    """
    return column if column in index else column.concat("")


def _equal(query: CallQuery, index: Collection[Column[Any]]) -> Iterator[ColumnElement[bool]]:
    """The filters by a value."""
    wanted = {
        calls.c.tenant_id: query.tenant_id,
        calls.c.number_e164: query.number,
        calls.c.agent_id: query.agent_id,
        calls.c.outcome: query.outcome,
    }
    for column, value in wanted.items():
        if value is not None:
            yield _by(index, column) == value
    if query.state is not None:
        yield calls.c.state == query.state.value
        yield is_ended if query.state is CallState.ENDED else is_open


def _within(query: CallQuery) -> Iterator[ColumnElement[bool]]:
    """The filters by time and place."""
    if query.since is not None:
        yield calls.c.requested_at >= query.since
    if query.until is not None:
        yield calls.c.requested_at < query.until
    place = tuple_(calls.c.requested_at, calls.c.id)
    if query.older_than is not None:
        yield place < query.older_than
    if query.before is not None:
        of_call = select(calls.c.requested_at, calls.c.id)
        yield place < of_call.where(calls.c.id == query.before, calls.c.tenant_id == query.tenant_id).scalar_subquery()


def _changes(lines: str | None) -> list[StoredChange]:
    """Oldest first. Where both legs change in one step, the customer's does so first (see `calls.advance`)."""
    found = sorted(_lines.decode(lines or "[]"), key=lambda line: (line[0], line[2] != Leg.CUSTOMER))
    return [
        StoredChange(step=step, state=unescaped(state), leg=unescaped(leg), event=unescaped(event), at=_utc(at))
        for step, state, leg, event, at in found
    ]


def _utc(at: datetime) -> datetime:
    """SQLite has no time zones (see `rows.UtcTime`)."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
