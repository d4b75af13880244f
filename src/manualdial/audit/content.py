"""The content of links and records, for whoever reads an export: JSON of any shape, and moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from manualdial.evidence import Kind, Sealed
from manualdial.plain_text import listed, printable

Content = Mapping[str, Any]

BEGINNINGS = (Kind.ATTEMPT, Kind.REFUSAL)
"""The kinds of links that an attempt begins with."""
_MOST_ZONES = 4
"""Zones that are named of those with one local time."""


def content_of(link: Sealed) -> dict[str, Any]:
    """The content of a link; nothing where it is not what this service wrote."""
    try:
        content = link.to_json()["content"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return {}
    return content if isinstance(content, dict) else {}


def items(value: object) -> list[Any]:
    """A JSON array; an empty one where it is something else."""
    return value if isinstance(value, list) else []


def plain(value: object) -> str:
    """Text of anybody, without what could steer a reader's screen; nothing for None."""
    return "" if value is None else printable(value)


def pairs(value: object) -> str:
    """A JSON object in a line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_inner(each)}" for name, each in value.items())
    return plain(value)


def _inner(value: object) -> str:
    if isinstance(value, Mapping):
        return f"({pairs(value)})"
    if isinstance(value, list):
        return "; ".join(map(_inner, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value)


def utc(at: datetime) -> str:
    """A moment in UTC, to the millisecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def utc_of(value: object) -> str:
    """A moment in ISO 8601 with an offset, as it is shown; what is none, as it is."""
    found = _moment(value)
    return plain(value) if found is None else utc(found)


def local(value: object, zones: Sequence[str]) -> str:
    """A moment on the called party's clocks; zones that show the same time together. Nothing for what is none."""
    at = value if isinstance(value, datetime) else _moment(value)
    by_time: dict[str, list[str]] = {}
    for name in zones if at is not None else ():
        try:
            zone = ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # no zone that is known here
            continue
        if at is not None:
            by_time.setdefault(at.astimezone(zone).strftime("%a %Y-%m-%d %H:%M:%S %z"), []).append(name)
    return "; ".join(f"{time} in {_named(names)}" for time, names in sorted(by_time.items()))


def _named(zones: list[str]) -> str:
    return listed(zones, most=_MOST_ZONES) + (" zones" if len(zones) > _MOST_ZONES else "")


def _moment(value: object) -> datetime | None:
    try:
        found = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return None
    return found if found.tzinfo is not None else None
