"""CheckPhoneNumber, SetDNC and SetLocation, through the dispatcher (contract §5)."""

from __future__ import annotations

from typing import Any

import pytest

from manualdial.callers import Role
from manualdial.ports import Person
from tests.support.core import Core, Desk, dial_of, error_type
from tests.support.people import ANN, BOB, SUE, ZOE, a_caller
from tests.support.recording_connection import Message

CHECK = "LCM/Webservice/CheckPhoneNumber"
SET_DNC = "LCM/Webservice/SetDNC"
SET_DNC_RESULT = "LCM/Webservice/SetDNCResult"
SET_LOCATION = "LCM/Webservice/SetLocation"
MIAMI, LOS_ANGELES = "+13055550100", "+12135550100"
"""Numbers of places whose laws want no registration."""
NOON = "2026-03-10T12:00:00-04:00"
EARLY = "2026-03-10T07:59:59-04:00"
TOKEN_OF_A_PROGRAM = a_caller(user_id="u-crm", login_name="crm", roles=frozenset({Role.INTEGRATION}))


async def verdict(desk: Desk, number: str = MIAMI, **data: Any) -> Message:
    """What CheckPhoneNumber says."""
    dial = dial_of(await desk.ask(CHECK, {"PhoneNumber": number, **data}))
    assert dial["state"] == "checked"
    return dict(dial["verdict"])


def rule_of(verdict: Message, name: str) -> Message:
    """What one rule said."""
    (found,) = [rule for rule in verdict["rules"] if rule["rule"] == name]
    return dict(found)


def blocking(verdict: Message) -> set[str]:
    """The names of the rules that block."""
    return {rule["rule"] for rule in verdict["rules"] if rule["decision"] == "block"}


# ── CheckPhoneNumber ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_check_tells_number_and_verdict_and_calls_nobody(core: Core, desk: Desk) -> None:
    answer = await desk.ask(CHECK, {"PhoneNumber": "(305) 555-0100 x7"}, "check-1")
    assert (answer["channel"], answer["topic"], answer["subtopic"]) == ("LCM", "Webservice", "CheckPhoneNumber")
    assert (answer["requestId"], set(answer["message"])) == ("check-1", {"dial"})
    dial = dial_of(answer)
    assert set(dial) == {"state", "number", "purpose", "verdict"}
    assert dial["purpose"] == "service"
    assert dial["number"] == {
        "typed": "(305) 555-0100 x7", "e164": MIAMI, "region": "US", "type": "fixed_line_or_mobile", "extension": "7",
    }  # fmt: skip
    assert dial["verdict"]["decision"] == "allow"
    assert "nextPermittedAt" not in dial["verdict"]
    assert core.engine.asked == []
    assert desk.changes() == []


@pytest.mark.parametrize("caller", [ANN, SUE, TOKEN_OF_A_PROGRAM])
async def test_nobody_need_be_logged_in_to_check(core: Core, caller: Any) -> None:
    assert (await verdict(core.over_http(caller)))["decision"] == "allow"


async def test_a_check_is_for_those_who_are_registered(core: Core) -> None:
    assert error_type(await core.client().ask(CHECK, {"PhoneNumber": MIAMI})) == "NOT_REGISTERED"


@pytest.mark.parametrize(
    ("at", "decision"),
    [
        (NOON, "allow"), (EARLY, "block"), ("2026-03-10T08:00:00-04:00", "allow"), ("2026-03-10T12:00:00Z", "allow"),
        ("2026-03-10T11:59:59Z", "block"), ("2026-03-10T20:59:59.999-04:00", "block"),
        ("2026-03-10T19:59:59.999-04:00", "allow"), ("2026-03-10T20:00:00+09:00", "block"),
        ("2026-03-10T08:00-04:00", "allow"), (" 20260310T115959Z ", "block"),
    ],
)  # fmt: skip
async def test_the_moment_may_be_another_one(desk: Desk, at: str, decision: str) -> None:
    """Florida's own hours end at 20:00."""
    assert (await verdict(desk, Purpose="sales", At=at))["decision"] == decision


