"""Rule: one line of law as dated data; what a policy file holds, read and checked.

What differs from law to law stands in the data: dates, purposes, windows, counting, what lifts it, the source.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from manualdial.law.records import ConsentForm
from manualdial.law.verdict import Decision, Finding, Purpose

RULE_NAME = r"^(calling-hours|attempts|do-not-call|consent-required|line-type|registration)\.[a-z0-9]+(-[a-z0-9]+)*$"
JURISDICTION = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"


class LawPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A table of a policy file."""


class Trust(StrEnum):
    """How far the source of a rule is to be trusted."""

    PRIMARY = "P"
    """The statute, rule or regulator's page was read."""
    QUOTED = "S*"
    """A dated secondary source that quotes the operative words and names where it read them."""
    SECONDARY = "S"
    """A law firm, a vendor's chart, the press."""
    UNVERIFIED = "U"
    CONFLICTING = "conflicting"
    """Sources of equal weight say different things."""


SHIPPED_ON = frozenset({Trust.PRIMARY, Trust.QUOTED})


class Party(StrEnum):
    """Who is called. A business only where that is on record."""

    CONSUMER = "consumer"
    BUSINESS = "business"


class LineKind(StrEnum):
    """The kind of line. `either`: the numbering plan does not tell, and it counts as both."""

    FIXED = "fixed"
    MOBILE = "mobile"
    EITHER = "either"


class ZoneBasis(StrEnum):
    """Which place's time counts."""

    LOCATION = "location"
    """Where the person is, by the best source."""
    NUMBER = "number"
    """Where the number belongs."""
    FIXED = "fixed"
    """A zone that the rule names."""
    STATED = "stated"
    """Where the person said to be, and the location where nothing was said."""


class Instant(StrEnum):
    """Which instant of the call counts."""

    PLACED = "placed"
    RECEIVED = "received"
    """The call rings later than it is placed: such a rule has a guard before the end of its windows."""


Window = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([0-3]\d|4[0-8]):[0-5]\d$")]
"""Half-open, in local time: "08:00-21:00". An end above 24:00 belongs to the next day: "12:00-25:00"."""


WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Days(LawPart, frozen=True, kw_only=True):
    """The windows of each day. What is left out is taken from `weekdays`, `weekend` and `every_day`; else: closed."""

    every_day: list[Window] | None = None
    weekdays: list[Window] | None = None
    """Monday to Friday."""
    weekend: list[Window] | None = None
    monday: list[Window] | None = None
    tuesday: list[Window] | None = None
    wednesday: list[Window] | None = None
    thursday: list[Window] | None = None
    friday: list[Window] | None = None
    saturday: list[Window] | None = None
    sunday: list[Window] | None = None
    holiday: list[Window] | None = None
    """On the days of the rule's holiday set; left out: as `holidays` says, closed."""

    def of_weekday(self, weekday: int) -> list[Window]:
        """The windows of a day of the week; Monday is 0."""
        own: list[Window] | None = getattr(self, WEEK[weekday])
        group = self.weekdays if weekday < 5 else self.weekend
        return next((windows for windows in (own, group, self.every_day) if windows is not None), [])


class Hours(LawPart, frozen=True, kw_only=True):
    """When calls may be made (`calling-hours.…`)."""

    zone: ZoneBasis = ZoneBasis.LOCATION
    fixed_zone: str | None = None
    """With `zone = "fixed"`: an IANA zone."""
    instant: Instant = Instant.PLACED
    guard_seconds: Annotated[int, Meta(ge=0, le=3600)] = 0
    """So long before the end of a window no call is placed any more."""
    days: Days
    holidays: str | None = None
    """The name of a holiday set, whose days have the windows `days.holiday`; None: no day is a holiday."""


class Counted(StrEnum):
    """Which attempts count."""

    PLACED = "placed"
    """All, answered or not; those that never rang do not."""
    ANSWERED = "answered"
    UNANSWERED = "unanswered"


class AttemptKey(StrEnum):
    """Attempts to whom, about what, count together. The person is the number, and the account where one is named."""

    PERSON = "person"
    PERSON_AND_SUBJECT = "person+subject"
    """The subject (debt, offer, matter) is the campaign; without one, everything is one subject."""


class After(StrEnum):
    """The event with which a time of silence begins."""

    CONVERSATION = "conversation"
    REFUSAL = "refusal"


class AttemptLimit(LawPart, frozen=True, kw_only=True):
    """How often may be tried (`attempts.…`): at most so many in a window, or not at all for so long after something."""

    max: Annotated[int, Meta(ge=1)] | None = None
    within: Annotated[str, Meta(pattern=r"^[1-9]\d{0,3}[hd]$")] | None = None
    """A length: "24h", "7d"."""
    calendar: bool = False
    """Whether a window of days is counted in whole days of the person's calendar, today included, and not rolling."""
    counts: Counted = Counted.PLACED
    key: AttemptKey = AttemptKey.PERSON
    silence_after: After | None = None
    silence: Annotated[str, Meta(pattern=r"^[1-9]\d{0,3}[hd]$")] | None = None
    """How long nothing is tried after that. In days: the day itself is the first."""


