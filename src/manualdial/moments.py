"""Moments as programs and people write them."""

from __future__ import annotations

from datetime import UTC, datetime

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def moment(text: str, name: str) -> datetime:
    """The moment that a text says in ISO 8601, in the offset that it has.

    Raises ValueError, whose text says of `name` what it should be, and is good for the wire.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{name} is a moment such as 2026-11-20T06:00:00-05:00") from None
    if found.tzinfo is None:
        raise ValueError(f"{name} has no offset from UTC; it is a moment such as 2026-11-20T06:00:00-05:00")
    if not _EARLIEST < found < _LATEST:
        raise ValueError(f"{name} is no moment of our time")
    return found