async def test_a_block_tells_law_evidence_and_when_it_is_over(desk: Desk) -> None:
    early = await verdict(desk, Purpose="sales", At=EARLY)
    assert early["nextPermittedAt"] == "2026-03-10T12:00:00+00:00"
    fcc = rule_of(early, "calling-hours.us-fcc")
    assert (fcc["decision"], fcc["law"][:17]) == ("block", "47 CFR 64.1200(c)")
    assert fcc["evidence"]["localTimes"] == {"America/New_York": "2026-03-10T07:59:59-04:00"}
    assert early["overridable"] is False
    assert set(early["policy"]) == {"name", "version"}


async def test_calling_hours_of_sales_do_not_bind_service_calls(desk: Desk) -> None:
    assert (await verdict(desk, At=EARLY))["decision"] == "allow"
    assert (await verdict(desk, At=EARLY, Purpose="service"))["decision"] == "allow"
    assert (await verdict(desk, At=EARLY, Purpose=" SALES "))["decision"] == "block"


@pytest.mark.parametrize(
    "at",
    [
        "", " ", "now", "2026-03-10", "12:00", "2026-03-10T12:00:00", "2026-03-10T25:00:00Z", "2026-02-30T12:00:00Z",
        "2026-03-10T12:00:00+99:00", "1999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "2100-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59", "2026-03-10T12:00:60Z", "1773144000", "NaN", "२०२६-03-10T12:00:00Z", "x" * 65, 5,
        True, {}, [NOON],
    ],
)  # fmt: skip
async def test_a_moment_that_is_none_is_malformed_and_says_where(desk: Desk, at: object) -> None:
    answer = await desk.ask(CHECK, {"PhoneNumber": MIAMI, "At": at})
    assert error_type(answer) == "MALFORMED_MESSAGE"
    assert answer["data"]["details"] == {"path": "data.At"}


@pytest.mark.parametrize("number", [MIAMI, "+18005550123", "+80012345678", "+442079460000", "+971501234567"])
@pytest.mark.parametrize("at", ["2000-01-01T00:00:00Z", "2099-12-31T23:59:59Z", "2000-01-01T14:00:00+14:00"])
async def test_the_first_and_the_last_moment_of_the_century_are_judged(desk: Desk, number: str, at: str) -> None:
    for purpose in ("sales", "collection"):
        assert (await verdict(desk, number, Purpose=purpose, At=at))["decision"] in ("allow", "block")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, "PHONE_NUMBER_MISSING"), ({"PhoneNumber": None}, "PHONE_NUMBER_MISSING"),
        ({"PhoneNumber": "911"}, "PHONE_NUMBER_INVALID"), ({"PhoneNumber": 13055550100}, "PHONE_NUMBER_INVALID"),
        ({"PhoneNumber": "+1"}, "PHONE_NUMBER_INVALID"), ({"PhoneNumber": "1" * 60_000}, "PHONE_NUMBER_INVALID"),
        ({"PhoneNumber": MIAMI, "Region": "XX"}, "PHONE_NUMBER_INVALID"),
        ({"PhoneNumber": MIAMI, "Purpose": "fun"}, "MALFORMED_MESSAGE"),
        ({"PhoneNumber": MIAMI, "Purpose": ""}, "MALFORMED_MESSAGE"),
        ({"PhoneNumber": MIAMI, "Overrides": [{"rule": "calling-hours"}]}, "MALFORMED_MESSAGE"),
        ({"PhoneNumber": MIAMI, "Overrides": "all"}, "MALFORMED_MESSAGE"),
        ([], "MALFORMED_MESSAGE"), (MIAMI, "MALFORMED_MESSAGE"),
    ],
)  # fmt: skip
async def test_what_cannot_be_checked_is_an_api_error(desk: Desk, data: Any, expected: str) -> None:
    assert error_type(await desk.ask(CHECK, data)) == expected


async def test_a_national_number_is_read_where_the_agent_is_or_as_the_request_says(desk: Desk) -> None:
    for number, region, e164 in (("305 555 0100", None, MIAMI), ("020 7946 0000", "gb", "+442079460000")):
        dial = dial_of(await desk.ask(CHECK, {"PhoneNumber": number, "Region": region}))
        assert dial["number"]["e164"] == e164


