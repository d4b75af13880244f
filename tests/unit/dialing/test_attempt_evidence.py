"""attempt_evidence: the bytes that are sealed. They are pinned, so that another name on the wire changes no chain."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from manualdial.callers import Role
from manualdial.dialing.attempt_evidence import evidence_of
from manualdial.dialing.press import Press
from manualdial.law.facts import STRICTEST, ScreeningSettings
from manualdial.law.holiday_sets import HolidaySets
from manualdial.law.policies import Policies
from manualdial.law.records import Consent, ConsentForm, Listing, Record
from manualdial.law.rule import ConsentDuty, Days, Hours, Policy, Rule, Trust
from manualdial.requests.dial import press_of
from manualdial.requests.request import Request
from manualdial.screening.screener import Closures, Screened, Screener
from manualdial.screening.tenants import Seller, TenantSettings
from manualdial.wire.envelope import Address, read
from manualdial.wire.messages.dial import Dial
from tests.support.calls import a_call
from tests.support.held_registries import HeldRegistries
from tests.support.memory_store import MemoryStore
from tests.support.moved_clock import MovedClock
from tests.support.people import a_caller, a_session
from tests.support.recording_connection import RecordingConnection
from tests.support.screening import FLORIDA, TUESDAY_NOON_IN_NEW_YORK, a_record

NOON, NIGHT = TUESDAY_NOON_IN_NEW_YORK, datetime(2026, 3, 11, 3, 30, 0, 250_000, tzinfo=UTC)
BOSS = a_caller(roles=frozenset({Role.SUPERVISOR, Role.AGENT}))
SETTINGS = TenantSettings(
    caller_ids=frozenset({"+12025550199"}),
    screening=ScreeningSettings(overridable={"calling-hours": frozenset({Role.SUPERVISOR, Role.ADMIN})}),
    seller=Seller(telemarketer="Callers", seller="Böhm & Co", goods="tea", script="script 7"),
)
CONSENT = a_record(Consent(form=ConsentForm.WRITTEN, given_at=datetime(2026, 1, 5, 12, tzinfo=UTC), proof="form 8"))
LISTED = a_record(Listing(reason="asked in the call"), id="record-2", until=datetime(2026, 3, 20, tzinfo=UTC))
WISH = {"rule": "Calling-Hours", "reason": "asked to be called tonight"}

PINNED = Path(__file__).with_name("pinned_evidence")
"""The evidence as chains have it, without the versions of the software. These files are never written anew."""


def policies() -> Policies:
    """Two rules of Florida that no change of the law changes."""

    def rule(name: str, law: str, **kind: Any) -> Rule:
        return Rule(
            rule=name,
            jurisdiction="US-FL",
            law=law,
            source="https://law.example/",
            read_in=["the statute"],
            as_of="2026",
            trust=Trust.PRIMARY,
            purposes=list(SETTINGS.purposes),
            **kind,
        )

    hours = rule("calling-hours.us-fl", "Fla. Stat. § 1", hours=Hours(days=Days(every_day=["08:00-20:00"])))
    consent = rule("consent-required.us-fl", "Fla. Stat. § 2", consent=ConsentDuty())
    florida = Policy(jurisdiction="US-FL", title="Florida", rules=[hours, consent])
    return Policies([florida], HolidaySets({}), version="2026-03-01.pinned")


def a_press(data: dict[str, Any], *, request_id: str | None) -> Press:
    address = Address("LCM", "Webservice", "ManualDialCall")
    connection = RecordingConnection(caller=BOSS)
    request = Request(address=address, request_id=request_id, key=request_id, connection=connection, caller=BOSS)
    session = a_session(BOSS, extension="+12025550111", name="Ann Smith")
    return press_of(request, read(data, Dial), session=session, settings=SETTINGS, clock=MovedClock())


async def screened(press: Press, at: datetime, *records: Record) -> Screened:
    store, clock = MemoryStore(), MovedClock(at)
    await store.add_records(records)
    closures = Closures(store=store, clock=clock, interval=1, stale_after=10)
    await closures.load()
    screener = Screener(
        store=store,
        registries=HeldRegistries(),
        closures=closures,
        policies=policies(),
        no_place=STRICTEST,
        store_timeout=1,
    )
    question = msgspec.structs.replace(press.question, at=at, placing=True, lead_seconds=30)
    return await screener.screen(question)


CASES: dict[str, tuple[dict[str, Any], str | None, datetime, list[Record]]] = {
    "allowed": (
        {
            "PhoneNumber": "(305) 555-0100 ext. 7",
            "CampaignID": " spring ",
            "AccountNumber": 7,
            "ZipCode": 501,
            "Entry": "typed",
            "Purpose": "sales",
            "CallerID": "+12025550199",
        },
        "press-1",
        NOON,
        [CONSENT],
    ),
    "refused": ({"PhoneNumber": FLORIDA}, None, NOON, [LISTED]),
    "refused-for-the-night": ({"PhoneNumber": FLORIDA}, "press-2", NIGHT, [CONSENT]),
    "overridden": ({"PhoneNumber": FLORIDA, "Overrides": [WISH]}, "press-3", NIGHT, [CONSENT]),
}


@pytest.mark.parametrize("case", CASES)
async def test_the_bytes_that_are_sealed_and_the_stored_verdict_are_what_they_were(case: str) -> None:
    data, request_id, at, records = CASES[case]
    press = a_press(data, request_id=request_id)
    judged = await screened(press, at, *records)
    pinned = (PINNED / f"{case}.json").read_bytes().strip()
    for call in (None, a_call(verdict=judged.verdict.encode())):
        draft = evidence_of(press, judged, call=call, engine="Simulator", at=at)
        content, _, software = draft.content.partition(b',"software":')
        assert content == pinned
        assert list(msgspec.json.decode(software[:-1])) == ["service", "timeZones", "numberingPlan", "holidays"]
    assert b'"verdict":' + judged.verdict.encode() + b',"judgedAt":' in pinned
