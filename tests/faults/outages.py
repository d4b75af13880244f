"""When the service died and when the database was away: what was told in between may never have been written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_WRITES_WITHIN: Final = 1.0
"""Seconds in which the service writes what it has told, while the database is there."""
_WRITES_AGAIN_WITHIN: Final = 4.0
"""Seconds in which it writes what is pending, once a database is back that was away for as long as here."""


@dataclass(frozen=True, kw_only=True)
class Outages:
    """All of a run, in seconds since 1970."""

    died_at: Sequence[float] = ()
    """When the service ended, for whatever reason."""
    database_away: list[tuple[float, float]] = field(default_factory=list)
    """From when to when nothing could be written, or hardly anything."""

    def may_be_lost(self, told_at: float) -> bool:
        """Whether the service died before what it told at that moment was written."""
        written_by = told_at + _WRITES_WITHIN
        for start, end in self.database_away:
            if start <= written_by and told_at <= end:
                written_by = max(written_by, end + _WRITES_AGAIN_WITHIN)
        return any(told_at <= died <= written_by for died in self.died_at)
