"""Closures of jurisdictions, and their rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, or_, select, update

from manualdial.law.closure import Closure
from manualdial.law.verdict import Purpose
from manualdial.storage.tables import closures

_purposes = msgspec.json.Decoder(frozenset[Purpose])


def add_closure(connection: Connection, closure: Closure) -> None:
    """Write a closure."""
    row = {
        "id": closure.id,
        "tenant_id": closure.tenant_id,
        "jurisdiction": closure.jurisdiction,
        "begins": closure.begins,
        "ends": closure.ends,
        "purposes": msgspec.json.encode(sorted(closure.purposes)).decode(),
        "reason": closure.reason,
        "closed_by": closure.closed_by,
    }
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
    return Closure(
        id=row.id,
        tenant_id=row.tenant_id,
        jurisdiction=row.jurisdiction,
        begins=row.begins,
        ends=min((end for end in (row.ends, row.lifted_at) if end is not None), default=None),
        purposes=_purposes.decode(row.purposes),
        reason=row.reason,
        closed_by=row.closed_by,
    )
