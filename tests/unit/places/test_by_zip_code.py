"""Postal codes → places, one case a row with its source."""

from __future__ import annotations

import pytest
import zipcodes
from hypothesis import given
from hypothesis import strategies as st

from manualdial.numbers import parse
from manualdial.places.by_number import of_number
from manualdial.places.by_zip_code import of_zip_code
from manualdial.places.jurisdictions import with_other_jurisdictions, zone_of_today, zones_of
from manualdial.places.place import Place, PlaceSource
from tests.unit.places import us_zip_code_file
from tests.unit.places.clocks import clocks

NY, CHICAGO, DENVER = "America/New_York", "America/Chicago", "America/Denver"
PHOENIX, LOS_ANGELES = "America/Phoenix", "America/Los_Angeles"
CFR = "49 CFR part 71"
PACKAGE = "package zipcodes"


def places_of(code: str | int, country: str = "US") -> dict[str, tuple[str, ...]]:
    found = of_zip_code(code, country=country)
    assert found is not None
    assert found.source is PlaceSource.ZIP_CODE
    return {place.jurisdiction: place.zones for place in found.places}


@pytest.mark.parametrize(
    ("code", "state", "zones", "source"),
    [
        ("32401", "US-FL", (CHICAGO,), f"{CFR}.5(f): Panama City"),
        ("32301", "US-FL", (NY,), f"{CFR}.5(f): Tallahassee"),
        ("79901", "US-TX", (DENVER,), f"{CFR}.7: El Paso"),
        ("78701", "US-TX", (CHICAGO,), f"{CFR}.7: Austin"),
        ("47201", "US-IN", (NY,), f"{CFR}.5(b): Columbus"),
        ("46402", "US-IN", (CHICAGO,), f"{CFR}.5(b): Gary"),
        ("46534", "US-IN", (CHICAGO,), f"{CFR}.5(b): Knox"),
        ("40202", "US-KY", (NY,), f"{CFR}.5(c): Louisville"),
        ("42101", "US-KY", (CHICAGO,), f"{CFR}.5(c): Bowling Green"),
        ("37402", "US-TN", (NY,), f"{CFR}.5(d): Chattanooga"),
        ("37405", "US-TN", (NY,), f"{CFR}.5(d): Chattanooga, corrected"),
        ("37201", "US-TN", (CHICAGO,), f"{CFR}.5(d): Nashville"),
        ("49801", "US-MI", (CHICAGO,), f"{CFR}.5(a): Iron Mountain"),
        ("48201", "US-MI", (NY,), f"{CFR}.5(a): Detroit"),
        ("83501", "US-ID", (LOS_ANGELES,), f"{CFR}.9: Lewiston"),
        ("83702", "US-ID", (DENVER,), f"{CFR}.9: Boise"),
        ("97914", "US-OR", (DENVER,), f"{CFR}.9: Ontario"),
        ("89883", "US-NV", (DENVER,), "64 FR 56705: West Wendover, corrected"),
        ("89825", "US-NV", (DENVER, LOS_ANGELES), "Jackpot, corrected"),
        ("86503", "US-AZ", (DENVER,), "15 U.S.C. 260a: Chinle, Navajo Nation"),
        ("86045", "US-AZ", (DENVER, PHOENIX), "Tuba City, corrected"),
        ("85001", "US-AZ", (PHOENIX,), "15 U.S.C. 260a: Phoenix"),
        ("58601", "US-ND", (DENVER,), f"{CFR}.7(a): Dickinson"),
        ("99634", "US-AK", ("America/Anchorage",), "Napakiak, which stood in place of the zone"),
        ("99546", "US-AK", ("America/Adak",), f"{CFR}.12: Adak"),
        ("20500", "US-DC", (NY,), PACKAGE),
        ("00901", "US-PR", ("America/Puerto_Rico",), PACKAGE),
        ("96910", "US-GU", ("Pacific/Guam",), PACKAGE),
        ("96941", "FM", ("Pacific/Chuuk", "Pacific/Pohnpei"), "the package has Chuuk for Pohnpei: all of the country"),
        ("02134", "US-MA", (NY,), PACKAGE),
        (2134, "US-MA", (NY,), "a number that lost its zero"),
        (501, "US-NY", (NY,), "a number that lost its zeros"),
        (21341234, "US-MA", (NY,), "nine digits that lost their zero"),
        ("2134", "US-MA", (NY,), "a text that lost its zero in a spreadsheet"),
        ("501", "US-NY", (NY,), "a text that lost its zeros"),
        ("2134-1234", "US-MA", (NY,), "ZIP+4 that lost its zero"),
        ("21341234", "US-MA", (NY,), "nine digits that lost their zero, as text"),
        ("96898", "US-UM", ("Pacific/Wake",), "Wake Island, corrected"),
        ("99923", "US-AK", ("America/Anchorage", "America/Vancouver"), "Hyder, corrected"),
        ("99901", "US-AK", ("America/Anchorage",), f"{CFR}.11: Ketchikan"),
        ("32401-1234", "US-FL", (CHICAGO,), PACKAGE),
        ("324011234", "US-FL", (CHICAGO,), PACKAGE),
        (" 32401 ", "US-FL", (CHICAGO,), PACKAGE),
    ],
)
def test_a_zip_code_is_in_one_state_and_its_zone(
    code: str | int, state: str, zones: tuple[str, ...], source: str
) -> None:
    assert places_of(code) == {state: zones}, source


