"""The contact history of people: the records about them and the attempts to reach them, in one statement.

It is on the way of every press: questions that come in the same moment are asked as one.
A row of `calls` is an attempt to reach a person where it has the person's number, whatever account it names; or names
the person's account, whatever number it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from manualdial.calls import Call, CallState
from manualdial.law.attempts import Attempt
from manualdial.law.records import AnyContent, Record
from manualdial.ports import AttemptsSeen, ContactHistory, Person, StoreUnavailable
from manualdial.storage.database import Database
from manualdial.storage.rows import DIALECTS, TEXT_PARAMETERS, TIME_PARAMETERS, TIMES, Convert, key, unescaped
from manualdial.tasks import Tasks

MAX_WAITING = 10_000

OVER = (CallState.WRAP_UP, CallState.ENDED)
"""States in which nothing can ring any more."""


# ── the people ────────────────────────────────────────────────────────────────────────────────────────────────────────


class HistoryQuestion(NamedTuple):
    """A question about one person of a tenant: attempts count from after `since`."""

    tenant_id: str
    person: Person
    since: datetime


# Two branches, because each has an index of its own; no row is in both. CROSS JOIN keeps SQLite from beginning with the
# calls.
ATTEMPTS_OF_PEOPLE = """
  FROM person CROSS JOIN calls
  WHERE calls.tenant_id = person.tenant AND calls.number_e164 = person.number AND calls.requested_at > person.since
""", """
  FROM person CROSS JOIN calls
  WHERE calls.tenant_id = person.tenant AND calls.account_key = person.account AND calls.requested_at > person.since
    AND calls.number_e164 <> person.number
"""  # fmt: skip

_PEOPLE_IN_JSON = """
WITH person(i, tenant, number, account, since) AS (
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]')
  FROM json_each(?)
)
"""
_PEOPLE_IN_ARRAYS = """
WITH person(i, tenant, number, account, since) AS NOT MATERIALIZED (
  SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
)
"""
# PostgreSQL takes three times the time for arrays: it plans the statement anew for their length.
_ONE_PERSON = """
WITH person(i, tenant, number, account, since) AS NOT MATERIALIZED (
  SELECT $1::integer, $2::text, $3::text, $4::text, $5::timestamptz
)
"""


class PeopleStatement:
    """A statement for one database that begins with the people who are asked about, as the table `person`."""

    def __init__(self, dialect: str, body: str) -> None:
        self._text, self._time = TEXT_PARAMETERS[dialect], TIME_PARAMETERS[dialect]
        self._is_sqlite = dialect == "sqlite"
        self._about_many = (_PEOPLE_IN_JSON if self._is_sqlite else _PEOPLE_IN_ARRAYS) + body
        self.about_one = _ONE_PERSON + body
        """The statement about one person, on PostgreSQL."""

    def about(self, questions: Sequence[HistoryQuestion]) -> tuple[str, tuple[Any, ...]]:
        """The statement about these people, and its parameters; `i` is the place of a question.

        Raises ValueError for a time without a zone.
        """
        text, time = self._text, self._time
        rows = [
            (place, text(tenant_id), text(person.number), _account_key(person), time(since))
            for place, (tenant_id, person, since) in enumerate(questions)
        ]
        if self._is_sqlite:
            return self._about_many, (msgspec.json.encode(rows).decode(),)
        if len(rows) == 1:
            return self.about_one, rows[0]
        return self._about_many, tuple(map(list, zip(*rows, strict=True)))


def _account_key(person: Person) -> str | None:
    return None if person.account_number is None else key(person.account_number)


def for_each_database(body: str) -> dict[str, PeopleStatement]:
    """The statement for each kind of database."""
    return {dialect.name: PeopleStatement(dialect.name, body) for dialect in DIALECTS}


# ── their attempts, counted ───────────────────────────────────────────────────────────────────────────────────────────

_COUNT = " UNION ALL ".join(
    f"SELECT person.i, count(*) AS n {branch} GROUP BY person.i" for branch in ATTEMPTS_OF_PEOPLE
)
_SUM = f"SELECT coalesce(sum(found.n), 0) FROM ({_COUNT}) AS found"  # noqa: S608  # all of it stands here
COUNTS = for_each_database(_COUNT)
"""How many attempts there were to reach each of the people, where there were any."""
SUM_OF_COUNTS = for_each_database(_SUM)
"""How many attempts there were to reach all of them together."""


def question_of(call: Call, expects: AttemptsSeen) -> HistoryQuestion:
    """The question that is asked again when the call is written."""
    return HistoryQuestion(call.tenant_id, expects.person, expects.since)


# ── all of it ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_RECORD, _RUNNING, _OVER = range(3)
_IS_OVER = ", ".join(f"'{state}'" for state in OVER)
_OF_CALL = f"""
SELECT person.i, CASE WHEN calls.state IN ({_IS_OVER}) THEN {_OVER} ELSE {_RUNNING} END, calls.id, calls.requested_at,
  calls.purpose, calls.campaign_id, calls.rang_at, calls.answered_at, NULL, NULL, NULL, NULL, NULL
