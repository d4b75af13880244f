"""Many records are written in batches; what is on record already is not written again."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from pathlib import Path

import msgspec

from manualdial.errors import ManualDialError
from manualdial.imports.number_files import LineRefused, NumberLine, NumberListFile, Rejects
from manualdial.law.records import AnyContent, Listing, Record
from manualdial.numbers import parse
from manualdial.ports import Person, Storage

BATCH = 1000
"""So many records the store is asked about, and given, at once."""
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "manualdial:record")


Bar = Callable[[str, int, Callable[[], int]], AbstractContextManager[Callable[[], None]]]
"""Shows how far a file is read, by its name, its size and how much of it is read: a context with what moves it on."""


class WrittenRecords(msgspec.Struct, kw_only=True):
    """Counts of the records of a file."""

    added: int = 0
    there: int = 0
    """Those that are on record already, and count."""
    withdrawn: int = 0
    """Those that were on record and were withdrawn: they stay so."""


def record_id(tenant_id: str, number: str, *parts: str) -> str:
    """The id of a record that was made of these: always the same, so that a second import of a file adds nothing."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join((tenant_id, number, *parts))))


def content_id(
    tenant_id: str, number: str, content: AnyContent, until: datetime | None, account: str | None = None
) -> str:
    """The id of a record by what it says, and of whom."""
    said = msgspec.json.encode(content, order="deterministic").decode()
    return record_id(tenant_id, number, said, "" if until is None else until.isoformat(), *of_account(account))


def of_account(account: str | None) -> tuple[str, ...]:
    """The part of a record's id that its account is."""
    return () if account is None else ("account", account)


async def write_records(
    store: Storage,
    tenant_id: str,
    records: Iterable[Record],
    *,
    now: datetime,
    again: bool = False,
    progress: Callable[[], None] = lambda: None,
) -> WrittenRecords:
    """Write the records that are not there yet. A record that was withdrawn is written anew with `again` only.

    What is committed stays committed where a later batch fails: the same import again goes on from there.
    """
    written = WrittenRecords()
    source = iter(records)
    while batch := list(islice(source, BATCH)):
        people = [Person(number=number) for number in dict.fromkeys(record.number for record in batch)]
        found = await store.records(tenant_id, people)  # also what was withdrawn
        known = {
            person.number: {record.id: record for record in records}
            for person, records in zip(people, found, strict=True)
        }
        new = [record for each in batch if (record := _new(each, known[each.number], written, now=now, again=again))]
        if new:
            await store.add_records(new)
        progress()
    return written


async def import_numbers(
    store: Storage,
    tenant_id: str,
    file: Path,
    read: Callable[[str, NumberLine], Record],
    *,
    region: str,
    column: str | None,
    now: datetime,
    again: bool,
    bar: Bar,
) -> tuple[WrittenRecords, Rejects]:
    """Write a record for each line of a file that has a number; the other lines go to its reject file.

    `read` makes the record of a number (E.164) and its line, or raises LineRefused. Raises FileUnusable, and
    NotAsSaid where the file has no such column.
    """
    with NumberListFile(file, column=column) as numbers, Rejects(file) as rejects:

        def records() -> Iterator[Record]:
            for line in numbers.lines():
                try:
                    yield read(_e164(line.number, region), line)
                except LineRefused as reason:
                    rejects.add(line.place, str(reason), line.text)

        with bar(file.name, numbers.size, lambda: numbers.position) as progress:
            return await write_records(store, tenant_id, records(), now=now, again=again, progress=progress), rejects


def _e164(typed: str, region: str) -> str:
    try:
        return parse(typed.lstrip("'"), region=region).e164  # an apostrophe keeps a spreadsheet from calculating
    except ManualDialError as error:
        raise LineRefused(error.message) from None


def _new(
    record: Record, known: dict[str, Record], written: WrittenRecords, *, now: datetime, again: bool
) -> Record | None:
    """The record as it is to be written, or None where it is there. `known`, of its number, is added to."""
    newest = None
    while (there := known.get(record.id)) is not None:
        newest = there
        record = msgspec.structs.replace(record, id=record_id(record.tenant_id, record.number, record.id, "again"))
    if (newest is not None and newest.counts_at(now)) or _is_covered(record, known.values(), now=now):
        written.there += 1
        return None
    if newest is not None and newest.withdrawn_at is not None and not again:
        written.withdrawn += 1
        return None
    written.added += 1
    known[record.id] = record
    return record


def _is_covered(record: Record, known: Iterable[Record], *, now: datetime) -> bool:
    """Whether a do-not-call list has the number already, and the account, for at least as long."""
    listing = record.content
    if not isinstance(listing, Listing):
        return False
    return any(
        isinstance(other.content, Listing)
        and (other.content.scope, other.content.campaign_id) == (listing.scope, listing.campaign_id)
        and record.account_number in (None, other.account_number)
        and other.counts_at(now)
        and (other.until is None or (record.until is not None and record.until <= other.until))
        for other in known
    )
