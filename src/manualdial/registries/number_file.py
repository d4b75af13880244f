"""NumberFile: a set of E.164 numbers on disk, looked up through a memory map.

Layout, all of it little-endian:

    64 bytes      magic, version, length of the description, number of pages, offset of the directory, SHA-256 of
                  these fields, the directory and the description
    body          the pages, one after the other
    directory     of all pages, ascending: page numbers (8 bytes each), offsets (8), CRC-32 (4), counts (2)
    description   the Edition, as JSON

A page has the numbers that share all but the last four digits: `page = number // 10000`. One with fewer than 625
numbers is a sorted list of the last four digits (2 bytes each), a fuller one a bitmap of 1,250 bytes, highest bit
first. The directory is checked as a whole when the file is opened, each page when it is read.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import sys
import zlib
from bisect import bisect_left
from pathlib import Path

import msgspec

from manualdial.law.registry_look import RegistryUnreadable
from manualdial.registries.edition import Edition

SUFFIX = ".registry"
MAGIC = b"\x8dMDNUMS\n"
VERSION = 1
FIXED = struct.Struct("<8sII2Q")
FIXED_BYTES = 64
PAGE_NUMBERS = 10_000
BITMAP_BYTES = PAGE_NUMBERS // 8
SPARSE_BELOW = BITMAP_BYTES // 2
ENTRY_BYTES = 8 + 8 + 4 + 2


def page_bytes(count: int) -> int:
    """How many bytes a page of so many numbers takes."""
    return 2 * count if count < SPARSE_BELOW else BITMAP_BYTES


class NumberFile:
    """An open file. It stays good when another takes its name; the memory map goes with the last reference."""

    def __init__(self, path: Path) -> None:
        """Open and check it.

        Raises FileNotFoundError, and RegistryUnreadable where it is damaged or cannot be read.
        """
        self._name = path.name.removesuffix(SUFFIX)
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_size < FIXED_BYTES:
                    raise self._fault("it is cut short")
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._fault(error.strerror or "it cannot be opened") from error
        self.identity = identity(status)
        self.size = status.st_size
        self.edition = self._check()

    def holds(self, number: int) -> bool:
        """Whether the E.164 number, as digits, is in the set. Raises RegistryUnreadable where its page is damaged."""
        page, rest = divmod(number, PAGE_NUMBERS)
        index = bisect_left(self.pages, page)
        if index == len(self.pages) or self.pages[index] != page:
            return False
        data = self.page(index)
        if self.counts[index] < SPARSE_BELOW:
            listed = memoryview(data).cast("H")
            found = bisect_left(listed, rest)
            return found < len(listed) and listed[found] == rest
        return bool(data[rest >> 3] & (0x80 >> (rest & 7)))

    def page(self, index: int) -> bytes:
        """The bytes of one page of the directory. Raises RegistryUnreadable where they are not those written."""
        start = self._offsets[index]
        data = self._map[start : start + page_bytes(self.counts[index])]
        if zlib.crc32(data) != self._checksums[index]:
            raise self._fault("a page of it is damaged")
        return data

    def _check(self) -> Edition:
        """Take the file apart; the sizes must add up to the byte."""
        if sys.byteorder != "little":
            raise self._fault("this machine's order of bytes is not that of the file")
        fixed = self._map[: FIXED.size]
        magic, version, described, count, directory = FIXED.unpack(fixed)
        if magic != MAGIC:
            raise self._fault("it is no file of a registry")
        if version != VERSION:
            raise self._fault(f"its format has version {version}, and {VERSION} is what is read here")
        end = directory + count * ENTRY_BYTES
        if directory < FIXED_BYTES or directory % 8 or end + described != self.size:
            raise self._fault("it is cut short or damaged")
        whole = memoryview(self._map)
        digest = hashlib.sha256(fixed)
        digest.update(whole[directory:])
        if digest.digest() != self._map[FIXED.size : FIXED_BYTES]:
            raise self._fault("its directory is damaged")
        offsets = directory + 8 * count
        checksums = offsets + 8 * count
        counts = checksums + 4 * count
        self.pages = whole[directory:offsets].cast("Q")
        self._offsets = whole[offsets:checksums].cast("Q")
        self._checksums = whole[checksums:counts].cast("I")
        self.counts = whole[counts:end].cast("H")
        try:
            return msgspec.json.decode(whole[end:], type=Edition)
        except msgspec.DecodeError as error:
            raise self._fault("its description cannot be read") from error

    def _fault(self, what: str) -> RegistryUnreadable:
        return RegistryUnreadable(f"the copy of {self._name} cannot be used: {what}")


def identity(status: os.stat_result) -> tuple[int, int, int, int]:
    """The identity that tells one file of a name from the next one of that name."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
