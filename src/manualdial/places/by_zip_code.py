"""A postal code → where its addresses are: US ZIP codes, and the first letter of a Canadian code."""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from functools import cache
from importlib import resources

import msgspec

from manualdial.places.jurisdictions import of_jurisdiction, places_in, zones_of_forces
from manualdial.places.place import Place, PlaceSource, Whereabouts

_ZIP_CODE = re.compile(r"([0-9]{3,5})(?:[- ]?[0-9]{4})?")
"""No ZIP code begins with more than two zeros: what tables and spreadsheets leave of one has three digits at least."""
_CANADIAN_CODE = re.compile(
    r"([ABCEGHJ-NPRSTVXY])[0-9][ABCEGHJ-NPRSTV-Z](?:[ -]?[0-9][ABCEGHJ-NPRSTV-Z][0-9])?", re.ASCII
)
# Canada Post, Addressing Guidelines: https://www.canadapost-postescanada.ca/cpc/en/support/articles/addressing-guidelines
_PROVINCES = {
    "A": ("CA-NL",),
    "B": ("CA-NS",),
    "C": ("CA-PE",),
    "E": ("CA-NB",),
    "G": ("CA-QC",),
    "H": ("CA-QC",),
    "J": ("CA-QC",),
    "K": ("CA-ON",),
    "L": ("CA-ON",),
    "M": ("CA-ON",),
    "N": ("CA-ON",),
    "P": ("CA-ON",),
    "R": ("CA-MB",),
    "S": ("CA-SK",),
    "T": ("CA-AB",),
    "V": ("CA-BC",),
    "X": ("CA-NT", "CA-NU"),
    "Y": ("CA-YT",),
}


class _Runs(msgspec.Struct, frozen=True):
    """Runs of ZIP codes in one place, sorted; `lasts` and `whereabouts` go with `firsts`."""

    firsts: list[int]
    lasts: list[int]
    whereabouts: list[Whereabouts]


def of_zip_code(
    text: str | int, *, country: str = "US", source: PlaceSource = PlaceSource.ZIP_CODE
) -> Whereabouts | None:
    """Where the addresses of a postal code are; None where that is unknown, or no postal code.

    US: `32401`, `32401-1234`, `324011234`, as text or as a whole number. Zeros that were lost in front are put back:
    2134, `2134` and `2134-1234` are 02134. CA: `K1A 0B1`, or its first half.
    The source is STATED for a code that the person said.
    """
    match country.upper():
        case "US":
            found = _of_us(text)
        case "CA" if isinstance(text, str):
            found = _of_canadian(text)
        case _:
            return None
    if found is None or found.source is source:
        return found
    return Whereabouts(source=source, places=found.places)


def _of_us(text: str | int) -> Whereabouts | None:
    if isinstance(text, bool):
        return None
    if isinstance(text, int):
        text = f"{text:05}" if text <= 99_999 else f"{text:09}"
    found = _ZIP_CODE.fullmatch(text.strip())
    if found is None:
        return None
    code = int(found[1])
    runs = _runs()
    at = bisect_right(runs.firsts, code) - 1
    return runs.whereabouts[at] if at >= 0 and code <= runs.lasts[at] else None


def _of_canadian(text: str) -> Whereabouts | None:
    found = _CANADIAN_CODE.fullmatch(text.strip().upper())
    if found is None:
        return None
    return Whereabouts(source=PlaceSource.ZIP_CODE, places=places_in(_PROVINCES[found[1]]))


@cache
def _runs() -> _Runs:
    runs = _Runs(firsts=[], lasts=[], whereabouts=[])
    file = resources.files("manualdial.places").joinpath("data/us_zip_codes.csv")
    with file.open(encoding="utf-8") as lines:
        for first, last, jurisdictions, zones in csv.reader(line for line in lines if line[0].isdigit()):
            runs.firsts.append(int(first))
            runs.lasts.append(int(last))
            runs.whereabouts.append(_whereabouts(jurisdictions, zones))
    return runs


@cache
def _whereabouts(jurisdictions: str, zones: str) -> Whereabouts:
    if jurisdictions == "US":
        places: tuple[Place, ...] = (Place(jurisdiction="US", zones=zones_of_forces(zones)),)
    elif jurisdictions.startswith("US+"):
        places = _with_the_forces_in(jurisdictions.removeprefix("US+"))
    else:
        places = places_in([jurisdictions], zones=tuple(zones.split()))
    return Whereabouts(source=PlaceSource.ZIP_CODE, places=places)


def _with_the_forces_in(country: str) -> tuple[Place, ...]:
    """A post office of the forces: the law of the country it is in, and US federal law."""
    host = of_jurisdiction(country)
    if host is None:
        raise LookupError(f"no jurisdiction for the post offices in {country}")
    zones = tuple(sorted({zone for place in host.places for zone in place.zones}))
    places = (*host.places, Place(jurisdiction="US", zones=zones))
    return tuple(sorted(places, key=lambda place: place.jurisdiction))