async def test_a_postal_code_says_where_the_person_is(desk: Desk) -> None:
    """12:30 in Miami; in Panama City, Florida, it is an hour earlier."""
    at = "2026-03-10T08:30:00-04:00"
    assert (await verdict(desk, Purpose="sales", At=at))["decision"] == "allow"
    for zip_code in ("32401", 32401, "32401-1234"):
        there = await verdict(desk, Purpose="sales", At=at, ZipCode=zip_code)
        assert there["decision"] == "block"
        assert rule_of(there, "calling-hours.us-fcc")["evidence"]["source"] == "zip-code"


async def test_a_postal_code_as_a_number_gets_its_zeros_back(desk: Desk) -> None:
    boston = await verdict(desk, LOS_ANGELES, Purpose="sales", At=NOON, ZipCode=2134)
    times = rule_of(boston, "calling-hours.us-fcc")["evidence"]["localTimes"]
    assert times["America/New_York"] == "2026-03-10T12:00:00-04:00"


@pytest.mark.parametrize("zip_code", ["", "x", "00000", -1, 0, 10**12, "32401 or so", "\u0663\u0662\u0664\u0660\u0661"])
async def test_a_postal_code_that_is_none_counts_as_left_out(desk: Desk, zip_code: str | int) -> None:
    found = await verdict(desk, Purpose="sales", At=NOON, ZipCode=zip_code)
    assert rule_of(found, "calling-hours.us-fcc")["evidence"]["source"] == "number"


async def test_the_agents_own_line_is_blocked_in_a_check_too(core: Core) -> None:
    desk = await core.connection()
    await desk.ask("Amazon/Agent/Login", {"extension": MIAMI})
    assert blocking(await verdict(desk)) == {"own-line"}


async def test_checks_are_counted_by_no_limit(desk: Desk) -> None:
    """Florida: three attempts in a day."""
    for _ in range(5):
        assert (await verdict(desk, Purpose="sales", At=NOON))["decision"] == "allow"


async def test_the_reply_reaches_the_agents_other_applications_and_nobody_else(core: Core, desk: Desk) -> None:
    other, colleague, overseer = (
        await core.connection(), await core.connection(BOB), await core.connection(SUE, scope="tenant"),
    )  # fmt: skip
    await desk.ask(CHECK, {"PhoneNumber": MIAMI}, "check-1")
    await desk.ask(SET_DNC, {"PhoneNumber": LOS_ANGELES}, "dnc-1")
    for reader in (other, overseer):
        assert [(one["subtopic"], one["requestId"]) for one in reader.seen] == [
            ("CheckPhoneNumber", "check-1"), ("SetDNCResult", "dnc-1"),
        ]  # fmt: skip
    assert colleague.seen == []


# ── SetDNC ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def set_dnc(desk: Desk, number: str = MIAMI, **data: Any) -> None:
    answer = await desk.ask(SET_DNC, {"PhoneNumber": number, **data}, "dnc")
    assert (answer["subtopic"], answer["requestId"]) == ("SetDNCResult", "dnc"), answer
    assert answer["message"] == {"response": {"success": True}}


async def test_a_number_on_the_companys_list_is_refused_to_everybody_for_every_purpose(core: Core, desk: Desk) -> None:
    await set_dnc(desk, "(305) 555-0100", Reason="asked on the phone")
    colleague = await core.desk(BOB)
    for press in (await desk.press(MIAMI), await colleague.press("tel:+1-305-555-0100", Purpose="survey")):
        assert error_type(press) == "CALL_REFUSED"
        assert blocking(press["data"]["details"]["verdict"]) == {"do-not-call.company"}
        assert press["data"]["retryable"] is False
    why = rule_of(await verdict(desk), "do-not-call.company")["evidence"]
    assert why["why"] == "asked on the phone"
    assert core.engine.asked == []


async def test_a_program_may_put_a_number_on_the_list(core: Core, desk: Desk) -> None:
    await set_dnc(core.over_http(TOKEN_OF_A_PROGRAM))
    assert error_type(await desk.press(MIAMI)) == "CALL_REFUSED"


