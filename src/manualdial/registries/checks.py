"""Doubts about an import: what is more likely a mistake than a registry."""

from __future__ import annotations

from typing import Protocol

import msgspec

from manualdial.registries.edition import Edition, ImportKind
from manualdial.registries.numbering import NumberingPlan

MOST_REJECTED = 0.1
"""The share of rejected rows above which the file is taken for another one than was meant."""
ENOUGH_ROWS = 1_000_000
"""After so many rows, a file that is mostly rejected is not read to its end."""
LEAST_KEPT = 0.5
"""The share of the held copy's numbers below which a new full list is taken for a part of it."""


class Pages(Protocol):
    """What numbers there are, roughly."""

    def has_numbers(self, prefix: str, *, longest: int) -> bool:
        """Whether there may be a number with this beginning, of at most `longest` digits."""
        ...


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found, before it counts."""

    edition: Edition
    held: Edition | None
    """Of the copy whose place it is to take."""
    pages: Pages
    plan: NumberingPlan


def early_doubt(*, rows: int, rejected: int) -> str | None:
    """What makes it pointless to read on, as a sentence; None where nothing does."""
    if rows < ENOUGH_ROWS or rejected <= rows / 2:
        return None
    return f"{rejected:,} of the first {rows:,} rows have no number of the registry"


def doubt(found: Findings) -> str | None:
    """The first doubt, as a sentence; None where there is none."""
    counts, held = found.edition.counts, found.held
    if counts.rows == counts.rejected:
        return f"no number of calling code +{found.plan.calling_code} was found in {counts.rows:,} rows"
    if counts.rejected > MOST_REJECTED * counts.rows:
        return (
            f"{counts.rejected:,} of {counts.rows:,} rows have no number of calling code "
            f"+{found.plan.calling_code}, more than {MOST_REJECTED:.0%}"
        )
    if held is not None and found.edition.as_of < held.as_of:
        return f"the copy that is held is newer: as of {held.as_of.isoformat()}"
    return _doubt_of_full(found) if found.edition.kind is ImportKind.FULL else None


def _doubt_of_full(found: Findings) -> str | None:
    edition, held = found.edition, found.held
    longest = len(edition.calling_code) + found.plan.longest
    empty = [prefix for prefix in edition.covered if not found.pages.has_numbers(prefix, longest=longest)]
    if empty:
        codes = ", ".join(prefix.removeprefix(edition.calling_code) for prefix in empty[:10])
        return f"the list has no number of {len(empty)} of the codes it is said to cover: {codes}"
    if held is None or held.covered != edition.covered or edition.counts.numbers >= LEAST_KEPT * held.counts.numbers:
        return None
    return (
        f"the list has {edition.counts.numbers:,} numbers, and the copy that is held has {held.counts.numbers:,} "
        f"for the same codes"
    )
