"""Doubts about an import: what is more likely a mistake than a registry."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from manualdial.registries.area_codes import AreaCodes, Pages, codes_with_numbers, has_numbers
from manualdial.registries.edition import Edition, ImportKind
from manualdial.registries.numbering import NumberingPlan

MOST_REJECTED = 0.1
"""The share of rejected rows above which the file is taken for another one than was meant."""
ENOUGH_ROWS = 1_000_000
"""After so many rows, a file that is mostly rejected is not read to its end."""
LEAST_KEPT = 0.5
"""The share of the held copy's numbers below which a new full list is taken for a part of it."""
MOST_EMPTY = 0.1
"""The share of the codes in service without a number above which a list is taken for a part of all codes."""
_CODES_SHOWN = 10


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an import, before it counts."""

    edition: Edition
    held: Edition | None
    """Of the copy whose place it is to take."""
    pages: Pages
    held_pages: Pages | None
    plan: NumberingPlan
    all_codes: AreaCodes | None
    """Where the list is said to have all codes of its country."""


def early_doubt(*, rows: int, rejected: int) -> str | None:
    """A reason not to read on, as a sentence; None where nothing does."""
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
    if found.edition.kind is not ImportKind.FULL:
        return None
    return _doubt_of_loss(found) or _doubt_of_codes(found) or _doubt_of_size(found)


def _doubt_of_codes(found: Findings) -> str | None:
    """Codes that the list should have, and has no number of."""
    edition = found.edition
    if found.all_codes is not None:
        empty, all_of_them = found.all_codes.left_out(edition.covered), len(found.all_codes.in_service)
        if len(empty) <= MOST_EMPTY * all_of_them:
            return None
        return (
            f"the list has no number of {len(empty)} of the {all_of_them} area codes in service, so that it cannot be "
            f"one of all area codes: {_some(empty)}; name the codes that were bought with --area-codes"
        )
    longest = len(edition.calling_code) + found.plan.longest
    missing = [prefix for prefix in edition.covered if not has_numbers(found.pages, prefix, longest=longest)]
    if not missing:
        return None
    codes = _some(prefix.removeprefix(edition.calling_code) for prefix in missing)
    return f"the list has no number of {len(missing)} of the codes it is said to cover: {codes}"


def _doubt_of_loss(found: Findings) -> str | None:
    """Codes of which the held copy has numbers; where codes are named, each of them was looked for already."""
    if found.held_pages is None or (found.all_codes is None and not found.edition.covers_all):
        return None
    lost = codes_with_numbers(found.held_pages, found.plan) - codes_with_numbers(found.pages, found.plan)
    if found.all_codes is not None:
        lost &= found.all_codes.must_stay
    if not lost:
        return None
    return (
        f"the list has no number of {len(lost)} of the codes of which the copy that is held has numbers: "
        f"{_some(sorted(lost))}"
    )


def _doubt_of_size(found: Findings) -> str | None:
    edition, held = found.edition, found.held
    if held is None or edition.counts.numbers >= LEAST_KEPT * held.counts.numbers:
        return None
    fewer_codes = not all(prefix.startswith(edition.covered) for prefix in held.covered)
    if found.all_codes is None and fewer_codes:
        return None
    return (
        f"the list has {edition.counts.numbers:,} numbers, and the copy that is held has {held.counts.numbers:,} "
        f"for the same codes"
    )


def _some(codes: Iterable[str]) -> str:
    shown = list(codes)
    return ", ".join(shown[:_CODES_SHOWN]) + (" …" if len(shown) > _CODES_SHOWN else "")
