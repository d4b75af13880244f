"""Records about numbers, and their rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, bindparam, select, update

from manualdial.law.records import AnyContent, Record
from manualdial.ports import Person
from manualdial.storage.rows import key, row_of, struct_of
from manualdial.storage.tables import insert, number_records

_AT_ONCE = 1_000
"""How many ids stand in one statement."""

_content: msgspec.json.Decoder[AnyContent] = msgspec.json.Decoder(AnyContent)
_OF_TENANT = select(number_records).where(number_records.c.tenant_id == bindparam("of_tenant"))
_OF_NUMBERS = _OF_TENANT.where(number_records.c.number.in_(bindparam("names", expanding=True)))
_OF_ACCOUNTS = _OF_TENANT.where(number_records.c.account_key.in_(bindparam("names", expanding=True)))
_OF_KIND = (
    _OF_TENANT.where(number_records.c.kind == bindparam("of_kind"))
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


def records_of_people(connection: Connection, tenant_id: str, people: Sequence[Person]) -> list[list[Record]]:
    """All records about each of some people, oldest first."""
    accounts = {person.account_number for person in people if person.account_number is not None}
    found = _found(connection, _OF_NUMBERS, tenant_id, {person.number for person in people})
    found |= _found(connection, _OF_ACCOUNTS, tenant_id, {key(account) for account in accounts})
    by_number, by_account = defaultdict[str, list[Record]](list), defaultdict[str, list[Record]](list)
    for record in found.values():
        by_number[record.number].append(record)
        if record.account_number is not None and record.content.of_the_person:
            by_account[record.account_number].append(record)
    return [_of_person(person, by_number, by_account) for person in people]


def _found(connection: Connection, query: Select[Any], tenant_id: str, names: Collection[str]) -> dict[str, Record]:
    """Records by their ids."""
    if not names:
        return {}
    rows = connection.execute(query, {"of_tenant": tenant_id, "names": sorted(names)})
    return {row.id: _record_of(row) for row in rows}


def _of_person(
    person: Person, by_number: Mapping[str, list[Record]], by_account: Mapping[str, list[Record]]
) -> list[Record]:
    about = {record.id: record for record in by_number.get(person.number, ())}
    if person.account_number is not None:
        about |= {record.id: record for record in by_account.get(person.account_number, ())}
    return sorted(about.values(), key=lambda record: (record.recorded_at, record.id))


def records_of_kind(
    connection: Connection, tenant_id: str, kind: str, *, after: str | None, limit: int
) -> list[Record]:
    """Records of one kind by id, those after the id `after`."""
    query = _OF_KIND if after is None else _OF_KIND.where(number_records.c.id > after)
    found = connection.execute(query, {"of_tenant": tenant_id, "of_kind": kind, "limit": limit})
    return [_record_of(row) for row in found]


def withdraw_records(
    connection: Connection, tenant_id: str, ids: Collection[str], *, by: str, at: datetime, reason: str | None
) -> int:
    """End records that are not withdrawn yet. Returns how many."""
    withdrawal = _WITHDRAW.values(withdrawn_at=at, withdrawn_by=by, withdrawn_reason=reason)
    # Sorted, so that two transactions wait for one another in one direction only.
    rest = iter(sorted(set(ids)))
    withdrawn = 0
    while some := list(islice(rest, _AT_ONCE)):
        withdrawn += connection.execute(withdrawal, {"of_tenant": tenant_id, "ids": some}).rowcount
    return withdrawn


def _record_row(record: Record) -> dict[str, Any]:
    return row_of(
        number_records,
        record,
        account_key=None if record.account_number is None else key(record.account_number),
        kind=record.content.__struct_config__.tag,
        body=msgspec.json.encode(record.content),
    )


def _record_of(row: Row[Any]) -> Record:
    return struct_of(Record, row, content=_content.decode(row.body))
