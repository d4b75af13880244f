"""A rule of a policy in plain words: for the terminal, and for the page that is made from the policies."""

from __future__ import annotations

from itertools import groupby

from manualdial.law.rule import (
    WEEK,
    After,
    AttemptKey,
    AttemptLimit,
    Counted,
    Exemption,
    Hours,
    Instant,
    LineKind,
    ListDuty,
    Party,
    Rule,
    Trust,
    ZoneBasis,
)

TRUST = {
    Trust.PRIMARY: "the law or the regulator's page was read",
    Trust.QUOTED: "a dated source that quotes the words was read",
    Trust.SECONDARY: "law firms, vendors or the press only",
    Trust.UNVERIFIED: "not verified",
    Trust.CONFLICTING: "sources of equal weight differ",
}
_CLOCKS = {
    ZoneBasis.LOCATION: "by the time where the person is",
    ZoneBasis.NUMBER: "by the time where the number belongs",
    ZoneBasis.STATED: "by the time where the person said to be, else where the person is",
}
_COUNTED = {
    Counted.PLACED: "calls that rang, answered or not",
    Counted.ANSWERED: "answered calls",
    Counted.UNANSWERED: "unanswered calls",
}
_LINES = {LineKind.FIXED: "fixed", LineKind.MOBILE: "mobile", LineKind.EITHER: "fixed or mobile"}


def asks(rule: Rule) -> str:
    """The demand of the rule on a call, in one sentence without a full stop."""
    if rule.hours is not None:
        return _hours(rule.hours)
    if rule.attempts is not None:
        return _attempts(rule.attempts)
    if rule.registry is not None:
        return _registry(rule.subject, rule.registry)
    if rule.consent is not None:
        return f"{rule.consent.form.value} consent, or a stronger one, is on record"
    if rule.line is not None:
        barred = " or ".join(_LINES[kind] for kind in rule.line.barred)
        return f"no {barred} line is called, nor one that may be {barred}"
    authority = "" if rule.registration is None else rule.registration.with_
    return f"the tenant states `{rule.subject}`: registered or licensed with {authority}"


def windows(hours: Hours) -> str:
    """The windows of the week: "Mon-Fri 08:00-20:00; Sat, Sun closed"."""
    by_day = [
        (day[:3].capitalize(), ", ".join(hours.days.of_weekday(index)) or "closed") for index, day in enumerate(WEEK)
    ]
    if hours.holidays is not None:
        by_day.append((f"holidays ({hours.holidays})", ", ".join(hours.days.holiday or []) or "closed"))
    elif len({open_at for _, open_at in by_day}) == 1:
        return f"every day {by_day[0][1]}"
    return "; ".join(
        f"{_days([name for name, _ in same])} {open_at}" for open_at, same in groupby(by_day, key=lambda pair: pair[1])
    )


def lifted_by(rule: Rule) -> list[str]:
    """The exemptions that lift the rule, each alone."""
    return [_lift(exemption) for exemption in rule.lifted_by]


def whom(rule: Rule) -> str:
    """Who is protected: "consumers", "consumers and businesses, mobile lines"."""
    names = {Party.CONSUMER: "consumers", Party.BUSINESS: "businesses"}
    parties = " and ".join(names[party] for party in rule.parties)
    lines = "" if rule.lines is None else ", " + " and ".join(_LINES[kind] for kind in rule.lines) + " lines"
    return parties + lines


def in_force(rule: Rule) -> str:
    """From when, and until when: "from 2023-03-01 before 2026-08-11"; "undated" where the data has neither."""
    since = "" if rule.in_force_from is None else f"from {rule.in_force_from}"
    until = "" if rule.in_force_until is None else f"before {rule.in_force_until}"
    return " ".join(part for part in (since, until) if part) or "undated"


def purposes(rule: Rule) -> str:
    """The purposes of calls that it is about."""
    return ", ".join(rule.purposes)


def _hours(hours: Hours) -> str:
    clock = f"by the time of {hours.fixed_zone}" if hours.zone is ZoneBasis.FIXED else _CLOCKS[hours.zone]
    parts = [f"calls only {windows(hours)}", clock]
    if hours.instant is Instant.RECEIVED:
        parts.append("when it is received")
    if hours.guard_seconds:
        parts.append(f"none is placed in the last {hours.guard_seconds} seconds of a window")
    return ", ".join(parts)


def _days(names: list[str]) -> str:
    week = [name for name in names if name.lower() in {day[:3] for day in WEEK}]
    others = [name for name in names if name not in week]
    together = f"{week[0]}-{week[-1]}" if len(week) > 2 else ", ".join(week)
    return ", ".join(part for part in (together, *others) if part)


def _attempts(limit: AttemptLimit) -> str:
    about = " about one subject (campaign)" if limit.key is AttemptKey.PERSON_AND_SUBJECT else ""
    parts = []
    if limit.max is not None and limit.within is not None:
        window = f"{length(limit.within)} of the calendar, today included" if limit.calendar else length(limit.within)
        parts.append(f"at most {limit.max} to one person{about} in {window}, counting {_COUNTED[limit.counts]}")
    if limit.silence_after is not None and limit.silence is not None:
        after = {After.CONVERSATION: "a conversation", After.REFUSAL: "a refusal"}[limit.silence_after]
        first = ", its day the first" if limit.silence.endswith("d") else ""
        parts.append(f"no call{about} for {length(limit.silence)} after {after}{first}")
    return "; ".join(parts)


def length(text: str) -> str:
    """ "24h" as "24 hours", "1d" as "1 day"."""
    number, unit = int(text[:-1]), "hour" if text.endswith("h") else "day"
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _registry(name: str, duty: ListDuty) -> str:
    days = length(f"{duty.max_age_days}d")
    if duty.answers_only:
        return f"the registry `{name}` was asked for the number, at most {days} ago, and does not list it"
    return f"the number is not on the registry `{name}`, whose copy is at most {days} old"


def _lift(exemption: Exemption) -> str:
    newer = " given after the registry's answer" if exemption.newer_than_answer else ""
    if exemption.consent is not None:
        return f"{exemption.consent.value} consent{newer}"
    if exemption.slot is not None:
        return f"{exemption.slot.value} consent to an agreed time, in that time"
    if exemption.purchase_months is not None:
        return f"a purchase in the last {_months(exemption.purchase_months)}"
    if exemption.inquiry_months is not None:
        return f"an inquiry in the last {_months(exemption.inquiry_months)}"
    ended = f", or ended at most {length(f'{exemption.contract_days}d')} ago" if exemption.contract_days else ""
    return f"a contract that runs{ended}"


def _months(number: int) -> str:
    return "month" if number == 1 else f"{number} months"
