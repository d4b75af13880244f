"""Text of others, and counts, as plain text that is safe to show; and values in JSON of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def printable(text: object) -> str:
    """Text of somebody else, without what could steer a terminal or turn the direction of writing."""
    return "".join(character if character.isprintable() else "·" for character in str(text))


def counted(number: int, what: str) -> str:
    """A number of things that add an s where there is not one: "1 link", "2,000 links"."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def listed(names: Sequence[str], *, most: int, of: int | None = None) -> str:
    """The first of some names, and how many more there are, of them or `of` a number: "a, b and 3 more"."""
    more = (len(names) if of is None else of) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def part(value: object, *path: str) -> Any:
    """The value at a path; None where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
