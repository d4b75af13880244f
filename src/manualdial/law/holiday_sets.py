"""Named sets of holidays: days of the library `holidays` (its only home), with our own days and observed days.

[sets.us-ut]
title = "Legal holidays of Utah"
country = "US"
subdivision = "UT"
observed = true                  # the day that is observed in its place is one too
remove = ["Veterans Day"]        # by the library's English name
[[sets.us-ut.days]]              # days that the library does not have; observed as the others are
day = 2026-07-24
name = "Pioneer Day"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated

import holidays
import msgspec
from msgspec import Meta

from manualdial.law.rule import LawPart

_MOVED = {5: timedelta(days=-1), 6: timedelta(days=1)}
"""Day of the week, Monday is 0 → how far from it a holiday is observed, as in the United States."""


class ExtraDay(LawPart, frozen=True, kw_only=True):
    """A day of our own: one date, or the same day of every year."""

    name: str
    day: date | None = None
    month_and_day: Annotated[str, Meta(pattern=r"^\d{2}-\d{2}$")] | None = None
    until: date | None = None
    """With `day`: the last day of a time that begins with it. Such a time is not observed on other days."""


class HolidaySet(LawPart, frozen=True, kw_only=True):
    """One set."""

    title: str
    law: str = ""
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    """The library's country; None: only `days`."""
    subdivision: str | None = None
    observed: bool = True
    """Whether the day on which a holiday is observed is one, besides the day itself.

    The library knows it for its days; for ours it is the Friday before a Saturday and the Monday after a Sunday.
    """
    only: list[str] | None = None
    """Of the library's days only these, by its English name; None: all."""
    remove: list[str] = msgspec.field(default_factory=list)
    days: list[ExtraDay] = msgspec.field(default_factory=list)


class HolidaySets:
    """All named sets."""

    def __init__(self, sets: Mapping[str, HolidaySet]) -> None:
        self._sets = dict(sets)
        self._year = lru_cache(maxsize=1024)(self._days_of_year)

    def __contains__(self, name: str) -> bool:
        return name in self._sets

    @property
    def names(self) -> list[str]:
        """The names, sorted."""
        return sorted(self._sets)

    def get(self, name: str) -> HolidaySet:
        """The set of this name. Raises KeyError."""
        return self._sets[name]

    def name_of(self, set_name: str, day: date) -> str | None:
        """The name of the holiday, or None where the day is none."""
        return self._year(set_name, day.year).get(day)

    def _days_of_year(self, set_name: str, year: int) -> dict[date, str]:
        one = self._sets[set_name]
        found: dict[date, str] = {}
        if one.country is not None:
            listed = holidays.country_holidays(
                one.country, subdiv=one.subdivision, years=[year], observed=one.observed, language="en_US"
            )
            for day, names in listed.items():
                kept = [name for name in names.split("; ") if _is_meant(one, name)]
                if kept and day.year == year:
                    found[day] = "; ".join(kept)
        ours = [named for extra in one.days for named in _named_days(extra, year)]
        found |= {day: name for day, name in ours if day.year == year}
        if one.observed:
            for day, name in (named for extra in one.days for named in _observed_days(extra, year)):
                if day.year == year:
                    found.setdefault(day, f"{name} (observed)")
        return found


def _named_days(extra: ExtraDay, year: int) -> Iterator[tuple[date, str]]:
    if extra.month_and_day is not None:
        with suppress(ValueError):  # the 29th of February, in most years
            yield date.fromisoformat(f"{year:04}-{extra.month_and_day}"), extra.name
    elif extra.day is not None:
        last = extra.until or extra.day
        for ordinal in range(extra.day.toordinal(), last.toordinal() + 1):
            yield date.fromordinal(ordinal), extra.name


def _observed_days(extra: ExtraDay, year: int) -> Iterator[tuple[date, str]]:
    """Also those of the years beside it: a first of January on a Saturday is observed in December."""
    if extra.until is not None:
        return
    for of_year in (year - 1, year, year + 1):
        for day, name in _named_days(extra, of_year):
            if (moved := _MOVED.get(day.weekday())) is not None:
                yield day + moved, name


def _is_meant(one: HolidaySet, name: str) -> bool:
    plain = name.removesuffix(" (observed)")
    return plain not in one.remove and (one.only is None or plain in one.only)
