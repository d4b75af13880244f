"""How questions about people are gathered, on a SQLite file and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from manualdial.ports import ContactHistory, Person, StoreUnavailable
from manualdial.storage.batch import BatchContent, NewPress, write_batch
from manualdial.storage.contact_history import HistoryInquiries
from manualdial.storage.database import Database
from manualdial.storage.tables import number_records
from manualdial.tasks import Tasks
from tests.contract.chains import LONG_AGO
from tests.contract.stores import LIMIT, NOON, a_call, opened
from tests.support.calls import a_number

NUMBERS = [f"+1202555{number:04d}" for number in range(50)]


class WatchedQuestions:
    """A database that counts the questions, and answers when it is told to."""

    def __init__(self, place: Database) -> None:
        self._place = place
        self.asked: list[int] = []
        """How many parameters each question had, in characters."""
        self.fault: BaseException | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.dialect = place.dialect
        self.open, self.close, self.write, self.read = place.open, place.close, place.write, place.read

    async def fetch(self, statement: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        self.asked.append(len(str(parameters)))
        await self.go_on.wait()
        if self.fault is not None:
            raise self.fault
        return await self._place.fetch(statement, parameters)


@asynccontextmanager
async def asking(url: str, *, together: int = 200) -> AsyncIterator[tuple[HistoryInquiries, WatchedQuestions]]:
    """Inquiries over a new database with a call to each number."""
    async with opened(url) as place:
        calls = [NewPress(a_call(number=a_number(number))) for number in NUMBERS]
        await place.write(partial(write_batch, content=BatchContent(presses=calls)))
        watched = WatchedQuestions(place)
        asked = HistoryInquiries(watched, together=together)
        tasks = Tasks()
        asked.start(tasks)
        try:
            yield asked, watched
        finally:
            await tasks.close()


async def about(asked: HistoryInquiries, *numbers: str) -> Sequence[ContactHistory]:
    return await asked.contact_history("north", [Person(number=number) for number in numbers], since=LONG_AGO)


async def test_questions_that_come_while_one_is_asked_are_asked_as_one(url: str) -> None:
    async with asking(url) as (asked, watched), asyncio.timeout(LIMIT):
        watched.go_on.clear()
        first = asyncio.create_task(about(asked, NUMBERS[0]))
        while not watched.asked:  # noqa: ASYNC110  # turns of the loop, not time
            await asyncio.sleep(0)
        rest = [asyncio.create_task(about(asked, number)) for number in NUMBERS[1:]]
        await asyncio.sleep(0)
        watched.go_on.set()
        found = await asyncio.gather(first, *rest)
        assert [len(answer[0].attempts) for answer in found] == [1] * 50
        assert len(watched.asked) == 2


async def test_a_long_question_goes_in_parts_and_no_press_waits_for_all_of_it(url: str) -> None:
    async with asking(url, together=10) as (asked, watched):
        found = await about(asked, *NUMBERS)
        assert [len(each.attempts) for each in found] == [1] * 50
        assert len(watched.asked) == 5
        # Those that come together are not more than that either.
        await asyncio.gather(*(about(asked, *NUMBERS[:4]) for _ in range(6)))
        assert len(watched.asked) == 8


async def test_a_fault_is_told_to_all_who_asked_and_to_nobody_later(url: str) -> None:
    async with asking(url) as (asked, watched):
        watched.fault = StoreUnavailable("as told")
        outcomes = await asyncio.gather(*(about(asked, number) for number in NUMBERS), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
        watched.fault = None
        assert len(await about(asked, NUMBERS[0])) == 1


async def test_a_record_that_cannot_be_read_fails_only_those_who_ask_for_it(url: str) -> None:
    row = {
        "id": "1",
        "tenant_id": "north",
        "number": NUMBERS[7],
        "kind": "later",
        "body": b'{"kind":"later"}',
        "recorded_at": NOON,
        "recorded_by": "ada",
    }

    def write(connection: Connection) -> None:
        connection.execute(insert(number_records), row).close()

    async with asking(url) as (asked, watched):
        await watched.write(write)
        outcomes = await asyncio.gather(*(about(asked, number) for number in NUMBERS), return_exceptions=True)
        assert [place for place, outcome in enumerate(outcomes) if isinstance(outcome, StoreUnavailable)] == [7]
        with pytest.raises(StoreUnavailable):
            await about(asked, *NUMBERS * 5)


async def test_a_moment_without_a_zone_is_refused_to_who_asks(url: str) -> None:
    async with asking(url) as (asked, _):
        naive = datetime(2031, 1, 1)  # noqa: DTZ001  # that is what is wrong
        with pytest.raises(ValueError, match="zone"):
            await asked.contact_history("north", [Person(number=NUMBERS[0])], since=naive)
        assert await asked.contact_history("north", [], since=NOON) == []


async def test_whoever_asks_when_the_end_comes_is_told_so(url: str) -> None:
    async with asyncio.timeout(LIMIT), asking(url) as (asked, watched):
        watched.go_on.clear()
        waiting = [asyncio.create_task(about(asked, number)) for number in NUMBERS]
        while not watched.asked:  # noqa: ASYNC110  # turns of the loop, not time
            await asyncio.sleep(0)
        waiting.append(asyncio.create_task(about(asked, NUMBERS[0])))
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
    with pytest.raises(StoreUnavailable):
        await about(asked, NUMBERS[0])
