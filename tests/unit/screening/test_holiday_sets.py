"""holiday_sets: days of the library, days of our own, and days that are observed instead."""

from __future__ import annotations

from datetime import date

from manualdial.screening.holiday_sets import ExtraDay, HolidaySet, HolidaySets


def sets(**fields: object) -> HolidaySets:
    return HolidaySets({"ours": HolidaySet(title="Ours", **fields)})  # type: ignore[arg-type]  # fields of the struct


def test_a_day_of_the_library_has_its_name() -> None:
    assert sets(country="US").name_of("ours", date(2026, 12, 25)) == "Christmas Day"
    assert sets(country="US").name_of("ours", date(2026, 12, 24)) is None


def test_the_observed_day_counts_besides_the_day_itself_unless_the_set_says_otherwise() -> None:
    friday, saturday = date(2026, 7, 3), date(2026, 7, 4)
    both, itself = sets(country="US", observed=True), sets(country="US", observed=False)
    assert both.name_of("ours", friday)
    assert both.name_of("ours", saturday)
    assert itself.name_of("ours", friday) is None
    assert itself.name_of("ours", saturday)


def test_days_are_taken_out_and_picked_by_name() -> None:
    assert sets(country="US", remove=["Veterans Day"]).name_of("ours", date(2026, 11, 11)) is None
    picked = sets(country="US", only=["Christmas Day"])
    assert picked.name_of("ours", date(2026, 12, 25))
    assert picked.name_of("ours", date(2026, 11, 11)) is None


def test_days_of_our_own_come_once_every_year_or_for_a_time() -> None:
    once = ExtraDay(name="A proclaimed day", day=date(2026, 7, 24))
    yearly = ExtraDay(name="Founders' Day", month_and_day="03-02")
    season = ExtraDay(name="Ramadan", day=date(2026, 12, 30), until=date(2027, 1, 2))
    ours = sets(days=[once, yearly, season])
    assert ours.name_of("ours", date(2026, 7, 24)) == "A proclaimed day"
    assert ours.name_of("ours", date(2027, 7, 24)) is None
    assert ours.name_of("ours", date(2029, 3, 2)) == "Founders' Day"
    found = [day for day in range(28, 32) if ours.name_of("ours", date(2026, 12, day))]
    assert found == [30, 31]
    assert ours.name_of("ours", date(2027, 1, 2)) == "Ramadan"
    assert ours.name_of("ours", date(2027, 1, 3)) is None


def test_the_29th_of_february_is_a_day_of_leap_years() -> None:
    ours = sets(days=[ExtraDay(name="Leap day", month_and_day="02-29")])
    assert ours.name_of("ours", date(2028, 2, 29)) == "Leap day"
    assert ours.name_of("ours", date(2026, 2, 28)) is None
