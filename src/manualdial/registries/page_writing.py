"""Pages of a new copy: the parts of an import put together block by block, and the file that they are written to."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import numpy as np
import numpy.typing as npt

from manualdial.registries.area_codes import Pages
from manualdial.registries.edition import Edition
from manualdial.registries.number_file import (
    BITMAP_BYTES,
    FIXED,
    FIXED_BYTES,
    MAGIC,
    PAGE_NUMBERS,
    SPARSE_BELOW,
    VERSION,
    NumberFile,
    page_bytes,
)
from manualdial.registries.number_runs import Flags, StoredRun
from manualdial.registries.workspace import fsync_folder

_MODE = 0o644
_PAGES_AT_ONCE = 2048
"""A block of flags then takes 20 MB."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Some pages as they lie in the file; no page is empty."""

    pages: npt.NDArray[np.uint64]
    counts: npt.NDArray[np.uint32]
    checksums: list[int]
    data: bytes


def block_of(pages: npt.NDArray[np.uint64], flags: Flags) -> Block:
    """Pack the rows of `flags`, one a page."""
    bitmaps = np.packbits(flags, axis=1)
    counts = np.bitwise_count(bitmaps).sum(axis=1, dtype=np.uint32)
    is_sparse = counts < SPARSE_BELOW
    # Of a flat array of booleans numpy finds the few that are set many times faster than of any other.
    places = np.flatnonzero(flags[is_sparse].view(np.bool_))
    suffixes = (places % PAGE_NUMBERS).astype(np.uint16).tobytes()
    whole = memoryview(bitmaps.tobytes())
    parts: list[bytes | memoryview] = []
    taken = 0
    for row, count in enumerate(counts.tolist()):
        if count >= SPARSE_BELOW:
            parts.append(whole[row * BITMAP_BYTES : (row + 1) * BITMAP_BYTES])
        elif count:
            parts.append(suffixes[taken : taken + page_bytes(count)])
            taken += page_bytes(count)
    kept = counts > 0
    return Block(
        pages=pages[kept], counts=counts[kept], checksums=[zlib.crc32(part) for part in parts], data=b"".join(parts)
    )


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


class PageWriter:
    """A file in the making. Until `finish` nothing is seen of it; left without `finish`, it is gone."""

    def __init__(self, path: Path, *, new: Path) -> None:
        """`new` is its name until then, on the same disk."""
        self._path = path
        self._new = new
        self._pages: list[npt.NDArray[np.uint64]] = []
        self._counts: list[npt.NDArray[np.uint32]] = []
        self._checksums: list[int] = []
        self._body = hashlib.sha256()
        self._size = FIXED_BYTES

    def __enter__(self) -> Self:
        descriptor = os.open(self._new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)
        self._file = os.fdopen(descriptor, "w+b")
        self._file.write(bytes(FIXED_BYTES))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._new.unlink(missing_ok=True)

    @property
    def numbers(self) -> int:
        """How many there are so far."""
        return sum(int(counts.sum()) for counts in self._counts)

    @property
    def pages(self) -> int:
        """How many pages there are so far."""
        return len(self._checksums)

    def add(self, block: Block) -> None:
        """Write pages; they follow those before."""
        self._pages.append(block.pages)
        self._counts.append(block.counts)
        self._checksums += block.checksums
        self._body.update(block.data)
        self._size += len(block.data)
        self._file.write(block.data)

    def finish(self, edition: Edition) -> Edition:
        """Complete the file, have it on the disk, and put it in its place. Returns the Edition as it is in the file."""
        written = msgspec.structs.replace(edition, body_sha256=self._body.hexdigest())
        padding = bytes(-self._size % 8)
        directory = self._directory()
        described = msgspec.json.encode(written)
        fixed = FIXED.pack(MAGIC, VERSION, len(described), len(self._checksums), self._size + len(padding))
        self._file.write(padding + directory + described)
        self._file.seek(0)
        self._file.write(fixed + hashlib.sha256(fixed + directory + described).digest())
        self._file.flush()
        os.fsync(self._file.fileno())
        NumberFile(self._new)  # what cannot be opened must not take the place of what can
        self._new.replace(self._path)
        fsync_folder(self._path.parent)
        return written

    def _directory(self) -> bytes:
        counts = np.concatenate([np.empty(0, np.uint32), *self._counts])
        sizes = np.array([page_bytes(count) for count in counts.tolist()], np.uint64)
        offsets = np.uint64(FIXED_BYTES) + np.cumsum(sizes, dtype=np.uint64) - sizes
        return b"".join(
            (
                np.concatenate([np.empty(0, np.uint64), *self._pages]).tobytes(),
                offsets.tobytes(),
                np.array(self._checksums, np.uint32).tobytes(),
                counts.astype(np.uint16).tobytes(),
            )
        )
