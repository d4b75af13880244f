"""Records of numbers: one is added, all are shown as a table or as JSON, and what became of an import is said."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from manualdial.commands.configuration import configuration, for_tenant
from manualdial.commands.failure import CommandFailed
from manualdial.commands.record_options import account_of, end_of, number_of, recorder, records_about, time_shown
from manualdial.commands.terminal import output, print_json_lines, say, table
from manualdial.imports.number_files import Rejects
from manualdial.imports.record_writing import WrittenRecords
from manualdial.law.records import AnyContent, Record, content_json, record_json
from manualdial.plain_text import counted, printable
from manualdial.ports import Storage

_HEADING = ("NUMBER", "KIND", "WHAT", "SINCE", "BY", "UNTIL", "STANDING", "ID")
_OF_THE_END = ("WITHDRAWN", "BY", "WHY")
"""Columns that are there where a record was withdrawn."""
_LONGEST = 100


def add_record(
    content: AnyContent,
    *,
    number: str,
    account: str | None,
    until: str | None,
    region: str | None,
    tenant: str | None,
    by: str | None,
    config: Path | None,
) -> Record:
    """Write down something about a number, as it is said on the command line."""
    settings, now = configuration(config), datetime.now(UTC)
    new = Record(
        id=str(uuid.uuid4()),
        tenant_id="",
        number=number_of(number, region, settings),
        account_number=account_of(account),
        content=content,
        recorded_at=now,
        recorded_by=recorder(by),
        until=end_of(until, now=now),
    )

    async def work(store: Storage, tenant_id: str) -> None:
        await store.add_records([msgspec.structs.replace(new, tenant_id=tenant_id)])

    for_tenant(settings, tenant, work)
    return new


def show_about(
    number: str,
    wanted: Callable[[Record], bool],
    *,
    account: str | None,
    as_json: bool,
    region: str | None,
    tenant: str | None,
    config: Path | None,
    nothing: str,
) -> None:
    """Print the records about a number that are wanted, oldest first."""
    settings = configuration(config)
    e164, of_account = number_of(number, region, settings), account_of(account)

    async def work(store: Storage, tenant_id: str) -> list[Record]:
        return list(filter(wanted, await records_about(store, tenant_id, e164, of_account)))

    show_records(for_tenant(settings, tenant, work), as_json=as_json, now=datetime.now(UTC), nothing=nothing)


def show_records(records: Sequence[Record], *, as_json: bool, now: datetime, nothing: str) -> None:
    """Print them; `nothing` is said where there is none."""
    if as_json:
        print_json_lines(map(record_json, records))
    elif records:
        output().print(table(_rows(records, now=now)))
    else:
        say(nothing)


def show_import(written: WrittenRecords, rejects: Rejects) -> None:
    """Say it, a sentence a line. Raises CommandFailed where a line was rejected: the others are taken."""
    say(f"{written.added:,} added, {written.there:,} there already, {rejects.count:,} rejected.")
    if written.withdrawn:
        say(f"{written.withdrawn:,} withdrawn earlier and left so; --again writes anew.")
    if rejects.count:
        say(f"The rejected lines are in {rejects.path}.")
        were = "was" if rejects.count == 1 else "were"
        raise CommandFailed(
            f"{counted(rejects.count, 'line')} {were} rejected; the first: {rejects.first.rstrip('.')}."
        )


def _rows(records: Sequence[Record], *, now: datetime) -> list[tuple[str, ...]]:
    """The rows of a table, with its heading; where one was withdrawn also when, by whom, and why."""
    ended = any(record.withdrawn_at is not None for record in records)
    found = [_HEADING + _OF_THE_END] if ended else [_HEADING]
    return [*found, *(_row(record, now=now) + (_end(record) if ended else ()) for record in records)]


def _end(record: Record) -> tuple[str, ...]:
    who, why = record.withdrawn_by or "", record.withdrawn_reason or ""
    return (time_shown(record.withdrawn_at), printable(who), printable(why))


def _row(record: Record, *, now: datetime) -> tuple[str, ...]:
    said = content_json(record)
    kind = said.pop("kind")
    if record.account_number is not None:
        said = {"account": record.account_number, **said}
    what = ", ".join(f"{name} {value}" for name, value in said.items())
    return (
        record.number,
        kind,
        printable(what if len(what) <= _LONGEST else what[: _LONGEST - 1] + "…"),
        time_shown(record.recorded_at),
        printable(record.recorded_by),
        time_shown(record.until),
        _status(record, now=now),
        record.id,
    )


def _status(record: Record, *, now: datetime) -> str:
    """Whether a record counts, in one word."""
    if record.withdrawn_at is not None and record.withdrawn_at <= now:
        return "withdrawn"
    return "counts" if record.counts_at(now) else "over"
