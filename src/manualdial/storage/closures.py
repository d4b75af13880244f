"""Closures of jurisdictions, and their rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, or_, select, update

from manualdial.law.closure import Closure
from manualdial.law.verdict import Purpose
from manualdial.storage.rows import row_of, struct_of
from manualdial.storage.tables import closures

_purposes = msgspec.json.Decoder(frozenset[Purpose])


def add_closure(connection: Connection, closure: Closure) -> None:
    """Write a closure."""
    purposes = msgspec.json.encode(sorted(closure.purposes)).decode()
    row = row_of(closures, closure, purposes=purposes, lifted_at=None, lifted_by=None)
    connection.execute(insert(closures), row)


def lift_closure(connection: Connection, closure_id: str, *, at: datetime, by: str) -> bool:
    """End a closure that has not ended by then, nor been lifted. Returns whether there is one."""
    lifting = (
        update(closures)
        .where(closures.c.id == closure_id, closures.c.lifted_at.is_(None))
        .where(or_(closures.c.ends.is_(None), closures.c.ends > at))
        .values(lifted_at=at, lifted_by=by)
    )
    return connection.execute(lifting).rowcount > 0


def closures_after(connection: Connection, moment: datetime) -> list[Closure]:
    """Those that have not ended by that moment, the first to begin first."""
    lasting = (
        select(closures)
        .where(or_(closures.c.ends.is_(None), closures.c.ends > moment))
        .where(or_(closures.c.lifted_at.is_(None), closures.c.lifted_at > moment))
        .order_by(closures.c.begins, closures.c.id)
    )
    return [_closure_of(row) for row in connection.execute(lasting)]


def _closure_of(row: Row[Any]) -> Closure:
    ends = min((end for end in (row.ends, row.lifted_at) if end is not None), default=None)
    return struct_of(Closure, row, ends=ends, purposes=_purposes.decode(row.purposes))
