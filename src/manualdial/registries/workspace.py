"""Files beside a copy: the parts of an import until they are put together, and the rows that it rejected."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from manualdial.registries.held_copies import registry_file
from manualdial.registries.lines import MOST_REJECTS
from manualdial.registries.number_file import SUFFIX
from manualdial.registries.number_runs import Extent, NumberRun, StoredRun

_MODE_OF_REJECTS = 0o600


class ImportRunning(Exception):
    """Another import of the registry is running."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of the text, read: its numbers are in a file of the workspace."""

    index: int
    lines: int
    blank: int
    rejected: int
    rejects: list[tuple[int, str]]
    adds: Extent
    deletes: Extent


class Workspace:
    """A folder beside the copy, for one import at a time. It is gone when the import ends, however it ends.

    What an end without warning left there is removed by the next import.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self.folder = directory / f".{name}.import"
        self._lock_path = directory / f".{name}.lock"
        self._lock: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Raises ImportRunning where another process has it, and OSError."""
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self._lock_path.open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise ImportRunning("another import of this registry is running") from None
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()

    @property
    def new_copy(self) -> Path:
        """The copy in the making: it gets its name when it is whole."""
        return self.folder / "copy"

    def write_part(self, index: int, adds: NumberRun, deletes: NumberRun) -> None:
        """Write the numbers of a part. For any thread."""
        self._path(index).write_bytes(adds.encoded() + deletes.encoded())

    def runs(self, part: Part) -> Iterator[StoredRun]:
        """The numbers that a part adds, and those that it takes away."""
        path = self._path(part.index)
        if part.adds.numbers:
            yield StoredRun(path=path, offset=0, extent=part.adds)
        if part.deletes.numbers:
            yield StoredRun(path=path, offset=part.adds.size, extent=part.deletes, takes_away=True)

    def _path(self, index: int) -> Path:
        return self.folder / f"part-{index:06}"


def rejects_file(copy: Path) -> Path:
    """Where the rejected rows of a copy's last import lie."""
    return copy.with_name(f"{copy.name.removesuffix(SUFFIX)}.rejects.txt")


def write_rejects(copy: Path, sources: Sequence[tuple[str, Sequence[Part]]]) -> None:
    """Write the first rejected rows, `file:line: text`; without any, take an earlier file away."""
    path = rejects_file(copy)
    rejected = sum(part.rejected for _, parts in sources for part in parts)
    if not rejected:
        path.unlink(missing_ok=True)
        return
    lines = [line for name, parts in sources for line in _rejected_lines(name, parts)][:MOST_REJECTS]
    if rejected > len(lines):
        lines.append(f"… and {rejected - len(lines):,} more")
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE_OF_REJECTS)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    new.replace(path)


def _rejected_lines(name: str, parts: Sequence[Part]) -> Iterable[str]:
    before = 0
    for part in parts:
        yield from (f"{name}:{before + line + 1}: {text}" for line, text in part.rejects)
        before += part.lines


def remove_registry(directory: Path, name: str) -> bool:
    """Remove the copy, its rejected rows and what an import left unfinished. Returns whether there was a copy.

    Raises ImportRunning, OSError, and ValueError where no registry can be called so.
    """
    path = registry_file(directory, name)
    if not directory.is_dir():
        return False
    with Workspace(directory, name):
        was_there = path.exists()
        path.unlink(missing_ok=True)
        rejects_file(path).unlink(missing_ok=True)
        fsync_folder(directory)
    return was_there


def fsync_folder(folder: Path) -> None:
    """Have a new name in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