async def test_saying_it_twice_is_no_error(desk: Desk) -> None:
    await set_dnc(desk)
    await set_dnc(desk)
    assert blocking(await verdict(desk)) == {"do-not-call.company"}


async def test_the_list_of_a_campaign_blocks_that_campaign_alone(desk: Desk) -> None:
    await set_dnc(desk, Scope=" Campaign ", CampaignID=4711)
    for campaign, blocked in (("4711", {"do-not-call.campaign"}), (4711, {"do-not-call.campaign"}), ("x", set())):
        assert blocking(await verdict(desk, CampaignID=campaign)) == blocked
    assert blocking(await verdict(desk)) == {"do-not-call.campaign"}, "it may be for any campaign"
    assert error_type(await desk.press(MIAMI, CampaignID=" 4711 ")) == "CALL_REFUSED"


async def test_a_refusal_is_no_list_but_brings_the_silence_that_a_law_knows(desk: Desk) -> None:
    """France: 60 days of silence after a refusal."""
    paris = "+33140000000"
    await set_dnc(desk, paris, Scope="refusal")
    found = await verdict(desk, paris, Purpose="sales")
    assert "do-not-call.company" not in blocking(found)
    assert any(name.startswith("attempts.fr") for name in blocking(found)), found
    assert "do-not-call.company" not in blocking(await verdict(desk, paris))


@pytest.mark.parametrize(
    ("data", "expected", "path"),
    [
        ({"Scope": "campaign"}, "MALFORMED_MESSAGE", "data.CampaignID"),
        ({"Scope": "campaign", "CampaignID": ""}, "MALFORMED_MESSAGE", "data.CampaignID"),
        ({"Scope": "everything"}, "MALFORMED_MESSAGE", "data.Scope"),
        ({"Scope": 1}, "MALFORMED_MESSAGE", "data.Scope"),
        ({"Reason": "x" * 1025}, "MALFORMED_MESSAGE", "data.Reason"),
        ({"Reason": {}}, "MALFORMED_MESSAGE", "data.Reason"),
        ({"PhoneNumber": "911"}, "PHONE_NUMBER_INVALID", None),
        ({"PhoneNumber": ""}, "PHONE_NUMBER_MISSING", None),
    ],
)
async def test_what_cannot_be_listed_is_refused_and_nothing_is_written(
    desk: Desk, data: dict[str, Any], expected: str, path: str | None
) -> None:
    answer = await desk.ask(SET_DNC, {"PhoneNumber": MIAMI, **data})
    assert error_type(answer) == expected
    assert answer["data"].get("details", {}).get("path") == path
    assert blocking(await verdict(desk, CampaignID="x")) == set()


async def test_another_tenants_list_and_places_do_not_touch_ours(core: Core, desk: Desk) -> None:
    stranger = await core.connection(ZOE)
    await set_dnc(stranger)
    await stranger.ask(SET_LOCATION, {"PhoneNumber": MIAMI, "Jurisdiction": "US-HI"})
    assert blocking(await verdict(stranger)) == {"do-not-call.company"}
    assert (await verdict(desk, Purpose="sales", At=NOON))["decision"] == "allow"
    assert (await desk.press(MIAMI))["message"]["dial"]["state"] == "requested"


async def test_what_cannot_be_written_down_is_told(core: Core, desk: Desk) -> None:
    core.store.unavailable = True
    for address, data in ((SET_DNC, {}), (SET_LOCATION, {"Jurisdiction": "US-CA"})):
        answer = await desk.ask(address, {"PhoneNumber": MIAMI, **data})
        assert (error_type(answer), answer["data"]["retryable"]) == ("SERVICE_UNAVAILABLE", True)


async def test_the_address_of_the_result_is_the_servers(desk: Desk) -> None:
    assert error_type(await desk.ask(SET_DNC_RESULT, {})) == "NOT_PERMITTED"


