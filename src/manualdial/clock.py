"""The time of the machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial

from manualdial.ports import Clock


class SystemClock:
    """The wall clock, in UTC, and the monotonic clock of the machine, in seconds since some moment."""

    now = staticmethod(partial(datetime.now, UTC))
    monotonic = staticmethod(time.monotonic)


_FITS: type[Clock] = SystemClock
