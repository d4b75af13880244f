"""The rows that a benchmark run prints, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One measured figure beside what it is to reach."""

    what: str
    measured: str
    floor: str = ""
    """The peer or the physical floor, measured in the same run."""
    ratio: str = ""
    reach: str = ""
    reached: bool | None = None


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table."""
    lines = [
        "| what | measured | floor, same run | ratio | to reach | reached |",
        "|---|---|---|---|---|---|",
    ]
    answers = {True: "yes", False: "**no**", None: ""}
    lines += [
        f"| {row.what} | {row.measured} | {row.floor} | {row.ratio} | {row.reach} | {answers[row.reached]} |"
        for row in rows
    ]
    return "\n".join(lines)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def milliseconds(seconds: float) -> str:
    """A time for people."""
    return f"{seconds * 1000:.2f} ms"
