"""Exemptions of a person from a rule: consent, or a relationship, that is on record (the rule's `lifted_by`)."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, datetime

from manualdial.law.facts import Facts
from manualdial.law.records import Consent, ConsentForm, Record, RegistryAnswer, Relationship, RelationshipType
from manualdial.law.rule import Exemption, Rule
from manualdial.law.zones import local_time, zones_that_count

_FORMS = tuple(ConsentForm)


def exempting_record(rule: Rule, facts: Facts, at: datetime) -> Record | None:
    """The record that lifts the rule at that moment, if one does."""
    return next((record for exemption in rule.lifted_by for record in _exempting(exemption, rule, facts, at)), None)


def slots_ahead(rule: Rule, facts: Facts, at: datetime) -> Iterator[datetime]:
    """The beginnings of agreed times to come in which the rule will be lifted."""
    for exemption in rule.lifted_by:
        form = exemption.slot or exemption.consent
        for _, consent in facts.records_of(Consent, at=at) if form is not None else ():
            begins = consent.slot_from
            if begins is not None and begins > at and any(_exempting(exemption, rule, facts, begins)):
                yield begins


def consents(facts: Facts, at: datetime, *, form: ConsentForm) -> Iterator[tuple[Record, Consent]]:
    """The consents that are at least of that form, for this campaign, and count at that moment."""
    for record, consent in facts.records_of(Consent, at=at):
        strong = _FORMS.index(consent.form) >= _FORMS.index(form)
        meant = consent.campaign_id in (None, facts.campaign_id) and _given_to_us(consent, facts)
        if strong and meant and consent.given_at <= at and _in_slot(consent, at):
            yield record, consent


def _exempting(exemption: Exemption, rule: Rule, facts: Facts, at: datetime) -> Iterator[Record]:
    if exemption.consent is not None:
        answered = _newest_answer(rule, facts, at)
        for record, consent in consents(facts, at, form=exemption.consent):
            if not exemption.newer_than_answer or (answered is not None and consent.given_at > answered):
                yield record
    elif exemption.slot is not None:
        for record, consent in consents(facts, at, form=exemption.slot):
            if consent.slot_from is not None:
                yield record
    else:
        # The earliest of the days that it may be there: a term that is over anywhere is over.
        _, names = zones_that_count(rule, facts)
        days = [local_time(name, at).date() for name in names] or [at.date()]
        for record, relationship in facts.records_of(Relationship, at=at):
            if all(_holds(exemption, relationship, day) for day in days):
                yield record


def _given_to_us(consent: Consent, facts: Facts) -> bool:
    return not consent.given_to or consent.given_to.casefold() == facts.settings.seller.casefold()


def _in_slot(consent: Consent, at: datetime) -> bool:
    begins, ends = consent.slot_from, consent.slot_until
    if begins is None or ends is None:
        return begins is None and ends is None  # half an agreed time is none
    return begins <= at < ends


def _newest_answer(rule: Rule, facts: Facts, at: datetime) -> datetime | None:
    answers = (answer for _, answer in facts.records_of(RegistryAnswer, at=at) if answer.registry == rule.subject)
    return max((answer.answered_at for answer in answers if answer.listed), default=None)


def _holds(exemption: Exemption, relationship: Relationship, day: date) -> bool:
    if relationship.type is RelationshipType.CONTRACT:
        ended = relationship.ended_on
        return exemption.contract_days is not None and (
            relationship.on <= day and (ended is None or (day - ended).days <= exemption.contract_days)
        )
    months = exemption.purchase_months if relationship.type is RelationshipType.PURCHASE else exemption.inquiry_months
    return months is not None and relationship.on <= day <= months_after(relationship.on, months)


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
