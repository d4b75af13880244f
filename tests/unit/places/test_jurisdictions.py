"""Jurisdictions, their zones, and somebody who is somewhere else."""

from __future__ import annotations

import pytest

from manualdial.places.jurisdictions import (
    at_zone,
    canonical_jurisdiction,
    everywhere,
    known_jurisdictions,
    of_jurisdiction,
    with_other_jurisdictions,
    zone_of_today,
    zones_of,
)
from manualdial.places.place import Place, PlaceSource, Whereabouts
from tests.unit.places.clocks import clock, clocks, zones_by_country

NY, CHICAGO, DENVER = "America/New_York", "America/Chicago", "America/Denver"
LEFT_OUT = {
    "Asia/Urumqi": "not the legal time of China",
    "Europe/Simferopol": "no numbers of Ukraine",
}


def whereabouts(source: PlaceSource, **zones: tuple[str, ...]) -> Whereabouts:
    places = tuple(Place(jurisdiction=code.replace("_", "-"), zones=zones[code]) for code in sorted(zones))
    return Whereabouts(source=source, places=places)


def codes(found: Whereabouts | None) -> list[str]:
    assert found is not None
    return [place.jurisdiction for place in found.places]


def test_a_country_has_every_clock_of_the_tz_database_and_no_other() -> None:
    by_country = zones_by_country()
    expected = {
        country: clocks(zone for zone in zones if zone not in LEFT_OUT) for country, zones in by_country.items()
    }
    assert {country: clocks(zones_of(country)) for country in by_country} == expected


def test_every_zone_loads_and_no_two_of_a_jurisdiction_show_the_same_time() -> None:
    for code in known_jurisdictions():
        zones = zones_of(code)
        assert zones, code
        assert list(zones) == sorted(set(zones)), code
        assert len(clocks(zones)) == len(zones), code


def test_the_states_the_district_and_the_territories_are_all_there() -> None:
    states = [code for code in known_jurisdictions() if code.startswith("US-")]
    assert len(states) == 57
    assert len([code for code in known_jurisdictions() if code.startswith("CA-")]) == 13


@pytest.mark.parametrize(
    ("zone", "today"),
    [
        ("America/Detroit", NY),
        ("America/Indiana/Indianapolis", NY),
        ("America/Indiana/Knox", CHICAGO),
        ("America/Kentucky/Monticello", NY),
        ("America/Boise", DENVER),
        ("America/Phoenix", "America/Phoenix"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Asia/Krasnoyarsk", "Asia/Novosibirsk"),
    ],
)
def test_a_zone_that_shows_the_same_time_is_written_under_one_name(zone: str, today: str) -> None:
    assert zone_of_today(zone) == today
    assert clock(zone) == clock(today)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("us-fl", "US-FL"),
        (" FR ", "FR"),
        ("US", "US"),
        ("PR", "US-PR"),
        ("RE", "FR-974"),
        ("FR-RE", "FR-974"),
        ("FR-75", "FR"),
        ("AU-NSW", "AU"),
        ("BR-SP", "BR-SP"),
        ("BR-RJ", "BR"),
        ("US-XX", None),
        ("CA-XX", None),
        ("ZZ", None),
        ("", None),
        ("FL", None),
        ("Florida", None),
        ("FR-", None),
        ("FR-7501", None),
    ],
)
def test_a_code_is_read_as_iso_3166_has_it(written: str, canonical: str | None) -> None:
    assert canonical_jurisdiction(written) == canonical


def test_a_state_has_all_its_zones_and_the_contact_as_source() -> None:
    assert of_jurisdiction("US-FL") == whereabouts(PlaceSource.CONTACT, US_FL=(CHICAGO, NY))


def test_the_source_of_a_jurisdiction_can_be_the_person() -> None:
    found = of_jurisdiction("FR", source=PlaceSource.STATED)
    assert found == whereabouts(PlaceSource.STATED, FR=("Europe/Paris",))


def test_an_unknown_jurisdiction_is_none_and_has_no_zones() -> None:
    assert of_jurisdiction("US-XX") is None
    assert zones_of("US-XX") == ()


@pytest.mark.parametrize(
    ("country", "parts"), [("US", 51), ("CA", 13), ("BR", 2), ("FR", 1), ("AU", 1), ("BR-RJ", 1), ("PR", 1)]
)
def test_a_country_alone_is_all_parts_that_have_no_country_code_of_their_own(country: str, parts: int) -> None:
    assert len(codes(of_jurisdiction(country))) == parts


