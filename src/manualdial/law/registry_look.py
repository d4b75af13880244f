"""A look into the held copy of a do-not-call registry, and its finding."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class RegistryStanding(StrEnum):
    """Whether a number is on a registry, as far as the held copy can tell."""

    LISTED = "listed"
    NOT_LISTED = "not-listed"
    """The copy covers the number's code, and the number is not in it."""
    NOT_COVERED = "not-covered"
    """The copy was bought for other codes: the number is not checked, which is never "not listed"."""


class RegistryLook(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of one held copy about one number."""

    registry: str
    """The name of the registry, such as `us-national`."""
    standing: RegistryStanding
    edition: str
    """The copy's name by whoever imported it."""
    as_of: datetime
    """The instant of the source, with its zone; not that of the import."""


class RegistryUnreadable(Exception):
    """A copy of the registry is held and cannot be read: damaged, cut short, or the disk refuses.

    The text names the registry and says what is wrong, and has neither path nor number.
    """
