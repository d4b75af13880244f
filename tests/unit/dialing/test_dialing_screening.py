"""dialing and the verdict: judged before anything rings, counted once, written down (contract §5)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec

from manualdial.callers import Caller, Role
from manualdial.evidence import Kind, Proof, Sealed
from manualdial.law.records import Business, Listing, Record
from tests.support.calls import stored_calls
from tests.support.core import Core, Desk, dial_of, error_type, running_core
from tests.support.people import BOB, a_caller
from tests.support.recording_connection import Message
from tests.support.screening import FLORIDA, UNBOUND

NIGHT = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)


async def evidence(core: Core) -> list[Sealed]:
    links = list(await core.store.evidence("t-north"))
    proof = Proof("t-north")
    assert (proof.follow(links), proof.end()) == (None, None)
    return links


def verdict_of(answer: Message) -> dict[str, Any]:
    return dict(answer["data"]["details"]["verdict"])


async def test_a_press_that_is_allowed_tells_its_verdict(core: Core, desk: Desk) -> None:
    verdict = dial_of(await desk.press())["verdict"]
    assert (verdict["decision"], verdict["overridable"]) == ("allow", False)
    assert "do-not-call.company" in [rule["rule"] for rule in verdict["rules"]]


async def test_a_sale_at_night_rings_nobody_and_says_when_it_may() -> None:
    async with running_core(screening=UNBOUND) as core:
        desk = await core.desk()
        core.clock.step((NIGHT - core.clock.now()).total_seconds())
        answer = await desk.press(FLORIDA, Purpose="sales")
        assert error_type(answer) == "CALL_REFUSED"
        assert answer["data"]["retryable"] is False
        verdict = verdict_of(answer)
        assert verdict["decision"] == "block"
        assert datetime.fromisoformat(verdict["nextPermittedAt"]) == datetime(2026, 3, 3, 13, 0, tzinfo=UTC)
        assert core.engine.orders == []
        assert await stored_calls(core.store, "t-north") == []


async def test_a_refusal_is_evidence_before_it_is_answered_and_each_press_is_judged_anew(
    core: Core, desk: Desk
) -> None:
    await core.store.add_records([listing(FLORIDA)])
    first, again = await desk.press(FLORIDA, "again"), await desk.press(FLORIDA, "again")
    assert error_type(first) == error_type(again) == "CALL_REFUSED"
    links = await evidence(core)
    assert [link.kind for link in links] == [Kind.REFUSAL, Kind.REFUSAL]
    told = links[0].to_json()["content"]
    assert (told["requestId"], told["number"]["e164"], told["verdict"]["decision"]) == ("again", FLORIDA, "block")
    assert told["verdict"] == verdict_of(first)


async def test_an_attempt_is_evidence_before_it_rings_with_all_that_it_stood_on(core: Core, desk: Desk) -> None:
    dial = dial_of(await desk.press(FLORIDA, Entry="typed", CampaignID="spring", AccountNumber=7))
    (link,) = await evidence(core)
    assert (link.kind, link.call_id, link.number) == (Kind.ATTEMPT, dial["callId"], FLORIDA)
    (call,) = await stored_calls(core.store, "t-north")
    assert b'"verdict":' + call.verdict in link.body
    told = link.to_json()["content"]
    assert told["verdict"] == dial["verdict"]
    assert (told["entry"], told["campaignId"], told["accountNumber"]) == ("typed", "spring", "7")
    assert told["agent"]["loginName"] == "ann"
    assert told["located"]["source"] == "number"
    assert (told["calledParty"], told["outbound"], told["prerecorded"]) == ("consumer", True, False)
    assert told["software"]["timeZones"]


async def test_what_the_agent_chose_and_every_record_in_force_is_in_the_evidence(core: Core, desk: Desk) -> None:
    await core.store.add_records([msgspec.structs.replace(listing(FLORIDA), content=Business(source="CRM"))])
    await desk.press(FLORIDA, Purpose="survey", ZipCode="94110")
    (link,) = await evidence(core)
    told = link.to_json()["content"]
    assert (told["purpose"], told["purposeNamed"], told["zipCode"]) == ("survey", True, "94110")
    assert (told["records"], told["calledParty"]) == (["listing-1"], "business")


async def test_an_account_in_other_words_is_the_same_and_a_blank_one_is_none() -> None:
    async with running_core(screening=UNBOUND) as core:
        desk = await core.desk()
        for index, account in enumerate(("A-1", " A-1", "A-1 ")):
            answer = await desk.press(f"+1305555010{index}", f"press-{index}", Purpose="sales", AccountNumber=account)
            await core.engine.connect(dial_of(answer)["callId"])
            await core.engine.end(dial_of(answer)["callId"])
        fourth = await desk.press("+13055550103", "press-3", Purpose="sales", AccountNumber="A-1")
        assert blocked(fourth) == ["attempts.us-fl"]
        blank = await desk.press("+13055550104", "press-4", Purpose="sales", AccountNumber=" ")
        assert dial_of(blank)["state"] == "requested"


async def test_an_agent_cannot_make_attempts_anew_by_another_campaign_or_account() -> None:
    for name in ("CampaignID", "AccountNumber"):
        async with running_core(screening=UNBOUND) as core:
            desk = await core.desk()
            for index in range(3):
                data = {name: f"x-{index}"}
                call_id = dial_of(await desk.press(FLORIDA, f"press-{index}", Purpose="sales", **data))["callId"]
                await core.engine.connect(call_id)
                await core.engine.end(call_id)
            refused = await desk.press(FLORIDA, "press-3", Purpose="sales", **{name: "x-3"})
            assert blocked(refused) == ["attempts.us-fl"], name


async def test_who_is_refused_by_the_screening_pays_and_who_could_not_dial_does_not() -> None:
    async with running_core(agent_rate=0.1) as core:
        desk = await core.desk()
        await core.store.add_records([listing(FLORIDA)])
        for number in range(2):
            assert error_type(await desk.press(FLORIDA, f"refused-{number}")) == "CALL_REFUSED"
        assert error_type(await desk.press(FLORIDA, "refused-2")) == "DIAL_RATE_EXCEEDED"
    async with running_core(agent_rate=0.1, engine_rate=0.1) as core:
        desk = await core.desk()
        core.engine.ready = False
        for number in range(5):
            assert error_type(await desk.press(FLORIDA, f"away-{number}")) == "MAKE_CALL_FAILED"
        core.engine.ready = True
        assert dial_of(await desk.press(FLORIDA, "back"))["state"] == "requested"
        for _ in range(3):
            assert dial_of(await desk.press(FLORIDA, "back"))["replay"] is True
            assert error_type(await desk.press(FLORIDA, "another")) == "CALL_IN_PROGRESS"


async def test_what_one_agent_is_refused_costs_the_others_nothing() -> None:
    async with running_core(engine_rate=0.01) as core:
        ann, bob = await core.desk(), await core.desk(BOB)
        await core.store.add_records([listing(FLORIDA)])
        for number in range(6):
            assert error_type(await ann.press(FLORIDA, f"refused-{number}")) == "CALL_REFUSED"
        assert dial_of(await bob.press("+12025550100", "bob's"))["state"] == "requested"


async def test_a_call_that_goes_on_counts_as_a_talk_for_the_silence_that_follows_one() -> None:
    async with running_core(screening=UNBOUND) as core:
        ann, bob = await core.desk(), await core.desk(BOB)
        call_id = dial_of(await ann.press("+12125550100", "ann's", Purpose="collection"))["callId"]
        await core.engine.connect(call_id)
        refused = await bob.press("+12125550100", "bob's", Purpose="collection")
        assert blocked(refused) == ["attempts.us-reg-f-conversation"]


async def test_the_end_of_a_call_is_evidence_with_the_times_of_its_legs(core: Core, desk: Desk) -> None:
    call_id = await desk.connected_call(core.engine)
    await core.engine.end(call_id)
    await desk.ask("Amazon/InboundCall/ClearContact")
    kinds = [link.kind for link in await evidence(core)]
    assert kinds[0] is Kind.ATTEMPT
    assert kinds[-1] is Kind.OUTCOME
    told = (await evidence(core))[-1].to_json()["content"]
    assert {"connected"} <= {one["state"] for one in told["legs"]}
    assert told["answeredAt"]


async def test_two_agents_press_for_the_last_permitted_attempt_and_one_gets_it() -> None:
    async with running_core(screening=UNBOUND) as core:
        desks = [core.over_http(agent(number)) for number in range(8)]
        for one in desks:
            await one.ask("Amazon/Agent/Login")
        answers = await asyncio.gather(
            *(one.press(FLORIDA, f"press-{index}", Purpose="sales") for index, one in enumerate(desks))
        )
        allowed = [answer for answer in answers if answer["subtopic"] == "ManualDialCall"]
        refused = [answer for answer in answers if answer["subtopic"] == "ApiError"]
        assert len(allowed) == 3
        assert {error_type(answer) for answer in refused} == {"CALL_REFUSED"}
        assert len(core.engine.orders) == 3
        for answer in refused:
            blocked = [rule for rule in verdict_of(answer)["rules"] if rule["decision"] == "block"]
            assert [rule["rule"] for rule in blocked] == ["attempts.us-fl"]
        kinds = [link.kind for link in await evidence(core)]
        assert (kinds.count(Kind.ATTEMPT), kinds.count(Kind.REFUSAL)) == (3, 5)


async def test_a_dry_run_leaves_nothing_behind(core: Core, desk: Desk) -> None:
    for purpose in ("service", "sales"):
        assert dial_of(await desk.press(FLORIDA, f"dry-{purpose}", DryRun=True, Purpose=purpose))["state"] == "checked"
    assert await stored_calls(core.store, "t-north") == []
    assert await evidence(core) == []
    assert core.engine.orders == []


async def test_a_verdict_without_its_records_refuses_and_a_retry_may_help(core: Core, desk: Desk) -> None:
    core.store.unavailable = True
    checked = await desk.press(FLORIDA, "dry", DryRun=True)
    verdict = dial_of(checked)["verdict"]
    assert [rule["rule"] for rule in verdict["rules"] if rule["decision"] == "block"] == ["screening-unavailable"]
    answer = await desk.press(FLORIDA, "wet")
    assert (error_type(answer), answer["data"]["retryable"]) == ("MAKE_CALL_FAILED", True)
    core.store.unavailable = False
    assert dial_of(await desk.press(FLORIDA, "wet"))["replay"] is False


async def test_a_registry_that_cannot_be_read_blocks() -> None:
    held = msgspec.structs.replace(UNBOUND, registries=frozenset({"us-national"}))
    async with running_core(screening=held) as core:
        desk = await core.desk()
        answer = await desk.press("+12125550100", "none", Purpose="sales")
        assert "do-not-call.us-national" in blocked(answer)
        core.registries.hold("us-national", "+12125550199")
        assert error_type(await desk.press("+12125550199", "listed", Purpose="sales")) == "CALL_REFUSED"
        core.registries.damaged.add("us-national")
        assert "screening-unavailable" in blocked(await desk.press("+12125550100", "damaged", Purpose="sales"))
        core.registries.damaged.clear()
        assert dial_of(await desk.press("+12125550100", "good", Purpose="sales"))["state"] == "requested"


async def test_who_dials_too_fast_is_told_how_long_to_wait_and_a_replay_is_free() -> None:
    async with running_core(agent_rate=0.1) as core:
        desk = await core.desk()
        for number in range(2):
            call_id = dial_of(await desk.press("+12025550100", f"press-{number}"))["callId"]
            await core.engine.connect(call_id)
            await core.engine.end(call_id)
        assert dial_of(await desk.press("+12025550100", "press-1"))["replay"] is True
        answer = await desk.press("+12025550100", "press-2")
        assert error_type(answer) == "DIAL_RATE_EXCEEDED"
        assert answer["data"]["details"] == {"retryAfter": 10}
        core.clock.move(10)
        assert dial_of(await desk.press("+12025550100", "press-2"))["replay"] is False


async def test_a_warning_is_overridden_by_who_may_under_a_new_request_id() -> None:
    rights = msgspec.structs.replace(UNBOUND, overridable={"calling-hours": frozenset({Role.SUPERVISOR})})
    async with running_core(screening=rights) as core:
        boss = a_caller(
            user_id="u-boss", login_name="boss", roles=frozenset({Role.AGENT, Role.SUPERVISOR}), extension="2009"
        )
        ann, over_http = await core.desk(), core.over_http(boss)
        await over_http.ask("Amazon/Agent/Login")
        core.clock.step((NIGHT - core.clock.now()).total_seconds())
        wish = [{"rule": "calling-hours", "reason": "asked to be called tonight"}]
        warned = await ann.press(FLORIDA, "one", Purpose="sales")
        assert (verdict_of(warned)["decision"], verdict_of(warned)["overridable"]) == ("warn", True)
        assert error_type(await ann.press(FLORIDA, "two", Purpose="sales", Overrides=wish)) == "CALL_REFUSED"
        assert error_type(await over_http.press(FLORIDA, "one", Purpose="sales")) == "CALL_REFUSED"
        dial = dial_of(await over_http.press(FLORIDA, "two", Purpose="sales", Overrides=wish))
        assert dial["verdict"]["decision"] == "allow"
        links = await evidence(core)
        assert links[-1].to_json()["content"]["overrides"] == wish
        assert links[-1].to_json()["content"]["agent"]["roles"] == ["agent", "supervisor"]


async def test_a_listing_of_another_tenant_does_not_count(core: Core, desk: Desk) -> None:
    await core.store.add_records([msgspec.structs.replace(listing(FLORIDA), tenant_id="t-south")])
    assert dial_of(await desk.press(FLORIDA))["state"] == "requested"


async def test_the_person_is_the_account_whatever_number_is_dialled() -> None:
    async with running_core(screening=UNBOUND) as core:
        desk = await core.desk()
        for number in ("+13055550100", "+13055550101", "+13055550102"):
            call_id = dial_of(await desk.press(number, number, Purpose="sales", AccountNumber="A-1"))["callId"]
            await core.engine.connect(call_id)
            await core.engine.end(call_id)
        refused = await desk.press("+13055550103", "fourth", Purpose="sales", AccountNumber="A-1")
        assert blocked(refused) == ["attempts.us-fl"]
        other = await desk.press("+13055550103", "other", Purpose="sales", AccountNumber="A-2")
        assert dial_of(other)["state"] == "requested"


def agent(number: int) -> Caller:
    return a_caller(user_id=f"u-{number}", login_name=f"agent-{number}", extension=str(3000 + number))


def blocked(answer: Message) -> list[str]:
    return [rule["rule"] for rule in verdict_of(answer)["rules"] if rule["decision"] == "block"]


def listing(number: str) -> Record:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return Record(
        id="listing-1", tenant_id="t-north", number=number, content=Listing(), recorded_at=at, recorded_by="ann"
    )
