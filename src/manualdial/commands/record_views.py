"""How a record is shown: as JSON, and in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

import msgspec

from manualdial.commands.record_options import standing, time_shown
from manualdial.commands.terminal import printable
from manualdial.screening.records import AnyContent, Content, Record

_HEADING = ("NUMBER", "KIND", "WHAT", "SINCE", "BY", "UNTIL", "STANDING", "ID")
_OF_THE_END = ("WITHDRAWN", "BY", "WHY")
"""Columns that are there where a record was withdrawn."""
KINDS: Mapping[str, type[Content]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyContent)}
"""The kinds of records by their name in files."""
_LONGEST = 100


def kind_of(record: Record) -> str:
    """The kind of a record, as it is written in files."""
    return str(type(record.content).__struct_config__.tag)


def content_of(record: Record) -> dict[str, Any]:
    """What a record says, as it is written in files, with its kind."""
    content: dict[str, Any] = msgspec.to_builtins(record.content)
    return content


def told(record: Record) -> dict[str, Any]:
    """A record as JSON."""
    return {
        "id": record.id,
        "number": record.number,
        "accountNumber": record.account_number,
        "content": content_of(record),
        "recordedAt": _time(record.recorded_at),
        "recordedBy": record.recorded_by,
        "until": _time(record.until),
        "withdrawnAt": _time(record.withdrawn_at),
        "withdrawnBy": record.withdrawn_by,
        "withdrawnReason": record.withdrawn_reason,
        "usedAt": _time(record.used_at),
    }


def rows(records: Sequence[Record], *, now: datetime) -> list[tuple[str, ...]]:
    """The rows of a table, with its heading; where one was withdrawn also when, by whom, and why."""
    ended = any(record.withdrawn_at is not None for record in records)
    found = [_HEADING + _OF_THE_END] if ended else [_HEADING]
    return [*found, *(_row(record, now=now) + (_end(record) if ended else ()) for record in records)]


def _end(record: Record) -> tuple[str, ...]:
    who, why = record.withdrawn_by or "", record.withdrawn_reason or ""
    return (time_shown(record.withdrawn_at), printable(who), printable(why))


def _row(record: Record, *, now: datetime) -> tuple[str, ...]:
    said = {name: value for name, value in content_of(record).items() if name != "kind"}
    if record.account_number is not None:
        said = {"account": record.account_number, **said}
    what = ", ".join(f"{name} {value}" for name, value in said.items())
    return (
        record.number,
        kind_of(record),
        printable(what if len(what) <= _LONGEST else what[: _LONGEST - 1] + "…"),
        time_shown(record.recorded_at),
        printable(record.recorded_by),
        time_shown(record.until),
        standing(record, now=now),
        record.id,
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
