"""Edition: what a held copy of a registry says about itself."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

import msgspec

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_NAME = 64


class ImportKind(StrEnum):
    """The kind of list that was imported."""

    FULL = "full"
    CHANGES = "changes"


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file that was imported, as it came."""

    name: str
    size: int
    """In bytes."""
    sha256: str


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of the rows of the last import, and of its result."""

    rows: int
    """Lines that are no blank and no heading."""
    rejected: int
    """Rows in which no number of the registry was found."""
    duplicates: int
    """Rows whose number came before; of a change list: rows that a later row of the same number replaced."""
    numbers: int
    """Different numbers in the copy."""
    added: int
    removed: int


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """One copy of a registry: where it came from and how much of the registry it is."""

    registry: str
    edition: str
    """The operator's name for it; for evidence."""
    as_of: datetime
    """The instant of the source, which the age of the copy counts from."""
    imported_at: datetime
    kind: ImportKind
    calling_code: str
    covered: tuple[str, ...]
    """Beginnings of the numbers that the copy covers, without the plus. The calling code alone: all of them."""
    counts: Counts
    sources: tuple[SourceFile, ...]
    body_sha256: str
    """Digest of the numbers as they lie in the file."""
    changed_sha256: str | None = None
    """After a change list: the `body_sha256` of the copy that it was applied to."""

    @property
    def covers_all(self) -> bool:
        """Whether every number of the calling code is covered."""
        return self.covered == (self.calling_code,)


def is_registry_name(name: str) -> bool:
    """Whether a registry can be called so: small letters, digits and single dashes, such as `us-national`."""
    return len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None
