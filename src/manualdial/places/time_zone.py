"""Time zones by their name, with the rules of the installed package tzdata, whatever the machine itself has.

The zone rules of an operating system may be years old while provinces have left daylight saving time;
`zoneinfo.ZoneInfo(name)` would prefer them.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata, resources
from zoneinfo import ZoneInfo

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z][A-Za-z0-9_+-]*)*")

TIME_ZONE_RULES = metadata.version("tzdata")
"""The version of the rules, for the evidence of a verdict: `2026.6` is IANA's 2026f."""


class UnknownTimeZone(LookupError):
    """The tz database has no zone of that name."""


@cache
def time_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name. Read once, then kept: there are fewer than 600. Raises UnknownTimeZone."""
    if not _NAME.fullmatch(name):  # the folders are imported as packages: what is none is not asked for
        raise UnknownTimeZone(name)
    *folders, file = name.split("/")
    package = ".".join(("tzdata.zoneinfo", *folders))
    try:
        with resources.files(package).joinpath(file).open("rb") as rules:
            return ZoneInfo.from_file(rules, key=name)
    except (OSError, ImportError, ValueError):
        raise UnknownTimeZone(name) from None
