"""screener: gathers the facts, and what it cannot learn blocks (contract §5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from manualdial import numbers
from manualdial.law import Purpose
from manualdial.law.closure import Closure
from manualdial.law.facts import REFUSE, STRICTEST
from manualdial.law.records import AnyContent, Business, Listing, Residence
from manualdial.places.place import PlaceSource
from manualdial.ports import ContactHistory, Person, StoreUnavailable
from manualdial.screening.screener import Closures, Question, Screened, Screener
from tests.support.core import shipped_policies
from tests.support.held_registries import HeldRegistries
from tests.support.memory_store import MemoryStore
from tests.support.moved_clock import MovedClock
from tests.support.screening import FLORIDA, TUESDAY_NOON_IN_NEW_YORK, UNBOUND, WASHINGTON_DC, a_record
from tests.support.waiting import running, until


class Asked(MemoryStore):
    """A store that remembers from when on it was asked for dials."""

    def __init__(self) -> None:
        super().__init__()
        self.sinces: list[datetime] = []

    async def contact_history(
        self, tenant_id: str, people: Sequence[Person], *, attempts_since: datetime
    ) -> Sequence[ContactHistory]:
        self.sinces.append(attempts_since)
        return await super().contact_history(tenant_id, people, attempts_since=attempts_since)


class World:
    """A screener with all that it asks."""

    def __init__(self, *, no_place: str = STRICTEST) -> None:
        self.store, self.registries, self.clock = Asked(), HeldRegistries(), MovedClock(TUESDAY_NOON_IN_NEW_YORK)
        self.closures = Closures(store=self.store, clock=self.clock, interval=0.01, stale_after=10)
        self.screener = Screener(
            store=self.store,
            registries=self.registries,
            closures=self.closures,
            policies=shipped_policies(),
            no_place=no_place,
            store_timeout=1,
        )

    async def screen(self, number: str = FLORIDA, **more: Any) -> Screened:
        await self.closures.load()
        return await self.screener.screen(self.question(number, **more))

    def question(self, number: str = FLORIDA, **more: Any) -> Question:
        given: dict[str, Any] = {"purpose": Purpose.SALES, "at": self.clock.now(), "settings": UNBOUND} | more
        return Question(tenant_id="t-north", number=numbers.parse(number, region="US"), **given)

    async def record(self, content: AnyContent, number: str = FLORIDA, id: str = "r") -> None:
        await self.store.add_records([a_record(content, id=id, number=number)])


def blocked(screened: Screened) -> list[str]:
    return [rule.rule for rule in screened.verdict.rules if rule.decision == "block"]


async def test_the_best_source_says_where_the_person_is() -> None:
    world = World()
    assert (await world.screen()).facts.located.source is PlaceSource.NUMBER
    await world.record(Residence(jurisdiction="US-WA"), id="kept")
    assert (await world.screen()).facts.located.source is PlaceSource.CONTACT
    assert (await world.screen(zip_code="96813")).facts.located.source is PlaceSource.ZIP_CODE
    await world.record(Residence(zone="America/Denver", stated=True), id="stated")
    stated = await world.screen(zip_code="96813")
    assert stated.facts.located.source is PlaceSource.STATED
    assert {zone for place in stated.facts.located.places for zone in place.zones} == {"America/Denver"}


async def test_a_zip_code_that_nobody_knows_is_as_none() -> None:
    assert (await World().screen(zip_code="00000")).facts.located.source is PlaceSource.NUMBER


@pytest.mark.parametrize(
    ("no_place", "jurisdictions"),
    [(STRICTEST, {"US-FL", "US-RI", "CA-ON"}), (REFUSE, set()), ("US-NY", {"US-NY"})],
)
async def test_a_number_without_a_place_is_where_the_operator_says(no_place: str, jurisdictions: set[str]) -> None:
    screened = await World(no_place=no_place).screen("+18002530000", purpose=Purpose.SERVICE)
    found = {place.jurisdiction for place in screened.facts.located.places}
    assert jurisdictions <= found
    assert bool(found) == bool(jurisdictions)
    assert screened.verdict.decision == ("allow" if jurisdictions else "block")


async def test_only_as_many_dials_are_asked_for_as_some_rule_counts() -> None:
    world = World()
    await world.screen(purpose=Purpose.SERVICE)
    await world.screen("+12125550100")
    assert world.store.sinces == [world.clock.now(), world.clock.now()]
    await world.screen(FLORIDA)
    assert world.store.sinces[-1] <= world.clock.now() - timedelta(hours=24)


async def test_where_records_put_the_person_under_another_law_its_longer_count_is_asked_for() -> None:
    world = World()
    await world.record(Residence(jurisdiction="FR"))
    screened = await world.screen(FLORIDA)
    assert len(world.store.sinces) == 2
    assert world.store.sinces[-1] <= world.clock.now() - timedelta(days=30)
    assert screened.attempts_seen is not None
    assert screened.attempts_seen.since == world.store.sinces[-1]


async def test_what_no_rule_counts_is_not_counted_again() -> None:
    assert (await World().screen(purpose=Purpose.SERVICE)).attempts_seen is None
    assert (await World().screen(FLORIDA)).attempts_seen is not None


async def test_a_database_that_is_away_or_slow_blocks() -> None:
    world = World()
    await world.closures.load()
    world.store.unavailable = True
    screened = await world.screener.screen(world.question(purpose=Purpose.SERVICE))
    assert blocked(screened) == ["screening-unavailable"]
    assert screened.facts.missing == ("what is on record about the number",)


async def test_closures_that_were_not_asked_for_lately_block() -> None:
    world = World()
    unknown = await world.screener.screen(world.question(purpose=Purpose.SERVICE))
    assert blocked(unknown) == ["screening-unavailable"]
    assert (await world.screen(purpose=Purpose.SERVICE)).verdict.decision == "allow"
    world.clock.move(11)
    stale = await world.screener.screen(world.question(purpose=Purpose.SERVICE))
    assert stale.facts.missing == ("which jurisdictions are closed",)


async def test_a_closure_of_another_tenant_does_not_count_and_one_of_all_does() -> None:
    world = World()
    begins = datetime(2026, 3, 1, tzinfo=UTC)
    await world.store.add_closure(Closure(id="south", tenant_id="t-south", jurisdiction="US", begins=begins, ends=None))
    assert (await world.screen()).verdict.decision == "allow"
    await world.store.add_closure(Closure(id="all", tenant_id=None, jurisdiction="US", begins=begins, ends=None))
    assert blocked(await world.screen()) == ["closure.us"]


async def test_a_registry_is_looked_into_only_where_the_tenant_must_ask_it() -> None:
    world = World()
    world.registries.damaged.add("us-national")
    assert (await world.screen(WASHINGTON_DC)).verdict.decision == "allow"


async def test_many_are_judged_in_one_question_to_the_database() -> None:
    world = World()
    await world.closures.load()
    questions = [world.question(f"+1305555{number:04}") for number in range(100, 160)]
    screened = await world.screener.screen_all(questions)
    assert [one.facts.number.e164 for one in screened] == [one.number.e164 for one in questions]
    assert len(world.store.sinces) == 1


@pytest.mark.parametrize(("stated_until", "opens"), [("12:01", "12:00"), ("12:00", "15:00"), ("11:59", "15:00")])
async def test_the_next_permitted_time_is_one_without_a_place_that_was_stated_until_then(
    stated_until: str, opens: str
) -> None:
    """8 in the morning is 12:00 in New York, where the person was, and 15:00 in Los Angeles, where the number is."""
    world, los_angeles = World(), "+12135550100"
    at, until, permitted = (datetime.fromisoformat(f"2026-03-11T{time}Z") for time in ("01:30", stated_until, opens))
    said = Residence(jurisdiction="US-NY", stated=True)
    await world.store.add_records([a_record(said, number=los_angeles, until=until)])
    told = (await world.screen(los_angeles, at=at)).verdict.next_permitted_at
    assert told == permitted
    assert (await world.screen(los_angeles, at=permitted)).verdict.decision == "allow"
    assert blocked(await world.screen(los_angeles, at=permitted - timedelta(seconds=1)))


async def test_the_next_permitted_time_is_one_for_a_consumer_once_the_record_of_a_business_has_ended() -> None:
    world, dallas = World(), "+12145550100"
    at = datetime(2026, 3, 11, 3, 0, tzinfo=UTC)  # 22:00 in Dallas
    closed = Closure(
        id="c", tenant_id=None, jurisdiction="US-TX", begins=at - timedelta(hours=1), ends=at + timedelta(hours=2)
    )
    await world.store.add_closure(closed)
    record = a_record(Business(source="register"), number=dallas, until=at + timedelta(hours=1))
    await world.store.add_records([record])
    told = (await world.screen(dallas, at=at)).verdict.next_permitted_at
    assert told == datetime(2026, 3, 11, 14, 0, tzinfo=UTC), "9:00, as for a consumer"


async def test_a_listing_that_ends_is_over_at_the_next_permitted_time() -> None:
    for lasts, told in ((timedelta(hours=2), True), (timedelta(days=401), False)):
        world = World()
        ends = world.clock.now() + lasts
        await world.store.add_records([a_record(Listing(), until=ends)])
        verdict = (await world.screen(purpose=Purpose.SERVICE)).verdict
        assert verdict.next_permitted_at == (ends if told else None)
        assert (await world.screen(purpose=Purpose.SERVICE, at=ends)).verdict.decision == "allow"


async def test_closures_that_cannot_be_asked_for_are_asked_for_again() -> None:
    world = World()
    world.store.unavailable = True
    with pytest.raises(StoreUnavailable):
        await world.closures.load()
    assert world.closures.current("t-north") is None
    world.store.unavailable = False
    await world.closures.load()
    assert world.closures.current("t-north") == []


async def test_a_round_that_fails_in_an_unforeseen_way_does_not_end_the_rounds_after_it() -> None:
    class Odd(Asked):
        """Its first answer is none that anybody expects."""

        rounds = 0

        async def closures(self, *, ending_after: datetime) -> Sequence[Closure]:
            self.rounds += 1
            if self.rounds == 1:
                raise ValueError("a row that cannot be read")
            return await super().closures(ending_after=ending_after)

    store = Odd()
    closures = Closures(store=store, clock=MovedClock(), interval=0.001, stale_after=10)
    async with running(closures.run()):
        await until(lambda: closures.current("t-north") is not None)
