"""Questions about people that come in the same moment are asked as one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import msgspec

from manualdial.ports import OnRecord, Person, StoreUnavailable
from manualdial.storage.attempts import Question
from manualdial.storage.database import Database
from manualdial.storage.on_record import QUESTIONS, answers
from manualdial.tasks import Tasks

MAX_WAITING = 10_000


class _Asked(NamedTuple):
    questions: Sequence[Question]
    answer: asyncio.Future[list[OnRecord]]


class Inquiries:
    """Asks what is on record about people, through one task: while one question is asked, the next ones gather.

    About `together` people are asked about at once; a question about more goes in parts, beside those.
    """

    def __init__(self, database: Database, *, together: int) -> None:
        self._database = database
        self._together = together
        self._statement = QUESTIONS[database.dialect]
        self._waiting: list[_Asked] = []
        self._wake = asyncio.Event()
        self._asker: asyncio.Task[None] | None = None

    def start(self, tasks: Tasks) -> None:
        """Start asking. Where who owns the tasks ends it, those who wait are told so."""
        self._asker = tasks.keep(self._ask_for_ever(), name="the asker of what is on record")

    async def on_record(self, tenant_id: str, people: Sequence[Person], *, since: datetime) -> Sequence[OnRecord]:
        """What is on record about each of the people; attempts from after `since`. Raises StoreUnavailable."""
        if since.tzinfo is None:
            raise ValueError("a time without a zone is no moment")
        questions = [Question(tenant_id, person, since) for person in people]
        if not questions:
            return []
        if len(questions) > self._together:
            return await self._in_parts(questions)
        if self._asker is None or self._asker.done():
            raise StoreUnavailable("the store is closed")
        if len(self._waiting) >= MAX_WAITING:
            raise StoreUnavailable("too many questions wait for the database")
        asked = _Asked(questions, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        self._wake.set()
        return await asked.answer

    async def _in_parts(self, questions: Sequence[Question]) -> list[OnRecord]:
        """So that a press that comes meanwhile does not wait for all of them."""
        found: list[OnRecord] = []
        try:
            for start in range(0, len(questions), self._together):
                found += await self._ask(questions[start : start + self._together])
        except msgspec.MsgspecError:
            raise StoreUnavailable("a record about one of the numbers cannot be read") from None
        return found

    async def _ask_for_ever(self) -> None:
        together: list[_Asked] = []
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while together := self._take():
                    await self._answer(together)
        finally:
            for asked in (*together, *self._waiting):
                _fail(asked, "the store is closed")

    def _take(self) -> list[_Asked]:
        """Those that waited longest, as far as they go together."""
        self._waiting = [asked for asked in self._waiting if not asked.answer.done()]
        people = taken = 0
        for asked in self._waiting:
            people += len(asked.questions)
            if taken and people > self._together:
                break
            taken += 1
        together, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return together

    async def _answer(self, together: Sequence[_Asked]) -> None:
        try:
            found = iter(await self._ask([question for asked in together for question in asked.questions]))
        except StoreUnavailable as fault:
            for asked in together:
                _fail(asked, str(fault))
            return
        except msgspec.MsgspecError:
            # A record that another version wrote. It holds up nobody but those who ask for it.
            for asked in together:
                if len(together) > 1:
                    await self._answer([asked])
                else:
                    _fail(asked, "a record about the number cannot be read")
            return
        for asked in together:
            answer = [next(found) for _ in asked.questions]
            if not asked.answer.done():
                asked.answer.set_result(answer)

    async def _ask(self, questions: Sequence[Question]) -> list[OnRecord]:
        rows = await self._database.fetch(*self._statement.about(questions))
        return answers(self._database.dialect, rows, questions)


def _fail(asked: _Asked, reason: str) -> None:
    with suppress(asyncio.InvalidStateError):
        asked.answer.set_exception(StoreUnavailable(reason))
