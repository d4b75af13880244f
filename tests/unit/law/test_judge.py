"""judge: the verdict over all rules (contract §5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from manualdial.callers import Role
from manualdial.law import Purpose
from manualdial.law.closure import Closure
from manualdial.law.facts import Facts, ScreeningSettings, WantedOverride
from manualdial.law.judge import judge, next_permitted_at
from manualdial.law.records import Business, Consent, ConsentForm, Listing, ListScope, Refusal
from manualdial.law.verdict import Decision, strictest
from manualdial.places.by_zip_code import of_zip_code
from manualdial.places.place import Place, PlaceSource, Whereabouts
from tests.support.core import shipped_policies
from tests.support.screening import (
    FLORIDA,
    TUESDAY_NOON_IN_NEW_YORK,
    UNBOUND,
    WASHINGTON_DC,
    a_record,
    an_attempt,
    facts_about,
)
from tests.support.verdicts import not_allowing, the, verdict

NIGHT = datetime(2026, 3, 11, 3, 0, tzinfo=UTC)
"""23:00 in New York."""


def test_every_rule_that_was_run_is_listed_with_its_law() -> None:
    found = verdict(facts_about())
    assert found.decision == "allow"
    names = [rule.rule for rule in found.rules]
    assert {"own-line", "do-not-call.company", "calling-hours.us-fcc", "calling-hours.us-fl", "attempts.us-fl"} <= {
        *names
    }
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)?", name) for name in names)
    assert all(rule.law for rule in found.rules if rule.rule.startswith(("calling-hours", "attempts")))
    assert (found.policy.name, bool(found.policy.version)) == ("manualdial", True)


def test_at_night_a_sale_is_blocked_and_the_next_permitted_time_is_told() -> None:
    found = verdict(facts_about(at=NIGHT))
    assert found.decision == "block"
    assert {"calling-hours.us-fcc", "calling-hours.us-fl"} <= {*not_allowing(found)}
    assert found.next_permitted_at == datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
    evidence = the("calling-hours.us-fl", found).evidence
    assert evidence["localTimes"] == {"America/New_York": "2026-03-10T23:00:00-04:00"}
    assert evidence["source"] == "number"


def test_a_service_call_is_bound_by_no_hours() -> None:
    assert verdict(facts_about(at=NIGHT, purpose=Purpose.SERVICE)).decision == "allow"


def test_a_number_in_several_zones_must_pass_in_all_of_them() -> None:
    # 850 is Florida in Eastern and Central time: 8 in the morning comes an hour later in the west, 8 in the evening …
    morning = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
    assert "calling-hours.us-fl" in not_allowing(verdict(facts_about("+18504325000", at=morning)))
    evening = datetime(2026, 3, 11, 0, 30, tzinfo=UTC)
    assert "calling-hours.us-fl" in not_allowing(verdict(facts_about("+18504325000", at=evening)))
    assert verdict(facts_about("+18504325000", at=TUESDAY_NOON_IN_NEW_YORK)).decision == "allow"


def test_a_better_source_than_the_number_decides_the_zone_and_the_law_of_both_places_applies() -> None:
    seattle = of_zip_code("98101")
    at = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)  # 10:30 in Florida, 7:30 in Seattle
    assert seattle is not None
    found = verdict(facts_about(at=at, located=seattle))
    assert {"calling-hours.us-fcc", "calling-hours.us-wa"} <= {*not_allowing(found)}
    assert the("calling-hours.us-fcc", found).evidence["source"] == "zip-code"
    assert {*the("calling-hours.us-fcc", found).evidence["localTimes"]} == {"America/Los_Angeles", "America/New_York"}
    stated = msgspec.structs.replace(seattle, source=PlaceSource.STATED)
    certain = verdict(facts_about(at=at, located=stated))
    assert {*the("calling-hours.us-fl", certain).evidence["localTimes"]} == {"America/Los_Angeles"}


def test_an_address_elsewhere_does_not_take_away_the_place_of_the_number() -> None:
    new_york = of_zip_code("10001")
    at = datetime(2026, 3, 10, 13, 30, tzinfo=UTC)  # 9:30 in New York, 3:30 in Honolulu
    assert "calling-hours.us-fcc" in not_allowing(verdict(facts_about("+18085550100", at=at, located=new_york)))


def test_a_number_without_a_place_is_blocked_where_the_tenant_wants_it_so() -> None:
    nowhere = Whereabouts(source=PlaceSource.NONE, places=())
    found = verdict(facts_about("+18002530000", located=nowhere, numbered=nowhere))
    assert not_allowing(found) == ["screening-unavailable"]


def test_a_missing_fact_blocks_whatever_else_is_true() -> None:
    found = verdict(facts_about(purpose=Purpose.SERVICE, missing=("what is on record about the number",)))
    assert (found.decision, not_allowing(found)) == ("block", ["screening-unavailable"])


@pytest.mark.parametrize("purpose", list(Purpose))
def test_the_companys_own_list_blocks_every_purpose(purpose: Purpose) -> None:
    found = verdict(facts_about(WASHINGTON_DC, purpose=purpose, records=(a_record(Listing(reason="asked")),)))
    assert "do-not-call.company" in not_allowing(found)
    assert found.next_permitted_at is None


def test_a_campaigns_list_blocks_that_campaign_alone() -> None:
    listing = a_record(Listing(scope=ListScope.CAMPAIGN, campaign_id="spring"))
    assert not_allowing(verdict(facts_about(campaign_id="spring", records=(listing,)))) == ["do-not-call.campaign"]
    assert verdict(facts_about(campaign_id="autumn", records=(listing,))).decision == "allow"
    assert not_allowing(verdict(facts_about(records=(listing,)))) == ["do-not-call.campaign"], "it may be for any"
    assert not_allowing(verdict(facts_about(campaign_id="SPRING", records=(listing,)))) == ["do-not-call.campaign"]


def test_a_listing_that_was_withdrawn_or_is_past_its_time_blocks_no_more() -> None:
    before = TUESDAY_NOON_IN_NEW_YORK - timedelta(days=1)
    for over in (a_record(Listing(), withdrawn_at=before), a_record(Listing(), until=before)):
        assert verdict(facts_about(records=(over,))).decision == "allow"


def test_a_closure_blocks_whatever_consent_there_is_until_it_ends() -> None:
    ends = TUESDAY_NOON_IN_NEW_YORK + timedelta(hours=1)
    closure = Closure(id="c", tenant_id=None, jurisdiction="US-FL", begins=datetime(2026, 3, 9, tzinfo=UTC), ends=ends)
    consent = a_record(Consent(form=ConsentForm.WRITTEN, given_at=datetime(2026, 1, 1, tzinfo=UTC)))
    found = verdict(facts_about(closures=(closure,), records=(consent,)))
    assert not_allowing(found) == ["closure.us-fl"]
    assert found.next_permitted_at == ends
    assert verdict(facts_about(WASHINGTON_DC, closures=(closure,))).decision == "allow"
    assert verdict(facts_about(at=ends, closures=(closure,))).decision == "allow"


def test_a_closure_without_an_end_has_no_next_permitted_time() -> None:
    closure = Closure(id="c", tenant_id=None, jurisdiction="US", begins=datetime(2026, 3, 9, tzinfo=UTC), ends=None)
    assert verdict(facts_about(closures=(closure,))).next_permitted_at is None


@pytest.mark.parametrize(
    ("settings", "number", "rule"),
    [
        ({"countries": frozenset({"CA"})}, FLORIDA, "country"),
        ({"blocked": ("+1305",)}, FLORIDA, "blocked-number"),
        ({}, "+19002225555", "number-type"),
    ],
)
def test_what_a_tenant_does_not_call_is_blocked(settings: dict[str, object], number: str, rule: str) -> None:
    bound = msgspec.structs.replace(UNBOUND, **settings)
    assert rule in not_allowing(verdict(facts_about(number, purpose=Purpose.SERVICE, settings=bound)))


def test_the_agents_own_line_is_blocked_and_never_overridden() -> None:
    everything = ScreeningSettings(overridable={"own-line": frozenset({Role.AGENT})})
    facts = facts_about(
        purpose=Purpose.SERVICE,
        own_number=FLORIDA,
        settings=everything,
        roles=frozenset({Role.AGENT}),
        overrides=(WantedOverride(rule="own-line", reason="because"),),
    )
    found = verdict(facts)
    assert (found.decision, not_allowing(found), found.overridable) == ("block", ["own-line"], False)


def overridable(**more: Any) -> Facts:
    rights = msgspec.structs.replace(UNBOUND, overridable={"calling-hours": frozenset({Role.SUPERVISOR})})
    return facts_about(at=NIGHT, settings=rights, **more)


def test_a_block_that_somebody_may_override_is_a_warning() -> None:
    found = verdict(overridable(roles=frozenset({Role.AGENT})))
    assert (found.decision, found.overridable) == ("warn", True)
    assert the("calling-hours.us-fl", found).evidence["overridableBy"] == ["supervisor"]
    assert found.next_permitted_at


def test_an_override_counts_from_somebody_who_has_the_right_and_gives_a_reason() -> None:
    wish = (WantedOverride(rule="calling-hours", reason="asked to be called tonight"),)
    allowed = verdict(overridable(roles=frozenset({Role.AGENT, Role.SUPERVISOR}), overrides=wish))
    assert allowed.decision == "allow"
    assert the("calling-hours.us-fcc", allowed).evidence["override"] == "asked to be called tonight"
    for roles, reason in ((frozenset({Role.AGENT}), "asked"), (frozenset({Role.SUPERVISOR}), "  ")):
        wishes = (WantedOverride(rule="calling-hours", reason=reason),)
        assert verdict(overridable(roles=roles, overrides=wishes)).decision == "warn"


def test_an_override_without_a_reason_is_told_where_the_rule_is_the_one_that_was_meant() -> None:
    rights = frozenset({Role.SUPERVISOR})
    for rule, told in (("calling-hours.us-fl", "no reason was given"), ("attempts", None), ("nothing", None)):
        wish = (WantedOverride(rule=rule, reason=" "),)
        found = verdict(overridable(roles=rights, overrides=wish))
        assert found.decision == "warn"
        assert the("calling-hours.us-fl", found).evidence.get("override") == told
    both = (WantedOverride(rule="calling-hours", reason=""), WantedOverride(rule="calling-hours", reason="asked"))
    assert verdict(overridable(roles=rights, overrides=both)).decision == "allow"


def test_an_override_of_one_rule_leaves_the_others() -> None:
    wish = (WantedOverride(rule="calling-hours.us-fl", reason="asked"),)
    found = verdict(overridable(roles=frozenset({Role.SUPERVISOR}), overrides=wish))
    assert found.decision == "warn"
    assert the("calling-hours.us-fl", found).decision == "allow"
    assert the("calling-hours.us-fcc", found).decision == "warn"


def test_a_business_is_one_only_where_that_is_on_record() -> None:
    ninth = datetime(2026, 3, 10, 0, 30, tzinfo=UTC)  # 20:30 in Texas is after no hours; 19:30 in Texas
    assert "calling-hours.us-fcc" in [rule.rule for rule in verdict(facts_about("+12145550100", at=ninth)).rules]
    record = a_record(Business(source="company register"), number="+12145550100")
    run = [rule.rule for rule in verdict(facts_about("+12145550100", at=ninth, records=(record,))).rules]
    assert "calling-hours.us-ftc" not in run


def test_the_third_attempt_in_24_hours_is_the_last_in_florida_whatever_became_of_them() -> None:
    at = TUESDAY_NOON_IN_NEW_YORK
    tries = [an_attempt(at - timedelta(hours=hours)) for hours in (1, 2)]
    assert verdict(facts_about(attempts=tuple(tries))).decision == "allow"
    tries.append(an_attempt(at - timedelta(hours=3), is_over=False, rang=False))
    found = verdict(facts_about(attempts=tuple(tries)))
    assert not_allowing(found) == ["attempts.us-fl"]
    assert found.next_permitted_at == at + timedelta(hours=21)


def test_a_dial_that_is_on_record_counts_for_one_that_is_placed_whatever_the_clocks_said() -> None:
    at = TUESDAY_NOON_IN_NEW_YORK
    ahead = tuple(an_attempt(at + timedelta(seconds=seconds)) for seconds in (1, 2, 3))
    assert not_allowing(verdict(facts_about(attempts=ahead, placing=True))) == ["attempts.us-fl"]
    assert verdict(facts_about(attempts=ahead)).decision == "allow", "what is asked about came before them"


def test_what_a_press_calls_its_campaign_begins_no_new_count_unless_the_operator_says_so() -> None:
    at = TUESDAY_NOON_IN_NEW_YORK
    tries = tuple(an_attempt(at - timedelta(hours=hours), campaign_id=f"c-{hours}") for hours in (1, 2, 3))
    assert not_allowing(verdict(facts_about(attempts=tries, campaign_id="c-4"))) == ["attempts.us-fl"]
    listed = msgspec.structs.replace(UNBOUND, campaigns=frozenset({"c-1", "c-2", "c-3", "c-4"}))
    other = verdict(facts_about(attempts=tries, campaign_id="c-4", settings=listed))
    evidence = the("attempts.us-fl", other).evidence
    assert (other.decision, evidence["attempts"], evidence["subject"]) == ("allow", 0, "c-4")
    assert the("attempts.us-fl", verdict(facts_about(campaign_id="c-4"))).evidence["subject"] is None
    assert not_allowing(verdict(facts_about(attempts=tries, campaign_id="c-5", settings=listed))) == ["attempts.us-fl"]


def test_a_kind_that_may_be_overridden_means_neither_the_companys_list_nor_closures() -> None:
    rights = {"do-not-call": frozenset({Role.AGENT}), "closure": frozenset({Role.AGENT})}
    settings = msgspec.structs.replace(UNBOUND, overridable=rights)
    closed = Closure(id="c", tenant_id=None, jurisdiction="US", begins=datetime(2026, 3, 1, tzinfo=UTC), ends=None)
    wishes = tuple(WantedOverride(rule=name, reason="because") for name in ("do-not-call", "closure"))
    facts = facts_about(
        records=(a_record(Listing()),), closures=(closed,), settings=settings, roles=frozenset({Role.AGENT}),
        overrides=wishes,
    )  # fmt: skip
    assert set(not_allowing(verdict(facts))) == {"do-not-call.company", "closure.us"}
    assert verdict(facts).decision == "block"
    by_name = msgspec.structs.replace(settings, overridable={"do-not-call.company": frozenset({Role.AGENT})})
    assert the("do-not-call.company", verdict(msgspec.structs.replace(facts, settings=by_name))).decision == "warn"


def test_a_time_that_was_agreed_on_is_the_next_permitted_one_where_consent_is_needed() -> None:
    at = datetime(2026, 9, 10, 9, 0, tzinfo=UTC)
    slot = Consent(
        form=ConsentForm.WRITTEN,
        given_at=at - timedelta(days=1),
        slot_from=at + timedelta(hours=2),
        slot_until=at + timedelta(hours=3),
    )
    found = verdict(facts_about("+493012345678", at=at, records=(a_record(slot),)))
    assert found.decision == "block"
    assert found.next_permitted_at == at + timedelta(hours=2)


def test_half_an_agreed_time_is_no_consent() -> None:
    at = datetime(2026, 9, 10, 9, 0, tzinfo=UTC)
    for begins, ends in ((at - timedelta(hours=1), None), (None, at + timedelta(hours=1))):
        consent = Consent(form=ConsentForm.WRITTEN, given_at=at - timedelta(days=1), slot_from=begins, slot_until=ends)
        assert verdict(facts_about("+493012345678", at=at, records=(a_record(consent),))).decision == "block"


def test_a_rule_that_goes_out_of_force_binds_no_later_moment() -> None:
    # Pennsylvania: 8 to 21 until 17 October 2026, from the 18th, a Sunday, closed on Sundays and 9 to 19.
    night = datetime(2026, 10, 18, 2, 0, tzinfo=UTC)  # Saturday, 22:00
    found = verdict(facts_about("+12155550100", at=night))
    assert found.next_permitted_at == datetime(2026, 10, 19, 13, 0, tzinfo=UTC)


def test_a_registry_of_another_country_is_not_asked_for_the_number() -> None:
    in_britain = Whereabouts(source=PlaceSource.STATED, places=(Place(jurisdiction="GB", zones=("Europe/London",)),))
    asked = msgspec.structs.replace(UNBOUND, registries=frozenset({"uk-tps"}))
    found = verdict(facts_about(located=in_britain, settings=asked))
    assert the("do-not-call.uk-tps", found).decision == "allow"


def test_an_attempt_that_never_rang_gives_itself_back() -> None:
    at = TUESDAY_NOON_IN_NEW_YORK
    tries = tuple(an_attempt(at - timedelta(hours=hours), rang=hours > 1) for hours in (1, 2, 3))
    assert verdict(facts_about(attempts=tries)).decision == "allow"


def test_a_refusal_gives_silence_in_france() -> None:
    at = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
    refusal = a_record(Refusal(refused_at=at - timedelta(days=10)), number="+33142685300")
    assert "attempts.fr-refusal" in " ".join(
        not_allowing(verdict(facts_about("+33142685300", at=at, records=(refusal,))))
    )


def test_the_judgement_says_which_records_it_relied_on_and_whether_attempts_were_counted() -> None:
    consent = a_record(Consent(form=ConsentForm.EXPRESS, given_at=datetime(2026, 1, 1, tzinfo=UTC)), id="consent-7")
    at = datetime(2026, 9, 10, 9, 0, tzinfo=UTC)
    german = judge(facts_about("+493012345678", at=at, records=(consent,)), shipped_policies())
    assert german.relied_on == ("consent-7",)
    assert judge(facts_about(), shipped_policies()).counted
    assert not judge(facts_about(purpose=Purpose.SERVICE), shipped_policies()).counted


def test_the_strictest_decision_wins_in_any_order() -> None:
    assert strictest([]) is Decision.ALLOW
    assert strictest([Decision.BLOCK, Decision.ALLOW, Decision.WARN]) is Decision.BLOCK
    assert strictest([Decision.WARN, Decision.ALLOW]) is Decision.WARN


NUMBERS = st.sampled_from(
    [
        *(
            "+13055550100",
            "+18504325000",
            "+12025550100",
            "+14012345678",
            "+18012345678",
            "+15042345678",
            "+16015550100",
        ),
        *(
            "+12145550100",
            "+15035550100",
            "+18002530000",
            "+14165550100",
            "+16045550100",
            "+33142685300",
            "+34910000000",
        ),
        *("+61412345678", "+27110000000", "+493012345678", "+442079460000", "+819012345678", "+12155550100"),
    ]
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  UTC is added
PURPOSES = st.sampled_from(list(Purpose))


@settings(max_examples=300, deadline=None)
@given(
    number=NUMBERS,
    at=MOMENTS,
    purpose=PURPOSES,
    tries=st.lists(st.tuples(st.integers(0, 60 * 24 * 9), st.booleans()), max_size=9),
    refused=st.none() | st.integers(0, 70),
    lead=st.sampled_from([0, 20, 600]),
)
def test_the_next_permitted_time_is_permitted_and_the_minute_before_is_not(
    number: str,
    at: datetime,
    purpose: Purpose,
    tries: list[tuple[int, bool]],
    refused: int | None,
    lead: int,
) -> None:
    attempts = tuple(
        an_attempt(
            at - timedelta(minutes=ago),
            purpose=purpose,
            answered_at=at - timedelta(minutes=ago) if answered else None,
        )
        for ago, answered in tries
    )
    said_no = [] if refused is None else [a_record(Refusal(refused_at=at - timedelta(days=refused)))]
    consent = a_record(Consent(form=ConsentForm.ORAL, given_at=datetime(2025, 1, 1, tzinfo=UTC)), id="oral")
    facts = facts_about(
        number, at=at, purpose=purpose, attempts=attempts, records=(*said_no, consent), lead_seconds=lead
    )
    found = next_permitted_at(facts, shipped_policies())
    if found is None:
        assert verdict(facts).decision == "block"
        return
    assert found >= at
    assert verdict(msgspec.structs.replace(facts, at=found)).decision == "allow"
    if found == at:
        assert verdict(facts).decision == "allow"
    elif found - timedelta(minutes=1) >= at:
        assert verdict(msgspec.structs.replace(facts, at=found - timedelta(minutes=1))).decision == "block"


@settings(max_examples=200, deadline=None)
@given(number=NUMBERS, at=MOMENTS, purpose=PURPOSES)
def test_no_rule_turns_a_block_of_another_into_an_allow(number: str, at: datetime, purpose: Purpose) -> None:
    found = verdict(facts_about(number, at=at, purpose=purpose))
    blocked = any(rule.decision == "block" for rule in found.rules)
    assert (found.decision == "block") == blocked
    # Where the number has a place, a better source for the person's can only add rules.
    assume(not number.startswith("+1800"))
    elsewhere = of_zip_code("96813")
    assert elsewhere is not None
    both = verdict(facts_about(number, at=at, purpose=purpose, located=elsewhere))
    by_number = {rule.rule for rule in found.rules if rule.rule.startswith(("attempts", "do-not-call", "line-type"))}
    assert by_number <= {rule.rule for rule in both.rules}
