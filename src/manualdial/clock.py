"""The time of the machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from manualdial.ports import Clock


class SystemClock:
    """The wall clock and the monotonic clock of the machine."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        return time.monotonic()


_FITS: type[Clock] = SystemClock
