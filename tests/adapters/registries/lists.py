"""Lists of registries as files, and their import."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from manualdial.registries.edition import Edition, ImportKind
from manualdial.registries.importing import Order, Progress, import_registry
from manualdial.registries.line_shapes import Column
from manualdial.registries.numbering import plan_of_registry
from manualdial.registries.sources import Limits

AS_OF = datetime(2026, 11, 20, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def order(
    *sources: Path,
    registry: str = "us-national",
    kind: ImportKind = ImportKind.FULL,
    as_of: datetime = AS_OF,
    covered: tuple[str, ...] | None = None,
    columns: tuple[Column, ...] = (),
    force: bool = False,
    limits: Limits | None = None,
    piece_bytes: int = 1 << 20,
) -> Order:
    """An order to import these files; where nothing is said, they cover all of the calling code."""
    plan = plan_of_registry(registry)
    assert plan is not None
    return Order(
        registry=registry,
        edition=f"of {as_of.date()}",
        as_of=as_of,
        kind=kind,
        sources=sources,
        plan=plan,
        covered=(plan.calling_code,) if covered is None else covered,
        columns=columns,
        force=force,
        limits=limits or Limits(),
        piece_bytes=piece_bytes,
    )


def run(ordered: Order, directory: Path, progress: Callable[[Progress], None] = lambda now: None) -> Edition:
    """Import it."""
    return import_registry(ordered, directory, now=NOW, progress=progress)


def write(folder: Path, content: bytes | str | Iterable[str], name: str = "list.txt") -> Path:
    """A file with this content; several texts are its lines."""
    path = folder / name
    if isinstance(content, str):
        content = content.encode()
    elif not isinstance(content, bytes):
        content = "".join(f"{line}\n" for line in content).encode()
    path.write_bytes(content)
    return path


def national(number: int) -> str:
    """A number of Washington, D.C.: 202, and these seven digits."""
    return f"202{number:07}"
