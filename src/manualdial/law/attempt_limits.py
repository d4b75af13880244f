"""Attempt limits: how often a person may be tried, and times of silence after a talk or a refusal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from manualdial.law.attempts import Attempt
from manualdial.law.exemptions import exempting_record, slots_ahead
from manualdial.law.facts import EVERY, Facts
from manualdial.law.records import Refusal
from manualdial.law.rule import After, AttemptKey, AttemptLimit, Counted, Rule, length
from manualdial.law.verdict import Decision, Finding
from manualdial.law.zones import local_time, moment_of, zones_that_count


class AttemptLimits:
    """A rule `attempts.…`, ready to be run."""

    def __init__(self, rule: Rule, limit: AttemptLimit) -> None:
        self.rule = rule
        self._limit = limit
        self._within = length(limit.within) if limit.within else timedelta()
        self._silence = length(limit.silence) if limit.silence else timedelta()

    @property
    def looks_back(self) -> timedelta:
        """How old a call may be and still count."""
        # A refusal is a record, not a call. Whole days of a calendar may begin earlier than the length says.
        silence = self._silence if self._limit.silence_after is After.CONVERSATION else timedelta()
        return max(self._within, silence) + timedelta(days=2)

    def finding(self, facts: Facts, at: datetime) -> Finding:
        """Whether one more attempt is within the limit at that moment."""
        counted = self._counted(facts, at)
        inside = [attempt for attempt in counted if self._leaves_at(attempt.at, facts) > at]
        silent_until = self._silent_until(facts, at)
        evidence: dict[str, Any] = {}
        if self._limit.max is not None:
            evidence |= {"attempts": len(inside), "limit": self._limit.max, "within": self._limit.within}
        if self._limit.key is AttemptKey.PERSON_AND_SUBJECT:
            evidence |= {"subject": _subject(facts.campaign_id, facts)}
        if self._limit.silence_after is not None:
            evidence |= {"silence": self._limit.silence, "after": self._limit.silence_after.value}
        if silent_until is not None and silent_until > at:
            evidence |= {"silentUntil": silent_until.isoformat(timespec="seconds")}
            blocked = f"a time of silence follows a {self._limit.silence_after}"
        elif self._limit.max is not None and len(inside) >= self._limit.max:
            blocked = "the person has been tried as often as is allowed"
        else:
            return self.rule.finding(Decision.ALLOW, "within the number of attempts that are allowed", evidence)
        if record := exempting_record(self.rule, facts, at):
            reason = "beyond the number of attempts, which consent or a relationship on record lifts"
            return self.rule.finding(Decision.ALLOW, reason, evidence | {"liftedBy": record.id}, relied_on=(record.id,))
        return self.rule.finding(Decision.BLOCK, blocked, evidence)

    def permitted_from(self, facts: Facts, at: datetime) -> datetime | None:
        """When enough attempts have left the window, and the silence is over, if nothing more is tried."""
        if exempting_record(self.rule, facts, at):
            return at
        candidates = [at]
        leaving = sorted(self._leaves_at(attempt.at, facts) for attempt in self._counted(facts, at))
        if self._limit.max is not None and len(leaving) >= self._limit.max:
            candidates.append(leaving[-self._limit.max])
        if (silent_until := self._silent_until(facts, at)) is not None:
            candidates.append(silent_until)
        return min([max(candidates), *slots_ahead(self.rule, facts, at)])

    def _counted(self, facts: Facts, at: datetime) -> list[Attempt]:
        match self._limit.counts:
            case Counted.PLACED:
                return [one for one in self._of_key(facts, at) if one.counts]
            case Counted.ANSWERED:
                return [one for one in self._of_key(facts, at) if one.answered_at is not None or not one.is_over]
            case Counted.UNANSWERED:
                return [one for one in self._of_key(facts, at) if one.counts and one.answered_at is None]

    def _of_key(self, facts: Facts, at: datetime) -> Iterable[Attempt]:
        for attempt in facts.attempts:
            # A dial that is on record already counts for one that is placed now, whatever the clocks said.
            begun = facts.placing or attempt.at <= at
            if begun and attempt.purpose in self.rule.purposes and self._same_key(attempt.campaign_id, facts):
                yield attempt

    def _same_key(self, campaign_id: str | None, facts: Facts) -> bool:
        """An attempt of which nobody knows what it was about counts for everything.

        What a press calls its campaign is a subject of its own only where the operator says so: else a new name for
        each press would begin a new count.
        """
        own, other = _subject(facts.campaign_id, facts), _subject(campaign_id, facts)
        return self._limit.key is AttemptKey.PERSON or own is None or other is None or own == other

    def _leaves_at(self, tried: datetime, facts: Facts) -> datetime:
        """When an attempt leaves the window."""
        if not self._limit.calendar:
            return tried + self._within
        return self._days_later(tried, self._within.days, facts)

    def _silent_until(self, facts: Facts, at: datetime) -> datetime | None:
        """When the newest silence ends, if one has begun."""
        begun: list[datetime]
        match self._limit.silence_after:
            case After.CONVERSATION:
                # One that is not over may be a talk by now.
                begun = [
                    one.answered_at or one.at
                    for one in self._of_key(facts, at)
                    if one.answered_at is not None or not one.is_over
                ]
            case After.REFUSAL:
                begun = [
                    refusal.refused_at
                    for _, refusal in facts.records_of(Refusal, at=at)
                    if self._same_key(refusal.campaign_id, facts)
                ]
            case _:
                return None
        past = [moment for moment in begun if facts.placing or moment <= at]
        if not past:
            return None
        if self._limit.silence is not None and self._limit.silence.endswith("h"):
            return max(past) + self._silence
        return self._days_later(max(past), self._silence.days, facts)

    def _days_later(self, moment: datetime, days: int, facts: Facts) -> datetime:
        """The end of so many days of the person's calendar, its own day the first; the latest of all zones."""
        _, names = zones_that_count(self.rule, facts)
        ends = (moment_of(local_time(name, moment).date() + timedelta(days=days), 0, name) for name in names)
        return max(ends, default=moment + timedelta(days=days))


def _subject(campaign_id: str | None, facts: Facts) -> str | None:
    """The subject of a dial; None: it is no subject of its own, as far as the operator says."""
    known = facts.settings.campaigns
    return campaign_id if campaign_id in known or EVERY in known else None
