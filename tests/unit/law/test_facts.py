"""location: the best source for where somebody is, and what may not move anybody."""

from __future__ import annotations

import pytest

from manualdial import numbers
from manualdial.law.facts import STRICTEST, is_a_place, located
from manualdial.law.records import Residence
from manualdial.places.place import PlaceSource

PARIS, FLORIDA, TORONTO = "+33142685300", "+13055550100", "+14165550100"


def places(number: str, zip_code: str | None = None, *residences: Residence) -> tuple[PlaceSource, set[str]]:
    read = numbers.parse(number, region="US")
    found = located(read, zip_code=zip_code, residences=residences, no_place=STRICTEST)
    return found.source, {place.jurisdiction for place in found.places}


@pytest.mark.parametrize("zip_code", ["94110", "10115", "28001", "92110"])
def test_a_postal_code_of_another_country_is_no_zip_code(zip_code: str) -> None:
    assert places(PARIS, zip_code) == (PlaceSource.NUMBER, {"FR"})
    assert places(PARIS, None, Residence(zip_code=zip_code)) == (PlaceSource.NUMBER, {"FR"})
    assert places(PARIS, None, Residence(zip_code=zip_code, jurisdiction="FR")) == (PlaceSource.CONTACT, {"FR"})


def test_no_address_takes_another_one_away() -> None:
    hawaii, florida = Residence(jurisdiction="US-HI"), Residence(jurisdiction="US-FL")
    assert places(FLORIDA, None, hawaii, florida) == (PlaceSource.CONTACT, {"US-FL", "US-HI"})
    assert places(FLORIDA, "94110", hawaii) == (PlaceSource.ZIP_CODE, {"US-CA", "US-HI"})


def test_addresses_in_one_state_that_have_no_time_zone_in_common_count_both() -> None:
    miami, panama_city, somewhere = (
        Residence(zip_code="33101"),
        Residence(zip_code="32401"),
        Residence(jurisdiction="US-FL", zone="America/Chicago"),
    )
    for first, second in ((miami, panama_city), (panama_city, miami), (miami, somewhere)):
        found = located(
            numbers.parse(FLORIDA, region="US"), zip_code=None, residences=(first, second), no_place=STRICTEST
        )
        assert [place.zones for place in found.places] == [("America/Chicago", "America/New_York")]
    both = located(numbers.parse(FLORIDA, region="US"), zip_code="32401", residences=(miami,), no_place=STRICTEST)
    assert [place.zones for place in both.places] == [("America/Chicago", "America/New_York")]


def test_an_address_says_the_time_zone_of_a_state_that_another_one_only_names() -> None:
    state = Residence(jurisdiction="US-FL")
    found = located(numbers.parse(FLORIDA, region="US"), zip_code="32401", residences=(state,), no_place=STRICTEST)
    assert [place.zones for place in found.places] == [("America/Chicago",)]


def test_a_zip_code_is_no_place_for_a_number_of_another_country() -> None:
    french = numbers.parse(PARIS, region="US")
    assert not is_a_place(Residence(zip_code="94110", stated=True), french)
    assert is_a_place(Residence(zip_code="94110", jurisdiction="US-CA", stated=True), french)
    assert is_a_place(Residence(zip_code="94110", stated=True), numbers.parse(FLORIDA, region="US"))


def test_what_was_stated_last_counts_alone() -> None:
    said = (Residence(jurisdiction="US-HI", stated=True), Residence(jurisdiction="US-FL", stated=True))
    assert places(FLORIDA, "94110", *said) == (PlaceSource.STATED, {"US-FL"})


def test_a_place_that_was_named_stays_where_it_has_not_the_zone_that_was_named_with_it() -> None:
    source, found = places(FLORIDA, None, Residence(jurisdiction="US-CA", zone="Asia/Tokyo"))
    assert (source, found) == (PlaceSource.CONTACT, {"JP", "US-CA"})


def test_a_zip_code_or_a_canadian_postal_code_places_a_number_of_north_america() -> None:
    assert places(FLORIDA, "94110") == (PlaceSource.ZIP_CODE, {"US-CA"})
    assert places(TORONTO, "V6B 1A1") == (PlaceSource.ZIP_CODE, {"CA-BC"})


@pytest.mark.parametrize(
    ("residence", "known"),
    [
        (Residence(zip_code="94110"), True),
        (Residence(zip_code="00000"), False),
        (Residence(jurisdiction="FR"), True),
        (Residence(jurisdiction="XX"), False),
        (Residence(zone="Asia/Tokyo"), True),
        (Residence(zone="Mars/One"), False),
        (Residence(zone="UTC"), False),
        (Residence(), False),
    ],
)
def test_a_place_is_one_that_somebody_knows(residence: Residence, known: bool) -> None:
    assert is_a_place(residence) is known
