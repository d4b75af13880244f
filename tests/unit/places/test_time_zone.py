"""The rules of time zones come from the installed package, not from the machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from manualdial.places.time_zone import TIME_ZONE_RULES, UnknownTimeZone, time_zone


@pytest.mark.parametrize(
    ("zone", "hours", "source"),
    [
        ("America/Vancouver", -7, "tz database 2026b: British Columbia is 7 hours behind all year"),
        ("America/Edmonton", -6, "tz database 2026c: Alberta is 6 hours behind all year"),
        ("America/Winnipeg", -5, "tz database 2026e: Manitoba is 5 hours behind all year"),
        ("America/Toronto", -5, "tz database 2026f"),
        ("America/St_Johns", -3.5, "tz database 2026f"),
        ("Asia/Kathmandu", 5.75, "tz database 2026f"),
        ("America/Indiana/Indianapolis", -5, "tz database 2026f"),
    ],
)
def test_a_zone_has_the_rules_of_the_installed_package(zone: str, hours: float, source: str) -> None:
    winter = datetime(2027, 1, 15, 12, tzinfo=UTC)
    assert winter.astimezone(time_zone(zone)).utcoffset() == timedelta(hours=hours), source


def test_a_zone_carries_its_name() -> None:
    assert time_zone("Europe/Berlin").key == "Europe/Berlin"


def test_the_version_of_the_rules_can_be_told() -> None:
    year, release = TIME_ZONE_RULES.split(".")[:2]
    assert (int(year), int(release)) >= (2026, 1)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "America", "../zone.tab", "zone.tab", "tzdata.zi", "/UTC", "UTC/"]
)
def test_a_name_that_is_no_zone_is_an_error(name: str) -> None:
    with pytest.raises(UnknownTimeZone):
        time_zone(name)
