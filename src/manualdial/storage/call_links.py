"""The journal beside the chains of evidence: which links the calls have."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, case, exists, literal_column, or_, select, tuple_

from manualdial.evidence import Kind
from manualdial.ports import CallLinks
from manualdial.storage.attempts import OVER
from manualdial.storage.tables import calls, evidence


def _has(kind: Kind) -> ColumnElement[bool]:
    """Whether the chain of the call's tenant has a link of this kind: what stands before link 1 is in none.

    One kind at a time: for two, SQLite reads the chain from its beginning for each call.
    """
    return exists(
        select(literal_column("1")).where(
            evidence.c.call_id == calls.c.id,
            evidence.c.kind == kind.value,
            evidence.c.tenant_id == calls.c.tenant_id,
            evidence.c.seq > 0,
        )
    )


_has_attempt = _has(Kind.ATTEMPT)
# One statement, so that all of it is of one moment: a call and its links are written in one transaction.
CALL_LINKS = (
    select(
        calls.c.id,
        calls.c.requested_at,
        calls.c.state,
        _has_attempt.label("has_attempt"),
        or_(_has(Kind.OUTCOME), _has(Kind.RETRACTION)).label("has_ending"),
        case((~_has_attempt, calls.c.verdict)).label("verdict"),
    )
    .where(calls.c.tenant_id == bindparam("of_tenant"))
    .order_by(calls.c.requested_at, calls.c.id)
    .limit(bindparam("limit"))
)


def call_links(
    connection: Connection, tenant_id: str, *, after: tuple[datetime, str] | None, limit: int
) -> list[CallLinks]:
    """Calls of a tenant with their links, by the time of the press and their id, those behind `after`."""
    query = CALL_LINKS
    if after is not None:
        query = query.where(tuple_(calls.c.requested_at, calls.c.id) > after)
    return [
        CallLinks(
            call_id=row.id,
            requested_at=row.requested_at,
            is_over=row.state in OVER,
            has_attempt=bool(row.has_attempt),
            has_ending=bool(row.has_ending),
            verdict=row.verdict,
        )
        for row in connection.execute(query, {"of_tenant": tenant_id, "limit": limit})
    ]
