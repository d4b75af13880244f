"""Blocks of the pages of a new copy: the parts of an import put together, block by block."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from manualdial.registries.beginnings import Pages
from manualdial.registries.number_file import PAGE_NUMBERS, SPARSE_BELOW, NumberFile
from manualdial.registries.number_runs import Flags, StoredRun
from manualdial.registries.page_writing import Block, block_of

_PAGES_AT_ONCE = 2048
"""A block of flags then takes 20 MB."""


class Merge:
    """The numbers of a held copy, if there is one, with runs applied to it in their order."""

    def __init__(self, runs: Sequence[StoredRun], *, held: NumberFile | None) -> None:
        """No run is empty."""
        self._spans: list[tuple[StoredRun, int, int]] = []
        self._held = held
        self._held_pages: Pages = np.array(held.pages if held else (), np.uint64)
        self.pages = self._held_pages
        """Pages that may have a number, ascending."""
        for stored in runs:
            pages = stored.open().pages
            self._spans.append((stored, int(pages[0]), int(pages[-1])))
            if not stored.takes_away:
                self.pages = np.union1d(self.pages, pages)

    def blocks(self, pool: ThreadPoolExecutor, *, workers: int) -> Iterator[Block]:
        """All pages, in order. At most `workers` blocks are in the making. Raises RegistryUnreadable (held copy)."""
        making: deque[Future[Block]] = deque()
        for first in range(0, len(self.pages), _PAGES_AT_ONCE):
            making.append(pool.submit(self._block, self.pages[first : first + _PAGES_AT_ONCE]))
            if len(making) > workers:
                yield making.popleft().result()
        while making:
            yield making.popleft().result()

    def _block(self, pages: Pages) -> Block:
        flags = np.zeros((len(pages), PAGE_NUMBERS), np.uint8)
        if self._held is not None:
            self._mark_held(self._held, flags, pages)
        for stored, first, last in self._spans:
            if first <= pages[-1] and last >= pages[0]:
                stored.open().mark(flags, pages, value=0 if stored.takes_away else 1)
        return block_of(pages, flags)

    def _mark_held(self, held: NumberFile, flags: Flags, pages: Pages) -> None:
        first, end = np.searchsorted(self._held_pages, [pages[0], pages[-1] + np.uint64(1)])
        rows = np.searchsorted(pages, self._held_pages[first:end])
        for index, row in zip(range(int(first), int(end)), rows.tolist(), strict=True):
            data = np.frombuffer(held.page(index), np.uint8)
            if held.counts[index] < SPARSE_BELOW:
                flags[row, data.view(np.uint16)] = 1
            else:
                flags[row] = np.unpackbits(data)
