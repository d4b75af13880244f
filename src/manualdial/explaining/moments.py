"""Moments as people read them: in this machine's time, and in that of whoever is called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from manualdial.places.time_zone import UnknownTimeZone, time_zone

_MOST_ZONES = 3


def here(at: datetime) -> str:
    """The moment in this machine's time zone: "Tue 2026-11-24 20:30 EST"."""
    return _clock(at.astimezone())


def there(at: datetime, name: str) -> str:
    """The moment in a zone: "Tue 2026-11-24 20:30 in America/New_York"."""
    return f"{_clock(at.astimezone(time_zone(name)), named=False)} in {name}"


def wherever(at: datetime, names: Sequence[str]) -> str:
    """The moment in the zones in which somebody may be: in each; of many, the earliest and the latest clock."""
    if len(names) <= _MOST_ZONES:
        return ", ".join(there(at, name) for name in names)
    clocks = sorted(names, key=lambda name: at.astimezone(time_zone(name)).replace(tzinfo=UTC))
    return f"{there(at, clocks[0])} to {there(at, clocks[-1])}, {len(names)} time zones"


def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone of that name."""
    try:
        time_zone(name)
    except UnknownTimeZone:
        return False
    return True


def _clock(local: datetime, *, named: bool = True) -> str:
    form = "%H:%M:%S" if local.second else "%H:%M"
    return f"{local:%a %Y-%m-%d {form}}" + (f" {local:%Z}" if named else "")
