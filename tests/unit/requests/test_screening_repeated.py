"""What SetDNC and SetLocation write down when the same is said again."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from manualdial.law.records import Record, Residence
from manualdial.ports import Person
from tests.support.core import Core, Desk
from tests.support.people import ANN
from tests.unit.requests.test_screening import MIAMI, SET_LOCATION, blocking, in_a_call, set_dnc, verdict


async def written(core: Core, number: str = MIAMI) -> list[Record]:
    """What is on record about a number and was not withdrawn."""
    (found,) = await core.store.records(ANN.tenant_id, [Person(number=number)])
    return [each for each in found if each.withdrawn_at is None]


async def test_what_is_on_the_list_already_is_not_put_there_again(core: Core, desk: Desk) -> None:
    for scope in ({}, {"Scope": "campaign", "CampaignID": "spring"}, {"Scope": "campaign", "CampaignID": "autumn"}):
        for _ in range(3):
            await set_dnc(desk, Reason="asked", **scope)
    assert len(await written(core)) == 3
    await set_dnc(desk, AccountNumber="A")
    await set_dnc(desk)
    await set_dnc(desk, AccountNumber="A")
    accounts = [each.account_number for each in await written(core)]
    assert sorted(accounts, key=str) == ["A", None, None, None], "the account's other numbers were not on the list"


async def test_what_was_taken_off_the_list_can_be_put_there_again(core: Core, desk: Desk) -> None:
    await set_dnc(desk)
    (first,) = await written(core)
    await core.store.withdraw_records(ANN.tenant_id, [first.id], by="sue", at=core.clock.now())
    await set_dnc(desk)
    assert blocking(await verdict(desk)) == {"do-not-call.company"}


async def test_what_is_on_the_list_for_a_time_is_put_there_for_good(core: Core, desk: Desk) -> None:
    await set_dnc(desk)
    (first,) = await written(core)
    soon = core.clock.now() + timedelta(days=1)
    await core.store.withdraw_records(ANN.tenant_id, [first.id], by="sue", at=core.clock.now())
    await core.store.add_records([msgspec.structs.replace(first, id="for a day", until=soon)])
    await set_dnc(desk)
    assert {each.until for each in await written(core)} == {soon, None}


async def test_a_refusal_is_written_down_once_a_day_for_each_campaign(core: Core, desk: Desk) -> None:
    for _ in range(2):
        for campaign in ("spring", "autumn", "spring"):
            await set_dnc(desk, Scope="refusal", CampaignID=campaign)
        core.clock.move(24 * 3600)
    assert len(await written(core)) == 4


async def test_where_somebody_is_takes_the_place_of_what_was_stated_before(core: Core, desk: Desk) -> None:
    await desk.ask(SET_LOCATION, {"PhoneNumber": MIAMI, "Jurisdiction": "US-GA"})
    (told,) = await written(core)
    contact = msgspec.structs.replace(told, id="contact", until=None, content=Residence(zone="UTC", stated=True))
    await core.store.add_records([contact])
    await in_a_call(core, desk)
    for jurisdiction in ("US-HI", "US-NY", "US-NY"):
        core.clock.move(1)
        await desk.ask(SET_LOCATION, {"PhoneNumber": MIAMI, "Jurisdiction": jurisdiction})
    found = await written(core)
    assert {told.id, "contact"} < {each.id for each in found}
    (new,) = [each for each in found if each.id not in (told.id, "contact")]
    assert new.content == Residence(jurisdiction="US-NY", stated=True)


async def test_a_place_that_is_told_without_a_talk_again_is_there_once_and_takes_away_no_other(
    core: Core, desk: Desk
) -> None:
    for jurisdiction in ("US-NY", "US-CA", "US-NY", "US-CA"):
        core.clock.move(1)
        await desk.ask(SET_LOCATION, {"PhoneNumber": MIAMI, "Jurisdiction": jurisdiction})
    contents = {each.content for each in await written(core)}
    assert contents == {Residence(jurisdiction="US-NY"), Residence(jurisdiction="US-CA")}
    assert len(await written(core)) == 2
