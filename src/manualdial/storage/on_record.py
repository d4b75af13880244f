"""What is on record about some people, in one statement: it is on the way of every press."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from manualdial.ports import OnRecord
from manualdial.screening.attempts import Attempt
from manualdial.screening.records import AnyContent, Record
from manualdial.storage.attempts import ATTEMPTS_OF_PEOPLE, OVER, Question, for_each_database
from manualdial.storage.tables import TIMES, unescaped

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
"""The statement for each kind of database."""

_content: msgspec.json.Decoder[AnyContent] = msgspec.json.Decoder(AnyContent)

Read = Callable[[Any], Any]


def answers(dialect: str, rows: Iterable[Sequence[Any]], questions: Sequence[Question]) -> list[OnRecord]:
    """What the rows of the statement tell about each of the people."""
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
        OnRecord(
            records=tuple(sorted(of_person, key=lambda record: (record.recorded_at, record.id))),
            attempts=tuple(sorted(dials, key=lambda attempt: (attempt.at, attempt.call_id))),
        )
        for of_person, dials in zip(records, attempts, strict=True)
    ]


def _record(
    question: Question, time: Read, name: str, recorded_at: Any, recorded_by: str, withdrawn_by: str | None,
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
    is_over: bool, time: Read, call_id: str, at: Any, purpose: str, campaign_id: str | None,
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