# ── SetLocation ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ({"ZipCode": "96813"}, "Pacific/Honolulu"), ({"ZipCode": 96813}, "Pacific/Honolulu"),
        ({"Jurisdiction": "us-hi "}, "Pacific/Honolulu"), ({"TimeZone": "Pacific/Honolulu"}, "Pacific/Honolulu"),
        ({"Jurisdiction": "US-FL", "TimeZone": "America/Chicago"}, "America/Chicago"),
    ],
)  # fmt: skip
async def test_where_somebody_says_to_be_changes_the_verdict(
    core: Core, desk: Desk, place: dict[str, Any], zone: str
) -> None:
    core.clock.move(-3 * 3600)  # 12:00 UTC: 07:00 in Miami before the clocks are changed
    core.clock.move(3600)  # 08:00 in Miami
    assert (await verdict(desk, Purpose="sales"))["decision"] == "allow"
    call_id = await in_a_call(core, desk)
    answer = await desk.ask(SET_LOCATION, {"PhoneNumber": MIAMI, "Purpose": "sales", **place})
    assert answer["subtopic"] == "SetLocation"
    told = dial_of(answer)
    assert (told["state"], told["number"]["e164"], told["verdict"]["decision"]) == ("checked", MIAMI, "block")
    evidence = rule_of(told["verdict"], "calling-hours.us-fcc")["evidence"]
    assert (evidence["source"], set(evidence["localTimes"])) == ("stated", {zone})
    await core.engine.end(call_id)
    assert error_type(await desk.press(MIAMI, Purpose="sales")) == "CALL_REFUSED"


async def test_what_is_told_without_a_talk_only_adds_a_place(core: Core, desk: Desk) -> None:
    core.clock.move(-2 * 3600)
    answer = await desk.ask(SET_LOCATION, {"PhoneNumber": MIAMI, "Purpose": "sales", "Jurisdiction": "US-NY"})
    assert dial_of(answer)["verdict"]["decision"] == "allow"
    core.clock.move(1)
    answer = await desk.ask(SET_LOCATION, {"PhoneNumber": MIAMI, "Purpose": "sales", "Jurisdiction": "US-CA"})
    evidence = rule_of(dial_of(answer)["verdict"], "calling-hours.us-fcc")["evidence"]
    assert (evidence["source"], set(evidence["localTimes"])) == ("contact", {"America/Los_Angeles", "America/New_York"})


async def test_what_was_stated_counts_for_half_a_day(core: Core, desk: Desk) -> None:
    call_id = await in_a_call(core, desk)
    await desk.ask(SET_LOCATION, {"PhoneNumber": MIAMI, "Jurisdiction": "US-HI"})
    await core.engine.end(call_id)
    for hours, source in ((11, "stated"), (1, "number")):
        core.clock.move(hours * 3600)
        evidence = rule_of(await verdict(desk, Purpose="sales"), "calling-hours.us-fcc")["evidence"]
        assert evidence["source"] == source


async def in_a_call(core: Core, desk: Desk) -> str:
    """The agent talks to Miami; the id of the call."""
    call_id = str(dial_of(await desk.press(MIAMI, f"call at {core.clock.monotonic()}"))["callId"])
    await core.engine.connect(call_id)
    return call_id


async def test_the_newest_statement_counts(core: Core, desk: Desk) -> None:
    await in_a_call(core, desk)
    for jurisdiction, zone in (("US-HI", "Pacific/Honolulu"), ("US-NY", "America/New_York")):
        core.clock.move(1)
        answer = await desk.ask(SET_LOCATION, {"PhoneNumber": MIAMI, "Purpose": "sales", "Jurisdiction": jurisdiction})
        evidence = rule_of(dial_of(answer)["verdict"], "calling-hours.us-fcc")["evidence"]
        assert set(evidence["localTimes"]) == {zone}


