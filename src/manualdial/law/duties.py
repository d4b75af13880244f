"""Duties before a call: to ask a registry, to have consent, to spare kinds of lines, to be registered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from manualdial.law.exemptions import consents, exempting_record, slots_ahead
from manualdial.law.facts import EVERY, Facts
from manualdial.law.records import Consent, RegistryAnswer
from manualdial.law.registry_look import RegistryStanding
from manualdial.law.rule import ConsentDuty, LineBan, LineKind, ListDuty, Rule
from manualdial.law.verdict import Decision, Finding


class Duty:
    """A rule that waiting does not fulfil, unless a time was agreed on."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def finding(self, facts: Facts, at: datetime) -> Finding:
        """Whether it is fulfilled at that moment, or lifted."""
        decision, reason, evidence, relied_on = self.says(facts, at)
        if decision is Decision.BLOCK and (record := exempting_record(self.rule, facts, at)):
            decision, relied_on = Decision.ALLOW, (record.id,)
            reason = f"{reason}; consent or a relationship on record lifts this"
            evidence = evidence | {"liftedBy": record.id}
        return self.rule.finding(decision, reason, evidence, relied_on=relied_on)

    def permitted_from(self, facts: Facts, at: datetime) -> datetime | None:
        """Now, at an agreed time, or never by waiting."""
        if self.finding(facts, at).decision is Decision.ALLOW:
            return at
        return min((*slots_ahead(self.rule, facts, at), *self.opens_at(facts, at)), default=None)

    def opens_at(self, facts: Facts, at: datetime) -> Iterable[datetime]:
        """Moments to come at which it may be fulfilled by itself."""
        return ()

    def says(self, facts: Facts, at: datetime) -> tuple[Decision, str, dict[str, Any], tuple[str, ...]]:
        """Decision, reason, evidence and the records relied on, before it is asked whether something lifts it."""
        raise NotImplementedError


class RegistryCheck(Duty):
    """`do-not-call.…`: the number is looked up in a copy that is young enough, or the registry was asked for it."""

    def __init__(self, rule: Rule, duty: ListDuty) -> None:
        super().__init__(rule)
        self._duty = duty
        self._max_age = timedelta(days=duty.max_age_days)

    @property
    def answers_only(self) -> bool:
        """Whether there is no copy to look into."""
        return self._duty.answers_only

    def says(self, facts: Facts, at: datetime) -> tuple[Decision, str, dict[str, Any], tuple[str, ...]]:
        """The finding by the copy, or by the registry's answer."""
        required = facts.settings.registries
        if self.rule.subject not in required and EVERY not in required:
            return Decision.ALLOW, "this registry is not among those that this tenant must ask", {}, ()
        country = self.rule.jurisdiction.partition("-")[0]
        if facts.numbered.places and not any(place.country == country for place in facts.numbered.places):
            return Decision.ALLOW, "this registry lists no numbers of this country", {}, ()
        return self._by_answer(facts, at) if self._duty.answers_only else self._by_copy(facts, at)

    def _by_copy(self, facts: Facts, at: datetime) -> tuple[Decision, str, dict[str, Any], tuple[str, ...]]:
        look = facts.looks.get(self.rule.subject)
        if look is None:
            return Decision.BLOCK, "no copy of the registry is held", {"registry": self.rule.subject}, ()
        evidence = {
            "registry": look.registry,
            "edition": look.edition,
            "asOf": look.as_of.isoformat(timespec="seconds"),
            "maxAgeDays": self._duty.max_age_days,
            "standing": look.standing.value,
        }
        if at - look.as_of > self._max_age:
            return Decision.BLOCK, "the copy of the registry is too old", evidence, ()
        match look.standing:
            case RegistryStanding.LISTED:
                return Decision.BLOCK, "the number is on the registry", evidence, ()
            case RegistryStanding.NOT_COVERED:
                reason = "the copy of the registry does not hold this area code: not checked"
                return Decision.BLOCK, reason, evidence, ()
            case RegistryStanding.NOT_LISTED:
                return Decision.ALLOW, "the number is not on the registry", evidence, ()

    def _by_answer(self, facts: Facts, at: datetime) -> tuple[Decision, str, dict[str, Any], tuple[str, ...]]:
        answers = [
            (record, answer)
            for record, answer in facts.records_of(RegistryAnswer, at=at)
            if answer.registry == self.rule.subject
            and answer.answered_at <= at < min(answer.valid_until, answer.answered_at + self._max_age)
        ]
        if not answers:
            reason = "the registry was not asked for this number, or its answer is no longer good"
            return Decision.BLOCK, reason, {"registry": self.rule.subject}, ()
        # Of two answers of one moment the one that blocks counts.
        record, answer = max(answers, key=lambda pair: (pair[1].answered_at, pair[1].listed))
        evidence = {
            "registry": self.rule.subject,
            "record": record.id,
            "answeredAt": answer.answered_at.isoformat(timespec="seconds"),
            "validUntil": answer.valid_until.isoformat(timespec="seconds"),
            "maxAgeDays": self._duty.max_age_days,
        }
        if answer.listed:
            return Decision.BLOCK, "the number is on the registry", evidence, ()
        return Decision.ALLOW, "the number is not on the registry", evidence, (record.id,)


