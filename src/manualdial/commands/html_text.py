"""Text for a page of HTML: whatever others wrote down stands in it as text, and as nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from manualdial.commands.terminal import printable

_MOST_ZONES = 4
"""Zones that are named of those with one local time."""


def text(value: object) -> str:
    """Text of anybody as HTML: no markup, nothing that turns the direction of writing."""
    return escape(plain(value))


def plain(value: object) -> str:
    """Text of anybody, without what could steer a reader's screen. It is not HTML yet."""
    return "" if value is None else printable(value)


def table(rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and values, which are not HTML yet; what has no value is left out."""
    body = "".join(f"<tr><th>{text(name)}</th><td>{text(value)}</td></tr>" for name, value in rows if value)
    return f"<table><tbody>{body}</tbody></table>"


def decision(value: object) -> str:
    """A decision in its colour, as HTML."""
    style = value if value in ("allow", "warn", "block") else "dim"
    return f'<span class="{style}">{text(value)}</span>'


def part(value: object, *path: str) -> Any:
    """What stands at a path; None where nothing does."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def items(value: object) -> list[Any]:
    """A JSON array; an empty one where it is something else."""
    return value if isinstance(value, list) else []


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
    return {True: "yes", False: "no"}.get(value, plain(value)) if isinstance(value, bool) else plain(value)


def local(at: datetime | None, zones: Sequence[str]) -> str:
    """The moment on the called party's clocks; zones that show the same time together."""
    if at is None:
        return ""
    by_time: dict[str, list[str]] = {}
    for name in zones:
        try:
            zone = ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # no zone that is known here
            continue
        by_time.setdefault(at.astimezone(zone).strftime("%a %Y-%m-%d %H:%M:%S %z"), []).append(name)
    return "; ".join(f"{time} in {_named(names)}" for time, names in sorted(by_time.items()))


def _named(zones: Sequence[str]) -> str:
    more = len(zones) - _MOST_ZONES
    return ", ".join(zones[:_MOST_ZONES]) + (f" and {more} more zones" if more > 0 else "")


def utc(at: datetime) -> str:
    """A moment in UTC, to the millisecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def moment(value: object) -> datetime | None:
    """A moment in ISO 8601 with an offset; None where it is none."""
    try:
        found = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return None
    return found if found.tzinfo is not None else None


def moment_told(value: object) -> str:
    """A moment in ISO 8601 as it is shown; what is none, as it is."""
    found = moment(value)
    return plain(value) if found is None else utc(found)


def grid(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table with a heading. The cells are HTML already."""
    head = "".join(f"<th>{text(name)}</th>" for name in heading)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
