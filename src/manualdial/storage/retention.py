"""How long things are kept: `requestId`s are forgotten, and calls removed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from manualdial.storage.tables import calls, is_ended, is_remembered

_OLDEST_ENDED = (
    select(calls.c.id)
    .where(is_ended, calls.c.requested_at < bindparam("before"))
    .order_by(calls.c.requested_at)
    .limit(bindparam("limit"))
)

# `is_remembered` twice: of two processes that forget at once, the one that had to wait finds its rows done.
FORGET = update(calls).where(calls.c.id.in_(_OLDEST_ENDED.where(is_remembered)), is_remembered).values(request_key=None)
REMOVE_FORGOTTEN = delete(calls).where(calls.c.id.in_(_OLDEST_ENDED.where(~is_remembered)))


def forget_presses(connection: Connection, *, before: datetime, limit: int) -> int:
    """Free the keys of the oldest ended calls that were requested before that moment. Returns how many."""
    return connection.execute(FORGET, {"before": before, "limit": limit}).rowcount


def remove_calls(connection: Connection, *, before: datetime, limit: int) -> int:
    """Remove the oldest ended calls that were requested before that moment, with their history. Returns how many."""
    # Each of the oldest is forgotten then, and found among those that are.
    forget_presses(connection, before=before, limit=limit)
    return connection.execute(REMOVE_FORGOTTEN, {"before": before, "limit": limit}).rowcount
