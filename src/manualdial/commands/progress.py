"""Bars and counts of long work: shown on a terminal, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from manualdial.commands.terminal import notices


@contextmanager
def reading_bar(what: str, size: int, position: Callable[[], int]) -> Iterator[Callable[[], None]]:
    """How far a file is read, as a bar."""
    console = notices()
    if not console.is_terminal:
        yield lambda: None
        return
    with progress_bar(console) as shown:
        task = shown.add_task(what, total=max(size, 1))
        yield lambda: shown.update(task, completed=position())


def progress_bar(console: Console, *more: TextColumn) -> Progress:
    """A bar that goes away when the work is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), *more, TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


@contextmanager
def counter(doing: str, things: str) -> Iterator[Callable[[int], None]]:
    """How many things are read."""
    console = notices()
    if not console.is_terminal:
        yield lambda count: None
        return
    with console.status(doing) as status:
        yield lambda count: status.update(f"{doing}: {count:,} {things}")
