"""A line of JSON → a record: strict about types and names, so that nothing is written down that was not meant."""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import available_timezones

import msgspec

from manualdial.errors import ManualDialError
from manualdial.imports.number_files import FileUnusable, LineRefused, Rejects
from manualdial.imports.record_writing import Bar, WrittenRecords, content_id, write_records
from manualdial.law.facts import is_a_place
from manualdial.law.records import (
    KINDS,
    AnyContent,
    Business,
    Consent,
    Line,
    Listing,
    ListScope,
    Record,
    Refusal,
    RegistryAnswer,
    Relationship,
    Residence,
)
from manualdial.moments import moment
from manualdial.numbers import is_region, parse
from manualdial.ports import Storage

LONGEST_ACCOUNT = 1024
"""In characters, as in the requests: a press can name no longer one."""
_LONGEST_LINE = 65_536
_SHOWN_OF_A_REJECT = 4096
_AROUND = ("number", "account_number", "region", "until", "id")
"""The fields of a line beside the content."""
_EARLIEST_DATE = timedelta(hours=14)
"""How far ahead of UTC the date is where it changes first."""


class LineReader:
    """Reads the lines of one file."""

    def __init__(
        self, *, tenant_id: str, region: str, registries: Collection[str], recorded_by: str, now: datetime
    ) -> None:
        """`registries` are the names that an answer of a registry may have."""
        self._tenant_id = tenant_id
        self._region = region
        self._registries = registries
        self._recorded_by = recorded_by
        self._now = now

    def record(self, line: bytes) -> Record:
        """The record of a line. Raises LineRefused."""
        said = _object(line)
        around = {name: said.pop(name) for name in _AROUND if name in said}
        content = self._content(said)
        region = _text(around, "region")
        if region is not None and not is_region(region):
            raise LineRefused("region is no ISO 3166 code")
        try:
            number = parse(around.get("number"), region=region or self._region).e164
        except ManualDialError as error:
            raise LineRefused(error.message) from None
        until = _moment(_text(around, "until"), "until")
        _need(until is None or until > self._now, "until is past")
        account = _account(around)
        own_id = _text(around, "id")
        return Record(
            id=content_id(self._tenant_id, number, content, until, account) if own_id is None else _uuid(own_id),
            tenant_id=self._tenant_id,
            number=number,
            account_number=account,
            content=content,
            recorded_at=self._now,
            recorded_by=self._recorded_by,
            until=until,
        )

    def _content(self, said: dict[str, Any]) -> AnyContent:
        kind = KINDS.get(said["kind"]) if isinstance(said.get("kind"), str) else None
        if kind is None:
            raise LineRefused(f"kind is one of {', '.join(KINDS)}")
        names = {field.encode_name for field in msgspec.structs.fields(kind)}
        if unknown := sorted(set(said) - names - {"kind"}):
            raise LineRefused(f"{said['kind']} has no {', '.join(unknown)}")
        try:
            content: AnyContent = msgspec.convert(said, AnyContent)
        except msgspec.ValidationError as error:
            raise LineRefused(str(error)) from None
        for name in names:
            value = getattr(content, name)
            if isinstance(value, datetime) and value.tzinfo is None:
                raise LineRefused(f"{name} has no offset from UTC")
        return self._checked(content)

    def _checked(self, content: AnyContent) -> AnyContent:
        """The content, checked for the rules that types do not say. Raises LineRefused."""
        match content:
            case Listing():
                _need(
                    (content.scope is ListScope.CAMPAIGN) == bool(content.campaign_id),
                    "campaign_id and scope campaign go together",
                )
            case Refusal():
                _need(content.refused_at <= self._now, "refused_at is still to come")
            case Consent():
                _need(content.given_at <= self._now, "given_at is still to come")
                begins, ends = content.slot_from, content.slot_until
                _need((begins is None) == (ends is None), "slot_from goes with slot_until")
                _need(begins is None or ends is None or begins < ends, "slot_until is not after slot_from")
            case Relationship():
                _need(content.on <= (self._now + _EARLIEST_DATE).date(), "on is still to come")
                _need(content.ended_on is None or content.on <= content.ended_on, "ended_on is before on")
            case Residence():
                _need(content.zone is None or content.zone in available_timezones(), "zone is no IANA time zone")
                _need(is_a_place(content), "no known place: one of zip_code, jurisdiction and zone is needed")
            case Line() | Business():
                _need(bool(content.source.strip()), "source is empty")
            case RegistryAnswer():
                _need(content.registry in self._registries, f"no policy names the registry {content.registry}")
                _need(content.answered_at <= self._now, "answered_at is still to come")
                _need(content.answered_at < content.valid_until, "valid_until is not after answered_at")
        return content


async def import_lines(
    store: Storage, tenant_id: str, file: Path, reader: LineReader, *, now: datetime, again: bool, bar: Bar
) -> tuple[WrittenRecords, Rejects]:
    """Write the records of a file; lines that are none go to its reject file. Raises FileUnusable."""
    try:
        lines = file.open("rb")
    except OSError as error:
        raise FileUnusable(f"{file} cannot be read: {error.strerror}.") from None
    with lines, Rejects(file) as rejects:
        records = _records(lines, reader, rejects)
        with bar("records", os.fstat(lines.fileno()).st_size, lines.tell) as progress:
            return await write_records(store, tenant_id, records, now=now, again=again, progress=progress), rejects


def _records(lines: BinaryIO, reader: LineReader, rejects: Rejects) -> Iterator[Record]:
    """The records of a file; what is none goes to the rejects."""
    place = 0
    while line := lines.readline(_LONGEST_LINE + 2):
        place += 1
        rest = line
        while len(rest) > _LONGEST_LINE and not rest.endswith(b"\n"):
            rest = lines.readline(_LONGEST_LINE + 2)
        text = line.removeprefix(b"\xef\xbb\xbf").strip() if place == 1 else line.strip()
        if not text:
            continue
        try:
            _need(len(text) <= _LONGEST_LINE, "the line is too long")
            yield reader.record(text)
        except LineRefused as error:
            rejects.add(place, str(error), text[:_SHOWN_OF_A_REJECT].decode(errors="backslashreplace"))


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise LineRefused(otherwise)


def _object(line: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LineRefused(f"no JSON: {error}") from None
    if not isinstance(said, dict):
        raise LineRefused("no JSON object")
    return said


def _text(around: Mapping[str, Any], name: str) -> str | None:
    value = around.get(name)
    if value is not None and not isinstance(value, str):
        raise LineRefused(f"{name} is a text")
    return value


def _account(around: Mapping[str, Any]) -> str | None:
    account = _text(around, "account_number")
    if account is None:
        return None
    _need(bool(account.strip()), "account_number is empty")
    _need(len(account) <= LONGEST_ACCOUNT, f"account_number is longer than {LONGEST_ACCOUNT} characters")
    return account.strip()


def _moment(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        return moment(text, name).astimezone(UTC)
    except ValueError as fault:
        raise LineRefused(str(fault)) from None


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise LineRefused("id is no UUID") from None
