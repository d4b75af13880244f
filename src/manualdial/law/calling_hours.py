"""Calling hours: a call must be within the windows of every zone in which the person may be."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from manualdial.law.exemptions import exempting_record, slots_ahead
from manualdial.law.facts import Facts
from manualdial.law.holiday_sets import HolidaySets
from manualdial.law.rule import Hours, Rule, Window, minutes
from manualdial.law.verdict import Decision, Finding
from manualdial.law.zones import MOST_ZONES_TOLD, local_time, local_times, moment_of, zones_that_count

_LOOK_AHEAD = 60
"""Days in which a window must come: no law closes for longer."""
_DAY = timedelta(days=1)
_SECONDS_OF_A_DAY = 86_400

Intervals = tuple[tuple[int, int], ...]
"""Minutes of a day: first, and first after."""


class CallingHours:
    """A rule `calling-hours.…`, ready to be run."""

    def __init__(self, rule: Rule, hours: Hours, sets: HolidaySets) -> None:
        self.rule = rule
        self._hours = hours
        self._sets = sets
        self._week = tuple(_intervals(hours.days.of_weekday(index)) for index in range(7))
        self._holiday = _intervals(hours.days.holiday or [])

    def finding(self, facts: Facts, at: datetime) -> Finding:
        """Whether that moment is within the windows, in every zone."""
        source, names = zones_that_count(self.rule, facts)
        evidence: dict[str, Any] = {"source": source.value, "zones": len(names), "localTimes": local_times(names, at)}
        closed = [name for name in names if not self._open(name, at)]
        if not closed:
            return self.rule.finding(Decision.ALLOW, "within the calling hours in every zone that counts", evidence)
        if record := exempting_record(self.rule, facts, at):
            reason = "outside the calling hours, which consent or a relationship on record lifts"
            evidence |= {"liftedBy": record.id}
            return self.rule.finding(Decision.ALLOW, reason, evidence, relied_on=(record.id,))
        evidence |= {"windows": {name: self._described(name, at) for name in closed[:MOST_ZONES_TOLD]}}
        if self._hours.guard_seconds:
            evidence |= {"guardSeconds": self._hours.guard_seconds}
        near_the_end = all(self._within(name, at) for name in closed)
        where = "too near to the end of the calling hours" if near_the_end else "outside the calling hours"
        return self.rule.finding(Decision.BLOCK, f"{where} where the called party may be", evidence)

    def permitted_from(self, facts: Facts, at: datetime) -> datetime | None:
        """The first moment within the windows of every zone, or of an agreed time."""
        if exempting_record(self.rule, facts, at):
            return at
        _, names = zones_that_count(self.rule, facts)
        candidates = [*slots_ahead(self.rule, facts, at)]
        if (opening := self._first_opening(names, at)) is not None:
            candidates.append(opening)
        return min(candidates, default=None)

    def _first_opening(self, names: tuple[str, ...], at: datetime) -> datetime | None:
        """The first moment at which all zones are open."""
        moment, limit = at, at + timedelta(days=_LOOK_AHEAD)
        while moment < limit:
            openings = [self._next_opening(name, moment) for name in names]
            if any(opening is None for opening in openings):
                return None
            latest = max((opening for opening in openings if opening is not None), default=moment)
            if latest == moment:
                return moment
            moment = latest
        return None

    def _next_opening(self, name: str, at: datetime) -> datetime | None:
        if self._open(name, at):
            return at
        today = local_time(name, at).date()
        for offset in range(-1, _LOOK_AHEAD):
            day = today + timedelta(days=offset)
            for first, _ in self._intervals_of(day):
                begins = moment_of(day, first, name)
                if begins > at and self._open(name, begins):
                    return begins
        return None

    def _open(self, name: str, at: datetime) -> bool:
        """Whether that moment is within the windows, and the guard's end too."""
        guard = self._hours.guard_seconds
        return self._within(name, at) and (guard == 0 or self._within(name, at + timedelta(seconds=guard)))

    def _within(self, name: str, at: datetime) -> bool:
        local = local_time(name, at)
        today = local.date()
        # By the wall clock, so that an hour that comes twice is open or closed twice. Windows are in whole seconds.
        into_day = local.hour * 3600 + local.minute * 60 + local.second
        for day, passed in ((today, into_day), (today - _DAY, into_day + _SECONDS_OF_A_DAY)):
            for first, after in self._intervals_of(day):
                if first * 60 <= passed < after * 60:
                    return True
        return False

    def _intervals_of(self, day: Any) -> Intervals:
        if self._hours.holidays is not None and self._sets.name_of(self._hours.holidays, day) is not None:
            return self._holiday
        return self._week[day.weekday()]

    def _described(self, name: str, at: datetime) -> str:
        """The windows of the local day, and the holiday that it is, in words."""
        day = local_time(name, at).date()
        holiday = None if self._hours.holidays is None else self._sets.name_of(self._hours.holidays, day)
        windows = ", ".join(f"{_clock(first)}-{_clock(after)}" for first, after in self._intervals_of(day)) or "closed"
        return windows if holiday is None else f"{windows} ({holiday})"


def _intervals(windows: list[Window]) -> Intervals:
    return tuple(sorted(map(minutes, windows)))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