def test_everywhere_in_a_country_is_all_its_parts_and_territories() -> None:
    found = everywhere("US")
    assert found.source is PlaceSource.NONE
    assert len(found.places) == 57
    assert codes(everywhere("FR"))[0] == "FR"
    assert len(codes(everywhere("FR"))) == 9
    assert codes(everywhere("PR")) == ["US-PR"]


@pytest.mark.parametrize("country", [None, "001", "ZZ"])
def test_everywhere_without_a_known_country_is_the_whole_world(country: str | None) -> None:
    assert codes(everywhere(country)) == list(known_jurisdictions())


def test_a_stated_zone_narrows_a_jurisdiction_that_has_it() -> None:
    florida = whereabouts(PlaceSource.NUMBER, US_FL=(CHICAGO, NY))
    assert at_zone(florida, CHICAGO) == whereabouts(PlaceSource.STATED, US_FL=(CHICAGO,))


def test_a_stated_zone_may_have_the_name_of_another_that_shows_the_same_time() -> None:
    indiana = whereabouts(PlaceSource.NUMBER, US_IN=(CHICAGO, NY))
    assert at_zone(indiana, "America/Indiana/Indianapolis") == whereabouts(PlaceSource.STATED, US_IN=(NY,))


def test_a_stated_zone_may_have_its_former_name() -> None:
    india = whereabouts(PlaceSource.NUMBER, IN=("Asia/Kolkata",))
    assert at_zone(india, "Asia/Calcutta") == whereabouts(PlaceSource.STATED, IN=("Asia/Kolkata",))


def test_a_stated_zone_leaves_out_the_jurisdictions_that_lack_it() -> None:
    north = whereabouts(PlaceSource.NUMBER, CA_NT=("America/Edmonton",), CA_YT=("America/Whitehorse",))
    assert codes(at_zone(north, "America/Whitehorse")) == ["CA-YT"]


def test_a_stated_zone_that_no_jurisdiction_has_is_wherever_it_is_kept() -> None:
    new_york = whereabouts(PlaceSource.NUMBER, US_NY=(NY,))
    found = at_zone(new_york, "Asia/Tokyo", source=PlaceSource.CONTACT)
    assert found == whereabouts(PlaceSource.CONTACT, JP=("Asia/Tokyo",))
    chicago = at_zone(new_york, CHICAGO, source=PlaceSource.CONTACT)
    assert chicago is not None
    assert {"US-AL", "US-LA", "US-MS"} <= {place.jurisdiction for place in chicago.places}


@pytest.mark.parametrize("zone", ["UTC", "Etc/GMT+12"])
def test_a_zone_that_nobody_keeps_is_none(zone: str) -> None:
    assert at_zone(whereabouts(PlaceSource.NUMBER, US_NY=(NY,)), zone) is None


def test_a_stated_zone_of_somebody_who_is_nowhere_is_that_zone_wherever_it_is_kept() -> None:
    found = at_zone(Whereabouts(source=PlaceSource.NONE, places=()), "Asia/Tokyo")
    assert found == whereabouts(PlaceSource.STATED, JP=("Asia/Tokyo",))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "America", "America/", "zone.tab", "__init__/x"])
def test_a_zone_that_does_not_exist_is_none(zone: str) -> None:
    assert at_zone(whereabouts(PlaceSource.NUMBER, US_NY=(NY,)), zone) is None


def test_evidence_of_two_states_is_both_of_them_by_the_stronger_source() -> None:
    zip_code = whereabouts(PlaceSource.ZIP_CODE, US_TX=(CHICAGO,))
    number = whereabouts(PlaceSource.NUMBER, US_FL=(NY,))
    assert with_other_jurisdictions(zip_code, number) == whereabouts(
        PlaceSource.ZIP_CODE, US_FL=(NY,), US_TX=(CHICAGO,)
    )


def test_the_stronger_evidence_alone_says_the_zone_of_a_state_that_both_name() -> None:
    zip_code = whereabouts(PlaceSource.ZIP_CODE, US_FL=(CHICAGO,))
    number = whereabouts(PlaceSource.NUMBER, US_FL=(CHICAGO, NY))
    assert with_other_jurisdictions(zip_code, number) == zip_code
