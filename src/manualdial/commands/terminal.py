"""The output of commands: coloured on a terminal, plain text anywhere else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text


def output() -> Console:
    """Standard output. Lines are never wrapped, so that each stays one line for `grep`."""
    return Console(highlight=False, soft_wrap=True)


def notices() -> Console:
    """Standard error: what is said about the work, so that standard output has its result alone."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(sentence: str) -> None:
    """Say something about the work, on a line of its own."""
    notices().print(Text(sentence))


def json_line(value: Mapping[str, Any] | list[Any]) -> str:
    """One line of JSON, in ASCII: no character in it steers a terminal."""
    return json.dumps(value, separators=(",", ":"))


def print_json_lines(values: Iterable[Mapping[str, Any]]) -> None:
    """Each on a line of its own, as soon as it is there."""
    for value in values:
        output().out(json_line(value))


def json_block(value: Mapping[str, Any]) -> str:
    """JSON for people, in ASCII."""
    return json.dumps(value, indent=2)


def table(rows: Sequence[tuple[str, ...]], *, styles: tuple[str, ...] = ()) -> Text:
    """Rows in columns that are as wide as they need to be, two blanks between them."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    text = Text()
    for number, row in enumerate(rows):
        if number:
            text.append("\n")
        for column, cell in enumerate(row):
            last = column == len(row) - 1
            style = styles[column] if column < len(styles) else ""
            text.append(cell if last else cell.ljust(widths[column] + 2), style=style)
    return text
