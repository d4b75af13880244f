"""NumberRun: sorted numbers of one part of an import, page by page."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from manualdial.registries.lines import Parsed
from manualdial.registries.number_file import PAGE_NUMBERS
from manualdial.registries.numbering import Numbers

Flags = npt.NDArray[np.uint8]
"""A row a page, a column a number: 1 where the number is in the set."""

_ALIGNED = 8


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How large a run is."""

    pages: int
    numbers: int

    @property
    def size(self) -> int:
        """Bytes that it takes in a file."""
        bare = 8 * self.pages + 4 * (self.pages + 1) + 2 * self.numbers
        return -(-bare // _ALIGNED) * _ALIGNED


class NumberRun:
    """Pages, where the numbers of each begin, and the last four digits of the numbers."""

    def __init__(
        self, pages: npt.NDArray[np.uint64], starts: npt.NDArray[np.uint32], suffixes: npt.NDArray[np.uint16]
    ) -> None:
        self.pages = pages
        self._starts = starts
        self._suffixes = suffixes

    @classmethod
    def of(cls, numbers: Numbers) -> NumberRun:
        """Of numbers that ascend, each once."""
        of_each = numbers // np.uint64(PAGE_NUMBERS)
        suffixes = (numbers - of_each * np.uint64(PAGE_NUMBERS)).astype(np.uint16)
        first = np.flatnonzero(np.diff(of_each, prepend=np.uint64(0)))  # there is no page 0 in E.164
        return cls(of_each[first], np.append(first, len(numbers)).astype(np.uint32), suffixes)

    @property
    def extent(self) -> Extent:
        """How large it is."""
        return Extent(pages=len(self.pages), numbers=len(self._suffixes))

    def encoded(self) -> bytes:
        """As it lies in a file."""
        data = b"".join((self.pages.tobytes(), self._starts.tobytes(), self._suffixes.tobytes()))
        return data.ljust(self.extent.size, b"\0")

    def mark(self, flags: Flags, pages: npt.NDArray[np.uint64], *, value: int) -> None:
        """Set its numbers among these pages, which ascend and are the rows of `flags`, to 1 or 0."""
        first, end = np.searchsorted(self.pages, [pages[0], pages[-1] + np.uint64(1)])
        if first == end:
            return
        starts = self._starts[first : end + 1].astype(np.int64)
        rows = np.searchsorted(pages, self.pages[first:end])
        places = np.repeat(rows * PAGE_NUMBERS, np.diff(starts))
        places += self._suffixes[starts[0] : starts[-1]]
        flags.reshape(-1)[places] = value


class StoredRun(msgspec.Struct, frozen=True, kw_only=True):
    """One that lies in a file."""

    path: Path
    offset: int
    extent: Extent
    takes_away: bool = False
    """Whether its numbers leave the set."""

    def open(self) -> NumberRun:
        """Map it: only what is looked at is read, and none of it stays in memory when the run is let go."""
        extent = self.extent
        data = np.memmap(self.path, np.uint8, "r", self.offset, (extent.size,))
        starts = 8 * extent.pages
        suffixes = starts + 4 * (extent.pages + 1)
        return NumberRun(
            data[:starts].view(np.uint64),
            data[starts:suffixes].view(np.uint32),
            data[suffixes : suffixes + 2 * extent.numbers].view(np.uint16),
        )


def ascending(numbers: Numbers) -> Numbers:
    """The numbers in order, each once."""
    if len(numbers) < 2 or (numbers[1:] > numbers[:-1]).all():
        return numbers
    ordered = np.sort(numbers)
    again = ordered[1:] == ordered[:-1]
    return np.append(ordered[:1], ordered[1:][~again])


def runs_of(parsed: Parsed) -> tuple[NumberRun, NumberRun]:
    """The numbers that a piece adds, and those that it takes away; of several rows of a number the last one counts."""
    there = parsed.numbers != 0
    numbers = parsed.numbers[there]
    if parsed.deletes is None:
        return NumberRun.of(ascending(numbers)), NumberRun.of(numbers[:0])
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    last = order[np.append(ordered[1:] != ordered[:-1], True)] if len(order) else order
    deletes = parsed.deletes[there][last]
    numbers = numbers[last]
    return NumberRun.of(numbers[~deletes]), NumberRun.of(numbers[deletes])
