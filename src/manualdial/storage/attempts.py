"""Attempts: how the earlier dials to some people are found, and counted again when a press is written.

A row of `calls` is an attempt to reach a person where it has the person's number, whatever account it names; or names
the person's account, whatever number it has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import URL, Connection, Dialect

from manualdial.calls import Call, CallState
from manualdial.ports import AttemptsSeen, Person
from manualdial.storage.driver import fetch
from manualdial.storage.locks import person_locks
from manualdial.storage.rows import key
from manualdial.storage.tables import AnyText, UtcTime


class Question(NamedTuple):
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

_COUNT = " UNION ALL ".join(
    f"SELECT person.i, count(*) AS n {branch} GROUP BY person.i" for branch in ATTEMPTS_OF_PEOPLE
)
_SUM = f"SELECT coalesce(sum(found.n), 0) FROM ({_COUNT}) AS found"  # noqa: S608  # all of it stands here


class PeopleStatement:
    """A statement for one database that begins with the people who are asked about, as the table `person`."""

    def __init__(self, dialect: Dialect, body: str) -> None:
        self._text = _bind_of(AnyText(), dialect)
        self._time = _bind_of(UtcTime(), dialect)
        self._is_sqlite = dialect.name == "sqlite"
        self._about_many = (_PEOPLE_IN_JSON if self._is_sqlite else _PEOPLE_IN_ARRAYS) + body
        self.about_one = _ONE_PERSON + body
        """The statement about one person, on PostgreSQL."""

    def about(self, questions: Sequence[Question]) -> tuple[str, tuple[Any, ...]]:
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


def _account_key(person: Person) -> str | None:
    return None if person.account_number is None else key(person.account_number)


def _bind_of(kind: AnyText | UtcTime, dialect: Dialect) -> Callable[[Any], Any]:
    bind = kind.dialect_impl(dialect).bind_processor(dialect)
    return bind or (lambda value: value)


def for_each_database(body: str) -> dict[str, PeopleStatement]:
    """The statement for each kind of database."""
    dialects = (URL.create(driver).get_dialect()() for driver in ("sqlite", "postgresql+asyncpg"))
    return {dialect.name: PeopleStatement(dialect, body) for dialect in dialects}


_COUNTING = for_each_database(_COUNT)
SUM_OF_COUNTS = for_each_database(_SUM)
"""How many attempts there were to reach all people together who are asked about."""


def question_of(call: Call, expects: AttemptsSeen) -> Question:
    """What is asked again when the call is written."""
    return Question(call.tenant_id, expects.person, expects.since)


def counting_locks(presses: Iterable[tuple[Call, AttemptsSeen | None]]) -> list[int]:
    """The locks of the people who are expected to have so many attempts: two processes must not count at one time."""
    return [
        lock
        for call, expects in presses
        if expects is not None
        for lock in person_locks(call.tenant_id, expects.person)
    ]


class Expectations:
    """Whether presses find the attempts that they expect, one after the other: who is accepted counts for the next.

    Built where they are to be written, in a transaction that has the locks of `counting_locks`.
    """

    def __init__(self, connection: Connection, presses: Iterable[tuple[Call, AttemptsSeen | None]]) -> None:
        expecting = [(call, expects) for call, expects in presses if expects is not None]
        self._counts: dict[Question, int] = {}
        self._accepted: defaultdict[tuple[str, str, str], list[Call]] = defaultdict(list)
        if expecting:
            self._counts = _count(connection, expecting)

    def holds(self, call: Call, expects: AttemptsSeen | None) -> bool:
        """Whether there are so many attempts; then this call is one more."""
        if expects is not None:
            question = question_of(call, expects)
            if self._counts[question] + self._newly_accepted(question) != expects.count:
                return False
        if self._counts:
            for name in _names(call.tenant_id, Person(number=call.number.e164, account_number=call.account_number)):
                self._accepted[name].append(call)
        return True

    def _newly_accepted(self, question: Question) -> int:
        near = {call.id: call for name in _names(question.tenant_id, question.person) for call in self._accepted[name]}
        return sum(is_attempt(call, question) for call in near.values())


def is_attempt(call: Call, question: Question) -> bool:
    """Whether a call is an attempt to reach the person."""
    person = question.person
    if call.tenant_id != question.tenant_id or call.requested_at <= question.since:
        return False
    if call.number.e164 == person.number:
        return True
    return person.account_number is not None and call.account_number == person.account_number


OVER = (CallState.WRAP_UP, CallState.ENDED)
"""States in which nothing can ring any more."""


def _count(connection: Connection, expecting: Sequence[tuple[Call, AttemptsSeen]]) -> dict[Question, int]:
    questions = list({question_of(call, expects) for call, expects in expecting})
    counting = _COUNTING[connection.dialect.name]
    counts = dict.fromkeys(questions, 0)
    for place, count in fetch(connection, *counting.about(questions)):
        counts[questions[place]] += count
    return counts


def _names(tenant_id: str, person: Person) -> list[tuple[str, str, str]]:
    names = [(tenant_id, "number", person.number)]
    if person.account_number is not None:
        names.append((tenant_id, "account", person.account_number))
    return names
