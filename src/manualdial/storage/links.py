"""The chains of evidence as they are read, shortened, and compared with the journal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    case,
    delete,
    exists,
    literal_column,
    or_,
    select,
    tuple_,
)

from manualdial.evidence import Kind, Sealed, pruned
from manualdial.ports import CallLinks
from manualdial.storage.chains import heads_of, sealed, write_links
from manualdial.storage.contact_history import OVER
from manualdial.storage.rows import struct_of
from manualdial.storage.tables import calls, evidence

_KINDS = frozenset(Kind)
_OLDEST = (
    select(evidence)
    .where(evidence.c.tenant_id == bindparam("of_tenant"))
    .order_by(evidence.c.seq)
    .limit(bindparam("limit"))
)
_REMOVE = delete(evidence).where(evidence.c.tenant_id == bindparam("of_tenant"), evidence.c.seq <= bindparam("through"))


def link_of(row: Row[Any]) -> Sealed:
    """The link of a row, whatever somebody has made of it: a proof of the chain then names it."""
    kind = Kind(row.kind) if row.kind in _KINDS else row.kind
    # SQLite's functions make text of it.
    body = row.body if isinstance(row.body, bytes) else str(row.body).encode()
    return struct_of(Sealed, row, kind=kind, body=body)


def links_after(connection: Connection, tenant_id: str, *, after: int, limit: int) -> list[Sealed]:
    """Links of a chain behind that number, in their order."""
    query = _OLDEST.where(evidence.c.seq > after)
    return [link_of(row) for row in connection.execute(query, {"of_tenant": tenant_id, "limit": limit})]


def prune(connection: Connection, *, tenant_id: str, before: datetime, limit: int) -> int:
    """Remove the oldest links of a chain, and put to its end how far. Returns how many. Raises ChainMoved."""
    heads = heads_of(connection, [tenant_id], known={})
    old: list[Sealed] = []
    for row in connection.execute(_OLDEST, {"of_tenant": tenant_id, "limit": limit}):
        if row.at >= before:
            break
        old.append(link_of(row))
    # What is left of a chain that was pruned is not worth another link.
    if all(link.kind is Kind.PRUNED for link in old):
        return 0
    cut = pruned(old[-1], at=datetime.now(UTC), count=len(old))
    write_links(connection, sealed([cut], heads))
    connection.execute(_REMOVE, {"of_tenant": tenant_id, "through": old[-1].seq}).close()
    return len(old)


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
        calls.c.id.label("call_id"),
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
        struct_of(
            CallLinks,
            row,
            is_over=row.state in OVER,
            has_attempt=bool(row.has_attempt),
            has_ending=bool(row.has_ending),
        )
        for row in connection.execute(query, {"of_tenant": tenant_id, "limit": limit})
    ]
