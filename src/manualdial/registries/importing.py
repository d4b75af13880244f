"""Import: the files of a registry become the copy that is looked up."""

from __future__ import annotations

import hashlib
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec
import numpy as np

from manualdial.law.registry_look import RegistryUnreadable
from manualdial.registries.area_codes import codes_of, codes_with_numbers
from manualdial.registries.checks import Findings, doubt, early_doubt
from manualdial.registries.edition import Counts, Edition, ImportKind, SourceFile
from manualdial.registries.held_copies import registry_file
from manualdial.registries.line_shapes import Column, LineForm
from manualdial.registries.lines import as_lines, parse
from manualdial.registries.number_file import NumberFile
from manualdial.registries.number_runs import runs_of
from manualdial.registries.numbering import NumberingPlan
from manualdial.registries.page_writing import Merge, PageWriter
from manualdial.registries.sources import Limits, Piece, SourceUnreadable, pieces
from manualdial.registries.workspace import Part, Workspace, write_rejects

STANDARD_INPUT = Path("-")
PIECE_BYTES = 16 * (1 << 20)
WORKERS = 2
_SPOOLED_AT_ONCE = 1 << 20
"""In bytes."""


class ImportFailed(Exception):
    """Nothing was put in the place of the copy that is held. The text is one sentence that says why."""


class Doubtful(ImportFailed):
    """The list is more likely a mistake than a registry; `force` takes it all the same."""


class Stage(StrEnum):
    """The stage of an import."""

    READING = "reading"
    WRITING = "writing"


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import is."""

    stage: Stage
    done: int
    """READING: bytes of the sources, packed as they are; WRITING: pages."""
    total: int
    numbers: int
    """Found so far, with those that come twice."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An import that is ordered."""

    registry: str
    edition: str
    as_of: datetime
    kind: ImportKind
    sources: tuple[Path, ...]
    """Files; STANDARD_INPUT is one of them at most."""
    plan: NumberingPlan
    covered: tuple[str, ...] = ()
    """See Edition. Not of a change list: the copy goes on covering what it covered.

    None of a full list: all area codes were bought. What it then covers follows from its name and from the codes of
    which it has numbers; see `AreaCodes.covered`.
    """
    columns: tuple[Column, ...] = ()
    """Of a change list, where the operator named them."""
    force: bool = False
    """Take what looks doubtful; see `checks`."""
    limits: Limits = Limits()
    piece_bytes: int = PIECE_BYTES


def import_registry(
    order: Order, directory: Path, *, now: datetime, progress: Callable[[Progress], None] = lambda now: None
) -> Edition:
    """Read the sources, and put the result in the place of the copy in `directory`. Returns the new copy's Edition.

    The copy that is held is looked up until the new one is whole and on the disk; an import that is cut off leaves it
    as it is, and begins anew when it is ordered again.
    Memory stays within some hundred megabytes whatever the size of the sources.
    Raises ImportFailed, SourceUnreadable, RegistryUnreadable (of the held copy, for a change list), ImportRunning and
    OSError.
    """
    if sys.byteorder != "little":
        raise ImportFailed("this machine's order of bytes is not that of the files")
    if order.as_of > now:
        raise ImportFailed("the instant of the list is in the future")
    path = registry_file(directory, order.registry)
    directory.mkdir(parents=True, exist_ok=True)
    with Workspace(directory, order.registry) as workspace:
        return _Import(order, path, workspace, progress).run(now)


