"""Records about numbers, and their rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, select, update

from manualdial.screening.records import AnyContent, Record
from manualdial.storage.rows import key
from manualdial.storage.tables import insert, number_records

_AT_ONCE = 1_000
"""How many ids stand in one statement."""

_content: msgspec.json.Decoder[AnyContent] = msgspec.json.Decoder(AnyContent)
_OF_NUMBER = (
    select(number_records)
    .where(number_records.c.tenant_id == bindparam("of_tenant"), number_records.c.number == bindparam("of_number"))
    .order_by(number_records.c.recorded_at, number_records.c.id)
)
_OF_KIND = (
    select(number_records)
    .where(number_records.c.tenant_id == bindparam("of_tenant"), number_records.c.kind == bindparam("of_kind"))
    .order_by(number_records.c.id)
    .limit(bindparam("limit"))
)
_WITHDRAW = update(number_records).where(
    number_records.c.tenant_id == bindparam("of_tenant"),
    number_records.c.id.in_(bindparam("ids", expanding=True)),
    number_records.c.withdrawn_at.is_(None),
)


def add_records(connection: Connection, records: Sequence[Record]) -> None:
    """Write records; one whose id is there already is left as it is."""
    if records:
        new = insert(number_records, connection.dialect.name).on_conflict_do_nothing()
        connection.execute(new, sorted(map(_record_row, records), key=lambda row: str(row["id"])))


def records_of_number(connection: Connection, tenant_id: str, number: str) -> list[Record]:
    """All records about a number, oldest first."""
    found = connection.execute(_OF_NUMBER, {"of_tenant": tenant_id, "of_number": number})
    return [_record_of(row) for row in found]


def records_of_kind(
    connection: Connection, tenant_id: str, kind: str, *, after: str | None, limit: int
) -> list[Record]:
    """Records of one kind by id, those after the id `after`."""
    query = _OF_KIND if after is None else _OF_KIND.where(number_records.c.id > after)
    found = connection.execute(query, {"of_tenant": tenant_id, "of_kind": kind, "limit": limit})
    return [_record_of(row) for row in found]


def withdraw_records(connection: Connection, tenant_id: str, ids: Collection[str], *, by: str, at: datetime) -> int:
    """End records that are not withdrawn yet. Returns how many."""
    withdrawal = _WITHDRAW.values(withdrawn_at=at, withdrawn_by=by)
    # Sorted, so that two transactions wait for one another in one direction only.
    rest = iter(sorted(set(ids)))
    withdrawn = 0
    while some := list(islice(rest, _AT_ONCE)):
        withdrawn += connection.execute(withdrawal, {"of_tenant": tenant_id, "ids": some}).rowcount
    return withdrawn


def _record_row(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "tenant_id": record.tenant_id,
        "number": record.number,
        "account_number": record.account_number,
        "account_key": None if record.account_number is None else key(record.account_number),
        "kind": record.content.__struct_config__.tag,
        "body": msgspec.json.encode(record.content),
        "recorded_at": record.recorded_at,
        "recorded_by": record.recorded_by,
        "until": record.until,
        "withdrawn_at": record.withdrawn_at,
        "withdrawn_by": record.withdrawn_by,
        "used_at": record.used_at,
    }


def _record_of(row: Row[Any]) -> Record:
    return Record(
        id=row.id,
        tenant_id=row.tenant_id,
        number=row.number,
        account_number=row.account_number,
        content=_content.decode(row.body),
        recorded_at=row.recorded_at,
        recorded_by=row.recorded_by,
        until=row.until,
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.withdrawn_by,
        used_at=row.used_at,
    )
