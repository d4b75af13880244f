"""judge: what holds at the press must hold when the person is dialled, after the agent's phone has rung."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from manualdial.law.closure import Closure
from manualdial.law.records import Consent, ConsentForm
from tests.support.screening import TUESDAY_NOON_IN_NEW_YORK, a_record, facts_about
from tests.support.verdicts import not_allowing, the, verdict


def test_the_agents_phone_is_rung_first_so_hours_must_hold_a_moment_later_too() -> None:
    closing = datetime(2026, 3, 11, 0, 0, tzinfo=UTC)  # 20:00 in Florida
    for before, lead, decision in ((1, 0, "allow"), (20, 20, "block"), (21, 20, "allow")):
        facts = facts_about(at=closing - timedelta(seconds=before), lead_seconds=lead)
        assert verdict(facts).decision == decision, (before, lead)


def test_a_rule_that_blocks_by_the_time_that_the_person_is_dialled_blocks_now() -> None:
    at = TUESDAY_NOON_IN_NEW_YORK
    soon = at + timedelta(seconds=20)
    closure = Closure(id="c", tenant_id=None, jurisdiction="US-FL", begins=soon, ends=soon + timedelta(hours=1))
    for lead in (0, 19):
        assert verdict(facts_about(closures=(closure,), lead_seconds=lead)).decision == "allow"
    found = verdict(facts_about(closures=(closure,), lead_seconds=20))
    assert not_allowing(found) == ["closure.us-fl"]
    closed = the("closure.us-fl", found)
    assert closed.reason.endswith("by the time that the person may be dialled")
    assert closed.evidence["leadSeconds"] == 20
    assert found.next_permitted_at == closure.ends


@pytest.mark.parametrize("ends_by", ["slot", "until"])
def test_consent_that_ends_while_the_agents_phone_rings_is_none(ends_by: str) -> None:
    at, german = datetime(2026, 9, 10, 9, 0, tzinfo=UTC), "+493012345678"
    consent = Consent(form=ConsentForm.WRITTEN, given_at=at - timedelta(days=1))
    ends = at + timedelta(seconds=20)
    if ends_by == "slot":
        slot = msgspec.structs.replace(consent, slot_from=at - timedelta(hours=1), slot_until=ends)
        record = a_record(slot, number=german)
    else:
        record = a_record(consent, number=german, until=ends)
    assert verdict(facts_about(german, at=at, records=(record,), lead_seconds=19)).decision == "allow"
    found = verdict(facts_about(german, at=at, records=(record,), lead_seconds=20))
    assert not_allowing(found) == ["consent-required.de"]


def test_the_guard_of_a_rule_is_told_where_it_blocks() -> None:
    # Washington: 8 to 20, and the call must be received by then.
    nearly = datetime(2026, 3, 11, 2, 59, 50, tzinfo=UTC)  # 19:59:50 in Seattle
    seattle = the("calling-hours.us-wa", verdict(facts_about("+12065550100", at=nearly)))
    assert seattle.reason == "too near to the end of the calling hours where the called party may be"
    assert seattle.evidence["windows"] == {"America/Los_Angeles": "08:00-20:00"}
    assert seattle.evidence["guardSeconds"] >= 10
    after = the("calling-hours.us-wa", verdict(facts_about("+12065550100", at=nearly + timedelta(minutes=1))))
    assert after.reason == "outside the calling hours where the called party may be"
