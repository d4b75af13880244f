"""The table of prefixes against the numbering plan, the states and the zones in the library phonenumbers."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict

import phonenumbers
import pytest
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

from manualdial.numbers import PhoneNumber
from manualdial.places.by_number import of_number
from manualdial.places.jurisdictions import known_jurisdictions, zone_of_today, zones_of
from tests.unit.places.clocks import clock, clocks
from tests.unit.places.us_zip_code_file import DATA

FILE = tomllib.loads((DATA / "prefixes.toml").read_text(encoding="utf-8"))
ROWS = FILE["row"]
NORTH_AMERICA = {prefix[1:]: row for row in ROWS for prefix in row["prefixes"] if prefix.startswith("1")}

CODES_OF_NAMES = {
    "Alabama": "US-AL", "Alaska": "US-AK", "Arizona": "US-AZ", "Arkansas": "US-AR", "California": "US-CA",
    "Colorado": "US-CO", "Connecticut": "US-CT", "Delaware": "US-DE", "Washington D.C.": "US-DC", "Florida": "US-FL",
    "Georgia": "US-GA", "Hawaii": "US-HI", "Idaho": "US-ID", "Illinois": "US-IL", "Indiana": "US-IN", "Iowa": "US-IA",
    "Kansas": "US-KS", "Kentucky": "US-KY", "Louisiana": "US-LA", "Maine": "US-ME", "Maryland": "US-MD",
    "Massachusetts": "US-MA", "Michigan": "US-MI", "Minnesota": "US-MN", "Mississippi": "US-MS", "Missouri": "US-MO",
    "Montana": "US-MT", "Nebraska": "US-NE", "Nevada": "US-NV", "New Hampshire": "US-NH", "New Jersey": "US-NJ",
    "New Mexico": "US-NM", "New York": "US-NY", "North Carolina": "US-NC", "North Dakota": "US-ND", "Ohio": "US-OH",
    "Oklahoma": "US-OK", "Oregon": "US-OR", "Pennsylvania": "US-PA", "Rhode Island": "US-RI",
    "South Carolina": "US-SC", "South Dakota": "US-SD", "Tennessee": "US-TN", "Texas": "US-TX", "Utah": "US-UT",
    "Vermont": "US-VT", "Virginia": "US-VA", "Washington State": "US-WA", "West Virginia": "US-WV",
    "Wisconsin": "US-WI", "Wyoming": "US-WY", "Alberta": "CA-AB", "British Columbia": "CA-BC",
    "British Colombia": "CA-BC", "Manitoba": "CA-MB", "New Brunswick": "CA-NB", "Newfoundland and Labrador": "CA-NL",
    "Northwest Territories": "CA-NT", "Nova Scotia": "CA-NS", "Nunavut": "CA-NU", "Ontario": "CA-ON",
    "Prince Edward Island": "CA-PE", "Quebec": "CA-QC", "Saskatchewan": "CA-SK", "Yukon": "CA-YT",
}  # fmt: skip
"""The library's English names of states, with its spelling."""