@pytest.mark.parametrize(
    "place",
    [
        {}, {"ZipCode": ""}, {"ZipCode": "00000"}, {"ZipCode": -5}, {"Jurisdiction": "US-XX1X"}, {"Jurisdiction": "XX"},
        {"Jurisdiction": ""}, {"Jurisdiction": "\u0000"}, {"TimeZone": ""}, {"TimeZone": "Mars/Olympus"},
        {"TimeZone": "../../etc/passwd"}, {"TimeZone": "America"}, {"TimeZone": "/"}, {"TimeZone": "zone.tab"},
        {"TimeZone": "\u0000"}, {"Jurisdiction": "US-FL", "TimeZone": "Mars/Olympus"}, {"TimeZone": "__init__/x"},
        {"PhoneNumber": "+33142685300", "ZipCode": "94110"},
        {"ZipCode": "32401", "TimeZone": "x" * 64}, {"TimeZone": 5}, {"Jurisdiction": ["US-FL"]},
        {"Jurisdiction": "US-FL", "Purpose": "fun"},
    ],
)  # fmt: skip
async def test_a_place_that_nobody_knows_is_malformed_and_nothing_is_written(
    core: Core, desk: Desk, place: dict[str, Any]
) -> None:
    answer = await desk.ask(SET_LOCATION, {"PhoneNumber": MIAMI, **place})
    assert error_type(answer) == "MALFORMED_MESSAGE"
    assert answer["data"]["details"]["path"].startswith("data")
    assert await core.store.records(ANN.tenant_id, [Person(number=MIAMI)]) == [[]]


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ({"ZipCode": "00000"}, "data.ZipCode"), ({"Jurisdiction": "XX"}, "data.Jurisdiction"),
        ({"TimeZone": "Mars/Olympus"}, "data.TimeZone"), ({}, "data"), ({"ZipCode": "0", "TimeZone": "x"}, "data"),
    ],
)  # fmt: skip
async def test_an_agent_is_told_that_the_place_is_not_known_and_the_program_which_key_it_was(
    desk: Desk, place: dict[str, Any], path: str
) -> None:
    answer = await desk.ask(SET_LOCATION, {"PhoneNumber": MIAMI, **place})
    assert (answer["data"]["msg"], answer["data"]["details"]) == ("This place is not known.", {"path": path})


async def test_without_a_number_it_is_about_the_live_call(core: Core, desk: Desk) -> None:
    """10:00 in Miami, 05:00 in Honolulu."""
    answer = await desk.ask(SET_LOCATION, {"Jurisdiction": "US-HI"})
    assert error_type(answer) == "NO_SUCH_CALL"
    press = await desk.press(MIAMI, Purpose="sales", CampaignID="spring")
    await core.engine.connect(dial_of(press)["callId"])
    told = dial_of(await desk.ask(SET_LOCATION, {"Jurisdiction": "US-HI"}))
    assert told["number"]["e164"] == MIAMI
    assert "calling-hours.us-fcc" in blocking(told["verdict"])
    assert "do-not-call.campaign" in {rule["rule"] for rule in told["verdict"]["rules"]}
    synchronised = await desk.ask("Amazon/InboundCall/StateSync")
    assert [call["dial"]["state"] for call in synchronised["message"]["calls"]] == ["connected"]


async def test_a_call_is_judged_as_at_its_press(core: Core, desk: Desk) -> None:
    """Seven calls in seven days are allowed to collectors, and none for seven days after a conversation."""
    for earlier in range(6):
        await desk.press(MIAMI, f"earlier-{earlier}", Purpose="collection")
        await desk.ask("Amazon/InboundCall/Disconnect")
    press = await desk.press(MIAMI, "last", Purpose="collection")
    await core.engine.connect(dial_of(press)["callId"])
    await core.store.flush()
    core.clock.move(12 * 3600)  # 22:00 in Miami
    told = dial_of(await desk.ask(SET_LOCATION, {"Jurisdiction": "US-FL"}))
    assert {rule["rule"] for rule in told["verdict"]["rules"]} >= {"attempts.us-reg-f", "calling-hours.us-reg-f"}
    assert blocking(told["verdict"]) == set()


async def test_the_purpose_of_a_call_is_not_that_of_another_number(core: Core, desk: Desk) -> None:
    press = await desk.press(MIAMI, Purpose="sales")
    await core.engine.connect(dial_of(press)["callId"])
    told = dial_of(await desk.ask(SET_LOCATION, {"PhoneNumber": LOS_ANGELES, "Jurisdiction": "US-CA"}))
    assert not any(rule["rule"].startswith("calling-hours") for rule in told["verdict"]["rules"])
