"""The reject file: rows in which no number was found, for the eyes of whoever imported them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from manualdial.registries.lines import MOST_REJECTS
from manualdial.registries.number_file import SUFFIX
from manualdial.registries.workspace import Part

_MODE = 0o600


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
    lines = [line for name, parts in sources for line in _lines(name, parts)][:MOST_REJECTS]
    if rejected > len(lines):
        lines.append(f"… and {rejected - len(lines):,} more")
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    new.replace(path)


def _lines(name: str, parts: Sequence[Part]) -> Iterable[str]:
    before = 0
    for part in parts:
        yield from (f"{name}:{before + line + 1}: {text}" for line, text in part.rejects)
        before += part.lines