@pytest.fixture(scope="module")
def geographic() -> dict[str, set[str]]:
    """Area code → regions, of all that the library holds valid for a line.

    Read from its patterns: to ask it about each number by itself takes it several times as long.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    numbers = {
        str(area_code): [f"{area_code}{exchange}0123" for exchange in range(200, 1000, 7)]
        for area_code in range(200, 1000)
    }
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1]:
        plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
        assert plan is not None, region
        lines = (plan.fixed_line, plan.mobile)
        line = re.compile("|".join(str(kind.national_number_pattern) for kind in lines if kind is not None))
        for area_code, some in numbers.items():
            if any(map(line.fullmatch, some)):
                found[area_code].add(region)
    return dict(found)


def test_every_area_code_of_the_numbering_plan_has_a_row(geographic: dict[str, set[str]]) -> None:
    assert len(geographic) > 440
    assert set(geographic) - set(NORTH_AMERICA) == set()


def test_area_codes_that_the_library_does_not_know_yet_are_recent_overlays(
    geographic: dict[str, set[str]],
) -> None:
    assert set(NORTH_AMERICA) - set(geographic) == {
        "357", "387", "436", "457", "471", "483", "621", "624", "679", "729", "837", "861", "924",
    }  # fmt: skip


def test_the_country_of_every_area_code_is_that_of_the_library(geographic: dict[str, set[str]]) -> None:
    for area_code, regions in geographic.items():
        jurisdictions = NORTH_AMERICA[area_code]["jurisdictions"]
        ours = {code.removeprefix("US-") if code[3:] in regions else code[:2] for code in jurisdictions}
        assert ours == regions, area_code


def test_the_state_of_every_area_code_is_that_of_the_library(geographic: dict[str, set[str]]) -> None:
    for prefix, names in GEOCODE_DATA.items():
        area_code = prefix[1:4]
        if not prefix.startswith("1") or geographic.get(area_code) not in ({"US"}, {"CA"}):
            continue
        name = names["en"]
        city_and_state = re.search(r", ([A-Z]{2})$", name)
        row = NORTH_AMERICA[area_code]
        if city_and_state:
            states = {f"{row['jurisdictions'][0][:2]}-{city_and_state[1]}"}
        else:
            states = {CODES_OF_NAMES[part] for part in name.split("/") if part in CODES_OF_NAMES}
        if prefix == "1201631":  # one exchange that the library puts into New York
            continue
        assert states <= set(row["jurisdictions"]), prefix


def test_no_prefix_of_the_library_has_a_clock_that_its_row_has_not() -> None:
    others = set()
    for prefix, zones in TIMEZONE_DATA.items():
        if not prefix.startswith("1") or len(prefix) < 4 or prefix[1:4] not in NORTH_AMERICA:
            continue
        row = NORTH_AMERICA[prefix[1:4]]
        ours = row.get("zones") or {zone for code in row["jurisdictions"] for zone in zones_of(code)}
        if not clocks(map(zone_of_today, zones)) <= clocks(ours):
            others.add((prefix, zones))
    assert others == {
        ("1689", ("America/Chicago",)),  # Orlando is Eastern, 49 CFR 71.5(f); its overlay 407 is so in the library too
        ("1879", ("America/Puerto_Rico", "America/St_Johns")),  # Labrador keeps daylight saving time
        ("1907581", ("Pacific/Honolulu",)),  # Unalaska keeps Alaska time, 49 CFR 71.11
    }


def test_no_prefix_of_the_library_is_longer_than_what_is_asked_of_it() -> None:
    assert TIMEZONE_LONGEST_PREFIX <= 10


def test_a_row_names_known_jurisdictions_sources_and_zones_that_are_theirs() -> None:
    islands = {"Indian/Christmas", "Indian/Cocos"}  # Australian law, country codes of their own
    for row in ROWS:
        first = row["prefixes"][0]
        assert set(row["jurisdictions"]) <= set(known_jurisdictions()), first
        assert row["source"], first
        assert set(row["source"]) <= set(FILE["sources"]), first
        zones = row.get("zones", [])
        assert zones == sorted(set(zones)), first
        theirs = {clock(zone) for code in row["jurisdictions"] for zone in zones_of(code)}
        assert clocks(set(zones) - islands) <= theirs, first


def test_no_prefix_stands_in_two_rows() -> None:
    prefixes = [prefix for row in ROWS for prefix in row["prefixes"]]
    assert len(prefixes) == len(set(prefixes))


def test_every_brazilian_area_code_has_a_row_and_those_of_sao_paulo_are_11_to_19() -> None:
    for area_code in range(11, 100):
        number = phonenumbers.PhoneNumber(country_code=55, national_number=int(f"{area_code}21234567"))
        if phonenumbers.number_type(number) != phonenumbers.PhoneNumberType.FIXED_LINE:
            continue
        places = of_number(PhoneNumber(typed="", e164=f"+55{area_code}21234567", region="BR", type="fixed_line")).places
        assert [place.jurisdiction for place in places] == (["BR-SP"] if area_code < 20 else ["BR"])