@pytest.mark.parametrize(
    "code", ["00000", "99999", "34", "134", "324011", "32401-12", "", "abcde", "３２４０１", -32401, 10**12, True]
)
def test_what_is_no_zip_code_in_use_is_none(code: str | int) -> None:
    assert of_zip_code(code) is None


def test_a_post_office_of_the_forces_is_under_the_law_of_its_country_and_under_federal_law() -> None:
    assert places_of("09002") == {"DE": ("Europe/Berlin",), "US": ("Europe/Berlin",)}


def test_a_zip_code_that_the_person_said_has_the_person_as_source() -> None:
    found = of_zip_code("32401", source=PlaceSource.STATED)
    assert found is not None
    assert found.source is PlaceSource.STATED
    assert found.places == (Place(jurisdiction="US-FL", zones=(CHICAGO,)),)


def test_a_post_office_of_the_forces_without_a_country_has_the_zones_of_its_region() -> None:
    (zones,) = places_of("09000").values()
    assert len(zones) == 30


@pytest.mark.parametrize(
    ("code", "provinces"),
    [
        ("A1A 1A1", {"CA-NL"}),
        ("B3H 1A1", {"CA-NS"}),
        ("C1A 1A1", {"CA-PE"}),
        ("E1A 1A1", {"CA-NB"}),
        ("G1A 1A1", {"CA-QC"}),
        ("H2X1Y4", {"CA-QC"}),
        ("J8X 1A1", {"CA-QC"}),
        ("K1A-0B1", {"CA-ON"}),
        ("l5b 1a1", {"CA-ON"}),
        ("M5V", {"CA-ON"}),
        ("N2L 1A1", {"CA-ON"}),
        ("P7B 1A1", {"CA-ON"}),
        ("R3C 1A1", {"CA-MB"}),
        ("S4P 1A1", {"CA-SK"}),
        ("T2P 1A1", {"CA-AB"}),
        ("V6B 1A1", {"CA-BC"}),
        ("X0A 1A1", {"CA-NT", "CA-NU"}),
        ("Y1A 1A1", {"CA-YT"}),
    ],
)
def test_the_first_letter_of_a_canadian_code_is_its_province(code: str, provinces: set[str]) -> None:
    found = places_of(code, country="CA")
    assert set(found) == provinces
    assert all(zones == zones_of(province) for province, zones in found.items())


@pytest.mark.parametrize("code", ["D1A 1A1", "W1A 1A1", "K1O 1A1", "K1A 0B", "K1", "32401", 32401, ""])
def test_what_is_no_canadian_code_is_none(code: str | int) -> None:
    assert of_zip_code(code, country="CA") is None


def test_a_postal_code_of_another_country_is_none() -> None:
    assert of_zip_code("75001", country="FR") is None


def test_a_zip_code_of_one_state_and_a_number_of_another_are_both_places() -> None:
    zip_code = of_zip_code("79901")
    assert zip_code is not None
    found = with_other_jurisdictions(zip_code, of_number(parse("+13053720100", region="US")))
    assert found.source is PlaceSource.ZIP_CODE
    assert found.places == (
        Place(jurisdiction="US-FL", zones=(NY,)),
        Place(jurisdiction="US-TX", zones=(DENVER,)),
    )


def test_the_data_file_is_what_the_package_and_the_corrections_make() -> None:
    assert us_zip_code_file.FILE.read_text(encoding="utf-8") == us_zip_code_file.rendered()


def test_every_zip_code_of_the_package_is_found_with_its_state_and_its_clock() -> None:
    corrections = us_zip_code_file.CORRECTIONS.read_text(encoding="utf-8")
    for row in zipcodes.list_all():  # type: ignore[no-untyped-call]  # the package types only part of itself
        code, state = row["zip_code"], row["state"]
        places = places_of(code)
        if state in ("AA", "AE", "AP"):
            assert "US" in places
        elif state in ("FM", "MH", "PW"):
            assert set(places) == {state}
        elif f"\n{code},US-" not in corrections:
            assert set(places) == {f"US-{state}"}
            if f"\n{code}," not in corrections:
                assert places[f"US-{state}"] == (zone_of_today(row["timezone"]),)


@given(code=st.integers(0, 99_999))
def test_a_zip_code_is_found_exactly_if_the_package_has_it(code: int) -> None:
    found = of_zip_code(code)
    real = zipcodes.is_real(f"{code:05}")  # type: ignore[no-untyped-call]  # the package types only part of itself
    assert (found is not None) == real
    if found is not None:
        jurisdictions = [place.jurisdiction for place in found.places]
        assert jurisdictions == sorted(set(jurisdictions))
        assert all(place.zones and list(place.zones) == sorted(set(place.zones)) for place in found.places)
        assert all(clocks(place.zones) for place in found.places)  # each zone loads
