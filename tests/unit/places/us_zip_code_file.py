"""How `places/data/us_zip_codes.csv` is made from the package `zipcodes` and from our corrections of it.

Run as a program from the top of the checkout, it writes the file anew.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import zipcodes

import manualdial.places

DATA = Path(manualdial.places.__file__).parent / "data"
FILE = DATA / "us_zip_codes.csv"
CORRECTIONS = DATA / "us_zip_code_corrections.csv"
HEADER = """\
# First and last of a run of US ZIP codes, their jurisdictions, their time zones (none: all of the jurisdictions).
# Made from the package zipcodes 3.0.0 (MIT, https://pypi.org/project/zipcodes/) and us_zip_code_corrections.csv.
# Post offices of the forces abroad: `US+DE` is one in Germany; AA, AE and AP stand for a region, the country not told.
first,last,jurisdictions,zones
"""
_FORCES = ("AA", "AE", "AP")
_FREELY_ASSOCIATED = ("FM", "MH", "PW")


def rendered() -> str:
    """The whole text of the file."""
    return HEADER + "".join(f"{first},{last},{where}\n" for first, last, where in _runs())


def _runs() -> Iterator[tuple[str, str, str]]:
    rows = sorted(_rows())
    starts = [0, *(at for at, (before, after) in enumerate(pairwise(rows), 1) if not _continues(before, after))]
    for start, end in pairwise([*starts, len(rows)]):
        yield rows[start][0], rows[end - 1][0], rows[start][1]


def _continues(before: tuple[str, str], after: tuple[str, str]) -> bool:
    return before[1] == after[1] and int(after[0]) == int(before[0]) + 1


def _rows() -> Iterator[tuple[str, str]]:
    """ZIP code and the text of its last two columns."""
    jurisdictions = tomllib.loads((DATA / "jurisdictions.toml").read_text(encoding="utf-8"))
    same_clock: dict[str, str] = jurisdictions["same_clock"]
    with CORRECTIONS.open(encoding="utf-8") as file:
        lines = csv.DictReader(line for line in file if not line.startswith("#"))
        corrected = {line["zip_code"]: line for line in lines}
    for row in zipcodes.list_all():  # type: ignore[no-untyped-call]  # the package types only part of itself
        code, state = row["zip_code"], row["state"]
        if state in _FORCES:
            yield code, f"US,{state}" if row["country"] in ("", "US") else f"US+{row['country']},"
        elif state in _FREELY_ASSOCIATED:
            yield code, f"{state},"
        else:
            correction = corrected.get(code, {})
            jurisdiction = correction.get("jurisdiction") or f"US-{state}"
            zone = correction.get("zones") or same_clock.get(row["timezone"], row["timezone"])
            yield code, f"{jurisdiction}," + ("" if jurisdictions["zones"][jurisdiction] == zone.split() else zone)


if __name__ == "__main__":
    FILE.write_text(rendered(), encoding="utf-8")