class ConsentCheck(Duty):
    """`consent-required.…`: no call to somebody who has not agreed to it."""

    def __init__(self, rule: Rule, duty: ConsentDuty) -> None:
        super().__init__(rule)
        self._duty = duty

    def opens_at(self, facts: Facts, at: datetime) -> Iterable[datetime]:
        """The beginnings of agreed times."""
        for _, consent in facts.records_of(Consent, at=at):
            begins = consent.slot_from
            if begins is not None and begins > at and any(consents(facts, begins, form=self._duty.form)):
                yield begins

    def says(self, facts: Facts, at: datetime) -> tuple[Decision, str, dict[str, Any], tuple[str, ...]]:
        """Whether a consent of the form is on record."""
        found = next(consents(facts, at, form=self._duty.form), None)
        evidence: dict[str, Any] = {"form": self._duty.form.value}
        if found is None:
            return Decision.BLOCK, "no consent of the form that is needed is on record", evidence, ()
        record, consent = found
        evidence |= {
            "consent": record.id,
            "given": consent.form.value,
            "givenAt": consent.given_at.isoformat(timespec="seconds"),
            "proof": consent.proof,
        }
        return Decision.ALLOW, "consent is on record", evidence, (record.id,)


class LineBanCheck(Duty):
    """`line-type.…`: kinds of lines that are not called. A line of which it is not known counts as each kind."""

    def __init__(self, rule: Rule, ban: LineBan) -> None:
        super().__init__(rule)
        self._barred = frozenset(ban.barred)

    def says(self, facts: Facts, at: datetime) -> tuple[Decision, str, dict[str, Any], tuple[str, ...]]:
        """Whether the line is of a barred kind, as far as is known."""
        evidence = {"line": facts.line.value, "numberType": facts.number.type}
        if facts.line in self._barred:
            return Decision.BLOCK, "lines of this kind may not be called", evidence, ()
        # Nearly every number of North America is one.
        if facts.line is LineKind.EITHER:
            reason = "the line may be of a kind that may not be called; a record `line` would tell"
            return Decision.BLOCK, reason, evidence, ()
        return Decision.ALLOW, "the line is not of a kind that may not be called", evidence, ()


class RegistrationCheck(Duty):
    """`registration.…`: the caller must be registered or licensed, as the tenant says that it is."""

    def says(self, facts: Facts, at: datetime) -> tuple[Decision, str, dict[str, Any], tuple[str, ...]]:
        """Whether the tenant says so."""
        evidence = {"registration": self.rule.subject}
        stated = facts.settings.registrations
        if self.rule.subject in stated or EVERY in stated:
            return Decision.ALLOW, "the tenant states that it is registered", evidence, ()
        return Decision.BLOCK, "the tenant does not state that it is registered", evidence, ()