"""
# As with the dials, two branches: each has an index of its own, and no row is in both.
_RECORDS = f"""
SELECT person.i, {_RECORD}, record.id, record.recorded_at, record.recorded_by, record.withdrawn_by, record.until,
  record.withdrawn_at, record.used_at, record.body, record.number, record.account_number, record.withdrawn_reason
  FROM person CROSS JOIN number_records AS record
  WHERE record.tenant_id = person.tenant
    AND (record.withdrawn_at IS NULL OR record.withdrawn_at > person.since)
    AND (record.until IS NULL OR record.until > person.since) AND
"""  # noqa: S608  # all of it stands here
_STATEMENT = f"""
{_RECORDS} record.number = person.number
UNION ALL
{_RECORDS} record.account_key = person.account AND record.number <> person.number
UNION ALL {" UNION ALL ".join(_OF_CALL + branch for branch in ATTEMPTS_OF_PEOPLE)}
"""

QUESTIONS = for_each_database(_STATEMENT)
"""The records about each of the people and the attempts to reach them."""

_content: msgspec.json.Decoder[AnyContent] = msgspec.json.Decoder(AnyContent)


def answers(dialect: str, rows: Iterable[Sequence[Any]], questions: Sequence[HistoryQuestion]) -> list[ContactHistory]:
    """The records and attempts of each of the people, by the rows of the statement."""
    time = TIMES[dialect]
    records: list[list[Record]] = [[] for _ in questions]
    attempts: list[list[Attempt]] = [[] for _ in questions]
    for place, kind, *columns in rows:
        if kind == _RECORD:
            record = _record(questions[place], time, *columns)
            if record.number == questions[place].person.number or record.content.of_the_person:
                records[place].append(record)
        else:
            attempts[place].append(_attempt(kind == _OVER, time, *columns))
    return [
        ContactHistory(
            records=tuple(sorted(of_person, key=lambda record: (record.recorded_at, record.id))),
            attempts=tuple(sorted(dials, key=lambda attempt: (attempt.at, attempt.call_id))),
        )
        for of_person, dials in zip(records, attempts, strict=True)
    ]


def _record(
    question: HistoryQuestion, time: Convert, name: str, recorded_at: Any, recorded_by: str, withdrawn_by: str | None,
    until: Any, withdrawn_at: Any, used_at: Any, body: bytes, number: str, account_number: str | None,
    withdrawn_reason: str | None,
) -> Record:  # fmt: skip
    return Record(
        id=unescaped(name),
        tenant_id=question.tenant_id,
        number=unescaped(number),
        account_number=None if account_number is None else unescaped(account_number),
        content=_content.decode(body),
        recorded_at=time(recorded_at),
        recorded_by=unescaped(recorded_by),
        until=time(until),
        withdrawn_at=time(withdrawn_at),
        withdrawn_by=None if withdrawn_by is None else unescaped(withdrawn_by),
        withdrawn_reason=None if withdrawn_reason is None else unescaped(withdrawn_reason),
        used_at=time(used_at),
    )


def _attempt(
    is_over: bool, time: Convert, call_id: str, at: Any, purpose: str, campaign_id: str | None,
    rang_at: Any, answered_at: Any, *_: None,
) -> Attempt:  # fmt: skip
    return Attempt(
        call_id=unescaped(call_id),
        at=time(at),
        purpose=unescaped(purpose),
        campaign_id=None if campaign_id is None else unescaped(campaign_id),
        is_over=is_over,
        rang=rang_at is not None,
        answered_at=time(answered_at),
    )


# ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Asked(NamedTuple):
    questions: Sequence[HistoryQuestion]
    answer: asyncio.Future[list[ContactHistory]]


class HistoryInquiries:
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

    async def contact_history(
        self, tenant_id: str, people: Sequence[Person], *, since: datetime
    ) -> Sequence[ContactHistory]:
        """The history of each of the people; attempts from after `since`. Raises StoreUnavailable."""
        if since.tzinfo is None:
            raise ValueError("a time without a zone is no moment")
        questions = [HistoryQuestion(tenant_id, person, since) for person in people]
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

    async def _in_parts(self, questions: Sequence[HistoryQuestion]) -> list[ContactHistory]:
        """So that a press that comes meanwhile does not wait for all of them."""
        found: list[ContactHistory] = []
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

    async def _ask(self, questions: Sequence[HistoryQuestion]) -> list[ContactHistory]:
        rows = await self._database.fetch(*self._statement.about(questions))
        return answers(self._database.dialect, rows, questions)


def _fail(asked: _Asked, reason: str) -> None:
    with suppress(asyncio.InvalidStateError):
        asked.answer.set_exception(StoreUnavailable(reason))