class ListDuty(LawPart, frozen=True, kw_only=True):
    """A registry that must be asked before the call (`do-not-call.…`). Its name in the files is the rule's."""

    max_age_days: Annotated[int, Meta(ge=1)]
    """How old our copy may be; for a registry that hands out no list, how long its answer is good at most."""
    answers_only: bool = False
    """Whether the registry hands out no list, but answers for single numbers."""


class ConsentDuty(LawPart, frozen=True, kw_only=True):
    """No call without consent (`consent-required.…`)."""

    form: ConsentForm = ConsentForm.EXPRESS
    """The weakest form that will do."""


class LineBan(LawPart, frozen=True, kw_only=True):
    """Kinds of lines that are not called at all (`line-type.…`)."""

    barred: Annotated[list[LineKind], Meta(min_length=1)]


class RegistrationDuty(LawPart, frozen=True, kw_only=True):
    """A registration or licence that the caller must have (`registration.…`)."""

    with_: str = msgspec.field(name="with")
    """The authority."""


class Exemption(LawPart, frozen=True, kw_only=True):
    """An exemption of a person from a rule. Exactly one of these is given."""

    consent: ConsentForm | None = None
    """Consent of this form or a stronger one."""
    slot: ConsentForm | None = None
    """Consent of this form to a time that was agreed on, in that time."""
    purchase_months: Annotated[int, Meta(ge=1)] | None = None
    inquiry_months: Annotated[int, Meta(ge=1)] | None = None
    contract_days: Annotated[int, Meta(ge=0)] | None = None
    """A contract that runs, or ended at most so many days ago."""
    newer_than_answer: bool = False
    """With `consent`: only where it was given after the registry's answer. Not asked, not lifted."""


class Rule(LawPart, frozen=True, kw_only=True):
    """One rule of a policy."""

    rule: Annotated[str, Meta(pattern=RULE_NAME)]
    """Its name on the wire: the kind, and after a dot what makes it particular."""
    jurisdiction: Annotated[str, Meta(pattern=JURISDICTION)] = ""
    """Filled in from the policy where it is left out."""
    law: Annotated[str, Meta(min_length=3)]
    """Section and act, as one would cite it."""
    source: Annotated[str, Meta(pattern=r"^https://")]
    """A public address where the law, or the regulator's word on it, can be read."""
    read_in: Annotated[list[str], Meta(min_length=1)]
    """The source that was read, in words: the statute's text, a regulator's page, a table that quotes it."""
    as_of: Annotated[str, Meta(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]
    """The state of the law that the source shows."""
    trust: Trust
    on: bool = True
    """Whether it is applied. What is weak, unverified or in conflict is shipped off."""
    in_force_from: date | None = None
    in_force_until: date | None = None
    """The first day on which it is not in force any more."""
    purposes: Annotated[list[Purpose], Meta(min_length=1)]
    parties: Annotated[list[Party], Meta(min_length=1)] = msgspec.field(default_factory=lambda: [Party.CONSUMER])
    lines: list[LineKind] | None = None
    """Only to these kinds of lines; None: to all."""
    hours: Hours | None = None
    attempts: AttemptLimit | None = None
    registry: ListDuty | None = None
    consent: ConsentDuty | None = None
    line: LineBan | None = None
    registration: RegistrationDuty | None = None
    lifted_by: list[Exemption] = msgspec.field(default_factory=list)
    """Each of them lifts it alone."""
    note: str = ""
    conflict: str = ""
    """Where sources differ: what the others say."""

    @property
    def kind(self) -> str:
        """The part of its name before the dot."""
        return self.rule.partition(".")[0]

    @property
    def subject(self) -> str:
        """The part of its name after the dot."""
        return self.rule.partition(".")[2]

    def is_in_force_on(self, day: date) -> bool:
        """Whether it is in force on that day, in the place that counts."""
        return (self.in_force_from is None or self.in_force_from <= day) and (
            self.in_force_until is None or day < self.in_force_until
        )

    def finding(
        self, decision: Decision, reason: str, evidence: dict[str, Any], *, relied_on: tuple[str, ...] = ()
    ) -> Finding:
        """Its finding about a dial."""
        return Finding(
            rule=self.rule, decision=decision, reason=reason, evidence=evidence, law=self.law, relied_on=relied_on
        )


class Policy(LawPart, frozen=True, kw_only=True):
    """The rules of one jurisdiction: one file."""

    jurisdiction: Annotated[str, Meta(pattern=JURISDICTION)]
    title: Annotated[str, Meta(min_length=2)]
    about: str = ""
    """Notes that somebody must know who reads the verdicts."""
    rules: Annotated[list[Rule], Meta(min_length=1)]


def length(text: str) -> timedelta:
    """ "24h" or "7d" as a length of time."""
    number = int(text[:-1])
    return timedelta(hours=number) if text.endswith("h") else timedelta(days=number)


def minutes(window: str) -> tuple[int, int]:
    """A window as minutes of the day: first, and first after it. Above 1440 it is the next day."""
    first, after = ((int(part[:2]) * 60 + int(part[3:])) for part in window.split("-"))
    return first, after