class _Import:
    def __init__(self, order: Order, path: Path, workspace: Workspace, progress: Callable[[Progress], None]) -> None:
        self._order = order
        self._path = path
        self._workspace = workspace
        self._progress = progress
        self._form = LineForm(changes=order.kind is ImportKind.CHANGES, columns=order.columns)

    def run(self, now: datetime) -> Edition:
        held = self._held()
        sources = self._sources()
        pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="registry-import")
        try:
            digests = [pool.submit(_digest, path) for path in sources]
            parts = self._read(sources, pool)
            write_rejects(self._path, [(path.name, of) for path, of in zip(sources, parts, strict=False)])
            rows, rejected = _rows([one for of in parts for one in of])
            self._refuse(early_doubt(rows=rows, rejected=rejected))
            described = [
                SourceFile(name=path.name, size=path.stat().st_size, sha256=digest.result())
                for path, digest in zip(sources, digests, strict=True)
            ]
            return self._write([one for of in parts for one in of], described, held, pool, now)
        finally:
            pool.shutdown(cancel_futures=True)

    def _held(self) -> NumberFile | None:
        """The copy so far. A full list takes the place of a damaged one, a change list cannot be applied to it."""
        try:
            return NumberFile(self._path)
        except FileNotFoundError:
            if self._order.kind is ImportKind.CHANGES:
                raise ImportFailed("a change list needs a copy to be applied to: import the full list first") from None
        except RegistryUnreadable:
            if self._order.kind is ImportKind.CHANGES:
                raise
        return None

    def _sources(self) -> list[Path]:
        """The files to read; what cannot be read twice is written to one first."""
        passing = [path for path in self._order.sources if not path.is_file()]
        for path in passing:
            if path != STANDARD_INPUT and not path.is_fifo():
                raise ImportFailed(f"{path} is not there, or is no file")
        return [self._spooled(path, number) for number, path in enumerate(self._order.sources)]

    def _spooled(self, path: Path, number: int) -> Path:
        if path.is_file():
            return path
        spooled = self._workspace.folder / ("standard-input" if path == STANDARD_INPUT else f"pipe-{number}")
        left = self._order.limits.unpacked
        with spooled.open("wb") as file:
            stream = sys.stdin.buffer if path == STANDARD_INPUT else path.open("rb")
            try:
                while data := stream.read(_SPOOLED_AT_ONCE):
                    left -= len(data)
                    if left < 0:
                        raise SourceUnreadable("there is more to read than a list can have")
                    file.write(data)
            finally:
                if path != STANDARD_INPUT:
                    stream.close()
        return spooled

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, sources: Sequence[Path], pool: ThreadPoolExecutor) -> list[list[Part]]:
        """The parts of each source; not to the end where that is pointless."""
        total = sum(path.stat().st_size for path in sources)
        parts: list[list[Part]] = []
        before = found = rejected = index = 0
        for path in sources:
            parts.append([])
            for part, consumed in self._parts(path, index, pool):
                parts[-1].append(part)
                found += part.lines - part.blank - part.rejected
                rejected += part.rejected
                self._tell(Stage.READING, min(before + consumed, total), total, found)
                if not self._order.force and early_doubt(rows=found + rejected, rejected=rejected):
                    return parts
            index += len(parts[-1])
            before += path.stat().st_size
        return parts

    def _parts(self, path: Path, first: int, pool: ThreadPoolExecutor) -> Iterator[tuple[Part, int]]:
        """The parts of one source, in order. A few are in the making at once, and no more are held in memory."""
        status = path.stat()
        making: deque[tuple[Future[Part], int]] = deque()
        whole = pieces(path, size=self._order.piece_bytes, limits=self._order.limits)
        for index, piece in enumerate(whole, first):
            if piece.is_xml and self._form.changes:
                raise SourceUnreadable(f"{path.name} is XML, and a change list is read as columns only")
            making.append((pool.submit(self._part, index, piece), piece.consumed))
            if len(making) > WORKERS:
                future, consumed = making.popleft()
                yield future.result(), consumed
        while making:
            future, consumed = making.popleft()
            yield future.result(), consumed
        now = path.stat()
        if (now.st_size, now.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
            raise SourceUnreadable(f"{path.name} was changed while it was read")

    def _part(self, index: int, piece: Piece) -> Part:
        """Read one piece. For any thread."""
        text = as_lines(piece.text, piece.area_code) if piece.is_xml else piece.text
        parsed = parse(text, form=self._form, plan=self._order.plan, heading=piece.heading)
        adds, deletes = runs_of(parsed)
        self._workspace.write_part(index, adds, deletes)
        return Part(
            index=index,
            lines=len(parsed.numbers),
            blank=parsed.blank,
            rejected=parsed.rejected,
            rejects=parsed.rejects,
            adds=adds.extent,
            deletes=deletes.extent,
        )

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(
        self,
        parts: Sequence[Part],
        sources: Sequence[SourceFile],
        held: NumberFile | None,
        pool: ThreadPoolExecutor,
        now: datetime,
    ) -> Edition:
        order = self._order
        changed = held if order.kind is ImportKind.CHANGES else None
        merge = Merge([run for part in parts for run in self._workspace.runs(part)], held=changed)
        rows, rejected = _rows(parts)
        with PageWriter(self._path, new=self._workspace.new_copy) as writer:
            for block in merge.blocks(pool, workers=WORKERS):
                writer.add(block)
                self._tell(Stage.WRITING, writer.pages, len(merge.pages), rows - rejected)
            counts = _counts(parts, numbers=writer.numbers, changed=changed)
            all_codes = codes_of(order.registry) if changed is None and not order.covered else None
            covered = changed.edition.covered if changed else order.covered
            if all_codes is not None:  # all were bought
                covered = all_codes.covered(codes_with_numbers(merge.pages, order.plan))
            edition = Edition(
                registry=order.registry,
                edition=order.edition,
                as_of=order.as_of,
                imported_at=now,
                kind=order.kind,
                calling_code=order.plan.calling_code,
                covered=covered,
                counts=counts,
                sources=tuple(sources),
                body_sha256="",
                changed_sha256=changed.edition.body_sha256 if changed else None,
            )
            found = Findings(
                edition=edition,
                held=held.edition if held else None,
                pages=merge.pages,
                held_pages=np.array(held.pages, np.uint64) if held else None,
                plan=order.plan,
                all_codes=all_codes,
            )
            self._refuse(doubt(found))
            return writer.finish(edition)

    def _refuse(self, doubtful: str | None) -> None:
        if doubtful and not self._order.force:
            raise Doubtful(doubtful)

    def _tell(self, stage: Stage, done: int, total: int, numbers: int) -> None:
        self._progress(Progress(stage=stage, done=done, total=total, numbers=numbers))


def _rows(parts: Sequence[Part]) -> tuple[int, int]:
    """How many rows there were, and how many of them were rejected."""
    return sum(part.lines - part.blank for part in parts), sum(part.rejected for part in parts)


def _counts(parts: Sequence[Part], *, numbers: int, changed: NumberFile | None) -> Counts:
    rows, rejected = _rows(parts)
    added = sum(part.adds.numbers for part in parts) if changed else 0
    removed = sum(part.deletes.numbers for part in parts) if changed else 0
    different = added + removed if changed else numbers
    return Counts(
        rows=rows,
        rejected=rejected,
        duplicates=rows - rejected - different,
        numbers=numbers,
        added=added,
        removed=removed,
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
