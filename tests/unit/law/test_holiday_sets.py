"""holiday_sets: days of the library, days of our own, and days that are observed instead."""

from __future__ import annotations

from datetime import date

from manualdial.law.holiday_sets import ExtraDay, HolidaySet, HolidaySets


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


def test_a_day_of_our_own_is_observed_as_those_of_the_library_are() -> None:
    saturday = ExtraDay(name="A proclaimed day", day=date(2026, 7, 25))
    yearly = ExtraDay(name="All Saints' Day", month_and_day="11-01")
    ours = sets(days=[saturday, yearly])
    assert ours.name_of("ours", date(2026, 7, 24)) == "A proclaimed day (observed)"
    assert ours.name_of("ours", date(2026, 7, 25)) == "A proclaimed day"
    assert ours.name_of("ours", date(2026, 7, 27)) is None
    assert ours.name_of("ours", date(2026, 11, 1)) == "All Saints' Day"  # a Sunday
    assert ours.name_of("ours", date(2026, 11, 2)) == "All Saints' Day (observed)"
    assert ours.name_of("ours", date(2026, 10, 30)) is None
    assert ours.name_of("ours", date(2027, 11, 2)) is None  # the day before it, a Monday, is the day itself


def test_a_day_of_our_own_is_not_observed_in_a_set_that_says_so() -> None:
    yearly = ExtraDay(name="All Saints' Day", month_and_day="11-01")
    ours = sets(days=[yearly], observed=False)
    assert ours.name_of("ours", date(2026, 11, 1)) == "All Saints' Day"
    assert ours.name_of("ours", date(2026, 11, 2)) is None


def test_a_day_may_be_observed_in_the_year_before_or_after() -> None:
    first = sets(days=[ExtraDay(name="First day", month_and_day="01-01")])
    assert first.name_of("ours", date(2027, 12, 31)) == "First day (observed)"  # 1 January 2028 is a Saturday
    last = sets(days=[ExtraDay(name="Last day", month_and_day="12-31")])
    assert last.name_of("ours", date(2024, 1, 1)) == "Last day (observed)"  # 31 December 2023 is a Sunday


def test_a_time_of_several_days_is_not_moved() -> None:
    ours = sets(days=[ExtraDay(name="Ramadan", day=date(2026, 7, 25), until=date(2026, 8, 2))])
    assert ours.name_of("ours", date(2026, 7, 24)) is None
    assert ours.name_of("ours", date(2026, 8, 2)) == "Ramadan"
    assert ours.name_of("ours", date(2026, 8, 3)) is None


def test_an_observed_day_leaves_the_name_of_a_holiday_that_is_there() -> None:
    ours = sets(country="US", days=[ExtraDay(name="Christmas Eve", month_and_day="12-26")])
    assert ours.name_of("ours", date(2026, 12, 25)) == "Christmas Day"
