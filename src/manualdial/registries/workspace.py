"""Workspace: the finished parts of an import, kept until it is done, so that one that was cut off goes on."""

from __future__ import annotations

import fcntl
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from manualdial.registries.number_runs import Extent, NumberRun, StoredRun


class ImportRunning(Exception):
    """Another import of the registry is running."""


class PartRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the journal: one piece of the text, read and written down."""

    index: int
    text_crc: int
    file_crc: int
    lines: int
    blank: int
    rejected: int
    rejects: list[tuple[int, str]]
    adds: Extent
    deletes: Extent


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    key: str


class Workspace:
    """A folder beside the copy, for one import at a time.

    A part that the journal names and whose file is not what was written is made again, so nothing needs to be forced
    to the disk before the end.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self.folder = directory / f".{name}.import"
        self._lock_path = directory / f".{name}.lock"
        self._lock: BinaryIO | None = None
        self._journal: BinaryIO | None = None
        self._finished: dict[int, PartRecord] = {}

    def __enter__(self) -> Self:
        """Raises ImportRunning where another process has it, and OSError."""
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self._lock_path.open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise ImportRunning("another import of this registry is running") from None
        self.folder.mkdir(mode=0o700, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._journal is not None:
            self._journal.close()
        if self._lock is not None:
            self._lock.close()

    def clear(self) -> None:
        """Forget every part."""
        shutil.rmtree(self.folder)
        self.folder.mkdir(mode=0o700)

    def resume(self, key: str) -> int:
        """Go on with the parts of an import with the same key; without such, start anew. Returns how many there are."""
        path = self.folder / "journal"
        finished = _read(path, key)
        if finished is None:
            for old in self.folder.glob("part-*"):
                old.unlink()
            finished = []
        # Written afresh: what an end without warning left of the last line must not spoil the next one.
        self._journal = path.open("wb")
        self._write(_Key(key=key))
        self._finished = {}
        for record in finished:
            self._finished[record.index] = record
            self._write(record)
        return len(self._finished)

    def finished(self, index: int, text_crc: int) -> PartRecord | None:
        """The part of this piece of text, if it was finished before and is whole."""
        record = self._finished.get(index)
        if record is None or record.text_crc != text_crc:
            return None
        try:
            data = self._part(index).read_bytes()
        except OSError:
            return None
        whole = len(data) == record.adds.size + record.deletes.size and zlib.crc32(data) == record.file_crc
        return record if whole else None

    def write_part(self, index: int, adds: NumberRun, deletes: NumberRun) -> int:
        """Write the numbers of a part. Returns their CRC-32. For any thread."""
        data = adds.encoded() + deletes.encoded()
        self._part(index).write_bytes(data)
        return zlib.crc32(data)

    def record(self, record: PartRecord) -> None:
        """Note that a part is finished."""
        if self._finished.get(record.index) != record:
            self._finished[record.index] = record
            self._write(record)

    def runs(self, record: PartRecord) -> Iterator[StoredRun]:
        """What a part adds, and what it takes away."""
        path = self._part(record.index)
        if record.adds.numbers:
            yield StoredRun(path=path, offset=0, extent=record.adds)
        if record.deletes.numbers:
            yield StoredRun(path=path, offset=record.adds.size, extent=record.deletes, takes_away=True)

    def remove(self) -> None:
        """The import is done."""
        shutil.rmtree(self.folder)

    def _part(self, index: int) -> Path:
        return self.folder / f"part-{index:06}"

    def _write(self, line: _Key | PartRecord) -> None:
        if self._journal is not None:
            self._journal.write(msgspec.json.encode(line) + b"\n")
            self._journal.flush()


def _read(path: Path, key: str) -> list[PartRecord] | None:
    """The parts in a journal, as far as it can be read; None where it is of another import or there is none."""
    try:
        lines = path.read_bytes().splitlines()
        if msgspec.json.decode(lines[0], type=_Key).key != key:
            return None
    except (OSError, IndexError, msgspec.DecodeError):
        return None
    records = []
    for line in lines[1:]:
        try:
            records.append(msgspec.json.decode(line, type=PartRecord))
        except msgspec.DecodeError:
            break
    return records


def fsync_folder(folder: Path) -> None:
    """Have a new name in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
