"""Numbers → places, one case a row with its source."""

from __future__ import annotations

from itertools import product

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manualdial.numbers import PhoneNumber, parse
from manualdial.places.by_number import of_number
from manualdial.places.place import PlaceSource
from tests.unit.places.clocks import clock, clocks

NY, CHICAGO, DENVER = "America/New_York", "America/Chicago", "America/Denver"
PHOENIX, LOS_ANGELES, SAO_PAULO = "America/Phoenix", "America/Los_Angeles", "America/Sao_Paulo"
CFR = "49 CFR part 71"
NANPA = "NANPA, area codes"
CNA = "CNA, area codes"
TZ = "tz database 2026f"


def places_of(number: str) -> dict[str, set[str]]:
    return {place.jurisdiction: set(place.zones) for place in of_number(parse(number, region="US")).places}


@pytest.mark.parametrize(
    ("number", "state", "zones", "source"),
    [
        ("+12194220100", "US-IN", {NY, CHICAGO}, f"{CFR}.5(b)"),
        ("+15744220100", "US-IN", {NY, CHICAGO}, f"{CFR}.5(b): Starke County"),
        ("+17654220100", "US-IN", {NY, CHICAGO}, f"{CFR}.5(b)"),
        ("+18124250100", "US-IN", {NY, CHICAGO}, f"{CFR}.5(b)"),
        ("+19304220100", "US-IN", {NY, CHICAGO}, f"{CFR}.5(b)"),
        ("+13174220100", "US-IN", {NY}, f"{CFR}.5(b): Indianapolis"),
        ("+19063770100", "US-MI", {NY, CHICAGO}, f"{CFR}.5(a)"),
        ("+13133770100", "US-MI", {NY}, f"{CFR}.5(a): Detroit"),
        ("+19287290100", "US-AZ", {DENVER, PHOENIX}, "15 U.S.C. 260a; the Navajo Nation"),
        ("+16022220100", "US-AZ", {PHOENIX}, "15 U.S.C. 260a"),
        ("+19072220100", "US-AK", {"America/Adak", "America/Anchorage"}, f"{CFR}.11, .12"),
        ("+17853370100", "US-KS", {CHICAGO, DENVER}, f"{CFR}.7(d)"),
        ("+16203760100", "US-KS", {CHICAGO, DENVER}, f"{CFR}.7(d)"),
        ("+12704220100", "US-KY", {NY, CHICAGO}, f"{CFR}.5(c)"),
        ("+13644220100", "US-KY", {NY, CHICAGO}, f"{CFR}.5(c)"),
        ("+15024220100", "US-KY", {NY, CHICAGO}, f"{CFR}.5(c)"),
        ("+16063870100", "US-KY", {NY, CHICAGO}, f"{CFR}.5(c): Clinton County"),
        ("+18592220100", "US-KY", {NY}, f"{CFR}.5(c)"),
        ("+18504320100", "US-FL", {NY, CHICAGO}, f"{CFR}.5(f)"),
        ("+14484320100", "US-FL", {NY, CHICAGO}, f"{CFR}.5(f)"),
        ("+13053720100", "US-FL", {NY}, f"{CFR}.5(f)"),
        ("+13086320100", "US-NE", {CHICAGO, DENVER}, f"{CFR}.7(c)"),
        ("+14023760100", "US-NE", {CHICAGO, DENVER}, f"{CFR}.7(c): Cherry County"),
        ("+15312220100", "US-NE", {CHICAGO, DENVER}, f"{CFR}.7(c)"),
        ("+16057730100", "US-SD", {CHICAGO, DENVER}, f"{CFR}.7(b)"),
        ("+17014830100", "US-ND", {CHICAGO, DENVER}, f"{CFR}.7(a)"),
        ("+15418890100", "US-OR", {DENVER, LOS_ANGELES}, f"{CFR}.9: Malheur County"),
        ("+14582220100", "US-OR", {DENVER, LOS_ANGELES}, f"{CFR}.9"),
        ("+15032220100", "US-OR", {LOS_ANGELES}, f"{CFR}.9"),
        ("+12087430100", "US-ID", {DENVER, LOS_ANGELES}, f"{CFR}.9"),
        ("+19862220100", "US-ID", {DENVER, LOS_ANGELES}, f"{CFR}.9"),
        ("+14232220100", "US-TN", {NY, CHICAGO}, f"{CFR}.5(d): Marion County"),
        ("+19312220100", "US-TN", {NY, CHICAGO}, f"{CFR}.5(d)"),
        ("+18652220100", "US-TN", {NY, CHICAGO}, f"{CFR}.5(d)"),
        ("+16152220100", "US-TN", {CHICAGO}, f"{CFR}.5(d)"),
        ("+14322220100", "US-TX", {CHICAGO, DENVER}, f"{CFR}.7"),
        ("+19155320100", "US-TX", {CHICAGO, DENVER}, f"{CFR}.7: El Paso"),
        ("+12142220100", "US-TX", {CHICAGO}, f"{CFR}.7"),
        ("+17752220100", "US-NV", {DENVER, LOS_ANGELES}, "64 FR 56705: West Wendover"),
        ("+17022220100", "US-NV", {LOS_ANGELES}, f"{CFR}.9"),
        ("+12022250100", "US-DC", {NY}, NANPA),
        ("+17712250100", "US-DC", {NY}, NANPA),
        ("+18082220100", "US-HI", {"Pacific/Honolulu"}, f"{CFR}.12"),
        ("+17872220100", "US-PR", {"America/Puerto_Rico"}, NANPA),
        ("+19392220100", "US-PR", {"America/Puerto_Rico"}, NANPA),
        ("+13407720100", "US-VI", {"America/St_Thomas"}, NANPA),
        ("+16713330100", "US-GU", {"Pacific/Guam"}, NANPA),
        ("+16702340100", "US-MP", {"Pacific/Saipan"}, NANPA),
        ("+16846330100", "US-AS", {"Pacific/Pago_Pago"}, NANPA),
        ("+17097260100", "CA-NL", {"America/Goose_Bay", "America/St_Johns"}, TZ),
        ("+18792220100", "CA-NL", {"America/Goose_Bay", "America/St_Johns"}, TZ),
        ("+13066520100", "CA-SK", {"America/Regina", "America/Winnipeg"}, TZ),
        ("+16392220100", "CA-SK", {"America/Regina", "America/Winnipeg"}, TZ),
        ("+14742220100", "CA-SK", {"America/Regina", "America/Winnipeg"}, TZ),
        ("+12502220100", "CA-BC", {"America/Edmonton", "America/Vancouver"}, TZ),
        ("+17782220100", "CA-BC", {"America/Edmonton", "America/Vancouver"}, CNA),
        ("+12362220100", "CA-BC", {"America/Edmonton", "America/Vancouver"}, CNA),
        ("+16722220100", "CA-BC", {"America/Edmonton", "America/Vancouver"}, CNA),
        ("+16042220100", "CA-BC", {"America/Vancouver"}, CNA),
        ("+18073430100", "CA-ON", {CHICAGO, "America/Toronto", "America/Winnipeg"}, TZ),
        ("+14162220100", "CA-ON", {"America/Toronto"}, TZ),
        ("+14182220100", "CA-QC", {"America/Blanc-Sablon", "America/Halifax", "America/Toronto"}, TZ),
        ("+15142220100", "CA-QC", {"America/Toronto"}, TZ),
        ("+15062220100", "CA-NB", {"America/Moncton"}, CNA),
        ("+18766011234", "JM", {"America/Jamaica"}, NANPA),
        ("+12423220100", "BS", {"America/Nassau"}, NANPA),
        ("+18092220100", "DO", {"America/Santo_Domingo"}, NANPA),
        ("+12684621234", "AG", {"America/Antigua"}, "NANPA; the library has the whole of +1 for its mobiles"),
        ("+12687641234", "AG", {"America/Antigua"}, "NANPA; the library has the whole of +1 for its mobiles"),
        ("+5511961234567", "BR-SP", {SAO_PAULO}, "Anatel: 11 to 19 are São Paulo"),
        ("+551931234567", "BR-SP", {SAO_PAULO}, "Anatel"),
        ("+552131234567", "BR", {SAO_PAULO}, "Anatel: Rio de Janeiro"),
        ("+559231234567", "BR", {"America/Manaus"}, "Anatel: Manaus"),
        ("+558131234567", "BR", {"America/Noronha", SAO_PAULO}, "Anatel: Pernambuco with Fernando de Noronha"),
        ("+525512345678", "MX", {"America/Mexico_City"}, "IFT: Mexico City"),
        ("+529982345678", "MX", {"America/Cancun"}, "IFT: Cancún"),
        ("+526642345678", "MX", {"America/Tijuana"}, "IFT: Tijuana"),
        ("+526562345678", "MX", {"America/Ciudad_Juarez"}, f"{TZ}: Ciudad Juárez"),
        ("+526142345678", "MX", {"America/Mazatlan", "America/Mexico_City"}, "Ley de los Husos Horarios: Chihuahua"),
        ("+528682345678", "MX", {"America/Matamoros", "America/Mexico_City"}, f"{TZ}: Matamoros"),
        ("+62215550100", "ID", {"Asia/Jakarta"}, TZ),
        ("+62361555010", "ID", {"Asia/Makassar"}, f"{TZ}: Bali"),
        ("+628123456789", "ID", {"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}, "a mobile of any island"),
        ("+351212345678", "PT", {"Europe/Lisbon"}, "ANACOM"),
        ("+351291234567", "PT", {"Atlantic/Madeira"}, "ANACOM: 291 is Madeira"),
        ("+351296234567", "PT", {"Atlantic/Azores"}, "ANACOM: 296 is São Miguel"),
        ("+351912345678", "PT", {"Atlantic/Azores", "Europe/Lisbon"}, "a mobile of any island"),
        ("+34912345678", "ES", {"Europe/Madrid"}, TZ),
        ("+34922123456", "ES", {"Atlantic/Canary"}, "CNMC: 922 is Tenerife"),
        ("+34612345678", "ES", {"Atlantic/Canary", "Europe/Madrid"}, "a mobile of any island"),
        ("+33123456789", "FR", {"Europe/Paris"}, "Arcep"),
        ("+262262123456", "FR-974", {"Indian/Reunion"}, "Arcep: Réunion"),
        ("+262269601234", "FR-976", {"Indian/Mayotte"}, "Arcep: Mayotte"),
        ("+596596301234", "FR-972", {"America/Martinique"}, "Arcep"),
        ("+442079460000", "GB", {"Europe/London"}, "Ofcom"),
        ("+493012345678", "DE", {"Europe/Berlin"}, TZ),
        ("+35818123456", "FI-01", {"Europe/Mariehamn"}, "Traficom: 18 is Åland"),
        ("+4779021234", "NO-21", {"Arctic/Longyearbyen"}, "Nkom: 790 is Svalbard"),
        ("+212520123456", "MA", {"Africa/Casablanca"}, f"{TZ}; the library has the Canaries"),
        ("+50522123456", "NI", {"America/Managua"}, f"{TZ}; the library has Chicago, which has another summer"),
        ("+917410410123", "IN", {"Asia/Kolkata"}, TZ),
        ("+56221234567", "CL", {"America/Punta_Arenas", "America/Santiago", "Pacific/Easter"}, "Subtel"),
        ("+74012123456", "RU", set(), "Kaliningrad, for which the library has Bucharest: all of Russia"),
    ],
)
def test_a_number_is_in_the_jurisdiction_and_the_zones_of_its_plan(
    number: str, state: str, zones: set[str], source: str
) -> None:
    places = places_of(number)
    assert set(places) == {state}, source
    if zones:
        assert places[state] == zones, source
    else:
        assert len(places[state]) == 11, source


def test_a_mexican_freephone_number_may_be_anywhere_in_the_country() -> None:
    assert len(places_of("+528001234567")["MX"]) == 6


@pytest.mark.parametrize(
    ("number", "jurisdictions", "source"),
    [
        ("+19022220100", {"CA-NS", "CA-PE"}, CNA),
        ("+17822220100", {"CA-NS", "CA-PE"}, CNA),
        ("+18678730100", {"CA-NT", "CA-NU", "CA-YT"}, CNA),
        ("+590590271234", {"FR-971", "FR-BL", "FR-MF"}, "Arcep: one plan for three"),
        ("+262801234567", {"FR-974", "FR-976"}, "Arcep: special numbers of both"),
        ("+558001234567", {"BR", "BR-SP"}, "Anatel: freephone numbers have no state"),
    ],
)
def test_a_number_that_several_jurisdictions_share_is_in_all_of_them(
    number: str, jurisdictions: set[str], source: str
) -> None:
    assert set(places_of(number)) == jurisdictions, source


@pytest.mark.parametrize(
    "number",
    [
        "+18005550100",
        "+18335550100",
        "+18885550100",
        "+15002350100",
        "+15335550100",
        "+16002350100",
        "+16222350100",
        "+19002350100",
        "+13101234",  # Canada's 310 numbers have seven digits; 310 is also an area code of California
        "+80012345678",
        "+870773111632",
        "+881612345678",
        "+883510012345",
        "+979123456789",
    ],
)
def test_a_number_without_geography_is_nowhere(number: str) -> None:
    whereabouts = of_number(parse(number, region="CA"))
    assert whereabouts.source is PlaceSource.NONE
    assert whereabouts.places == ()


def test_a_number_of_area_code_710_is_nowhere() -> None:
    government = PhoneNumber(typed="", e164="+17102350100", region="US", type="uan")
    assert of_number(government).source is PlaceSource.NONE


def test_an_area_code_newer_than_the_table_is_in_every_part_of_its_country() -> None:
    newer = PhoneNumber(typed="", e164="+12112350100", region="CA", type="fixed_line_or_mobile")
    whereabouts = of_number(newer)
    assert whereabouts.source is PlaceSource.NUMBER
    assert len(whereabouts.places) == 13


def test_an_australian_mobile_has_every_clock_of_the_country_and_its_islands() -> None:
    zones = places_of("+61412345678")["AU"]
    library = phonenumbers.timezone.time_zones_for_number(phonenumbers.parse("+61412345678"))
    assert len(library) == 8
    assert clocks(library) < clocks(zones)
    assert clock("Australia/Darwin") in clocks(zones)


def test_a_russian_mobile_has_every_clock_of_the_country() -> None:
    offsets = {clock(zone)[0] for zone in places_of("+79161234567")["RU"]}
    hours = {offset.total_seconds() / 3600 for offset in offsets if offset is not None}
    assert hours == set(range(2, 13))


def test_newfoundland_is_half_an_hour_off_its_neighbours() -> None:
    offsets = {clock(zone)[0] for zone in places_of("+17097260100")["CA-NL"]}
    assert {offset.total_seconds() / 3600 for offset in offsets if offset is not None} == {-3.5, -4}


@given(area_code=st.integers(200, 999), exchange=st.integers(200, 999), line=st.integers(0, 9999))
def test_every_valid_number_of_country_code_1_has_a_place_with_a_zone_or_none_at_all(
    area_code: int, exchange: int, line: int
) -> None:
    parsed = phonenumbers.PhoneNumber(country_code=1, national_number=int(f"{area_code}{exchange}{line:04}"))
    if not phonenumbers.is_valid_number(parsed):
        return
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    whereabouts = of_number(parse(e164, region="US"))
    jurisdictions = [place.jurisdiction for place in whereabouts.places]
    assert (whereabouts.source is PlaceSource.NONE) == (not jurisdictions)
    assert jurisdictions == sorted(set(jurisdictions))
    assert all(place.zones and list(place.zones) == sorted(set(place.zones)) for place in whereabouts.places)


def test_every_country_has_a_place_for_its_fixed_lines_and_its_mobiles() -> None:
    kinds = (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)
    for region, line_type in product(sorted(phonenumbers.SUPPORTED_REGIONS), kinds):
        example = phonenumbers.example_number_for_type(region, line_type)
        if example is None:
            continue
        e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        whereabouts = of_number(parse(e164, region=region))
        assert whereabouts.source is PlaceSource.NUMBER, region
        for place in whereabouts.places:
            assert clocks(place.zones), region  # each of them loads
