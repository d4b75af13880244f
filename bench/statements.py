"""What the straight way to the driver saves: the rows of a press and its question, and the same by SQLAlchemy's Core.

Below the journal, one transaction after the other, in turns, so that both meet the same disk and the same machine.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import uvloop
from sqlalchemy import Connection

from bench.database import Database, on_all
from bench.table import Row, milliseconds, percentile
from manualdial.calls import requested
from manualdial.evidence import Draft, Head, Kind
from manualdial.ports import AttemptsSeen, Person
from manualdial.storage import database
from manualdial.storage.batch import BatchContent, NewPress, counting_locks, write_new
from manualdial.storage.chains import LINK_COLUMNS, link_values, sealed
from manualdial.storage.contact_history import COUNTS, QUESTIONS, HistoryQuestion, question_of
from manualdial.storage.rows import CALL_COLUMNS, CHANGE_COLUMNS, call_values, change_values
from manualdial.storage.tables import call_changes, calls, evidence, insert
from tests.support.calls import a_call, a_number

TIMES = 2000
WARM_UP = 200

Heads = Mapping[str, Head]


def measure() -> list[Row]:
    """Run it; the rows of the table. Without PostgreSQL one row says so."""
    return on_all(_run, what="statements of a press")


def _run(kind: Database) -> list[Row]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as on:
        return on.run(_measured(kind))


async def _measured(kind: Database) -> list[Row]:
    place = database.database(kind.new(), answer_timeout=5.0, migration_timeout=60.0)
    presses = map(_press, itertools.count())
    heads: Heads = {}

    async def write(work: Callable[[Connection, NewPress, Heads], Heads]) -> None:
        nonlocal heads
        press = next(presses)
        known = heads or {press.call.tenant_id: Head()}
        heads = await place.write(lambda connection: work(connection, press, known), locks=counting_locks([press]))

    async def ask(*, straight: bool) -> None:
        press = next(presses)
        person = Person(number=press.call.number.e164)
        question = HistoryQuestion(press.call.tenant_id, person, press.call.requested_at)
        statement, parameters = QUESTIONS[place.dialect].about([question])
        if straight:
            await place.fetch(statement, parameters)
        else:
            await place.read(lambda connection: connection.exec_driver_sql(statement, parameters).all())

    await place.open()
    try:
        return [
            await _row(f"rows of a press, committed, {kind.name}", partial(write, _straight), partial(write, _by_core)),
            await _row(f"question of a press, {kind.name}", partial(ask, straight=True), partial(ask, straight=False)),
        ]
    finally:
        await place.close()


async def _row(what: str, straight: Callable[[], Awaitable[None]], by_core: Callable[[], Awaitable[None]]) -> Row:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(TIMES):
        for way, spent in zip((straight, by_core), times, strict=True):
            began = time.perf_counter()
            await way()
            spent.append(time.perf_counter() - began)
    fast, slow = (percentile(spent[WARM_UP:], 0.5) for spent in times)
    return Row(
        what=f"{what}, p50",
        measured=milliseconds(fast),
        floor=f"{milliseconds(slow)} (by SQLAlchemy's Core)",
        ratio=f"{fast / slow:.2f} ×",
    )


def _straight(connection: Connection, press: NewPress, known: Heads) -> Heads:
    return write_new(connection, BatchContent(presses=[press]), known).heads


def _by_core(connection: Connection, press: NewPress, known: Heads) -> Heads:
    """The same statements and the same rows."""
    dialect, (call, draft, expects, _) = connection.dialect.name, press
    assert draft is not None
    assert expects is not None
    counting = COUNTS[dialect].about([question_of(call, expects)])
    assert not connection.exec_driver_sql(*counting).all()
    connection.execute(insert(calls, dialect), dict(zip(CALL_COLUMNS, call_values(call), strict=True)))
    line = dict(zip(CHANGE_COLUMNS, change_values(requested(call)), strict=True))
    connection.execute(insert(call_changes, dialect).on_conflict_do_nothing(), line)
    (link,) = sealed([draft], known)
    row = dict(zip(LINK_COLUMNS[:-2], link_values(link)[:-2], strict=True))
    connection.execute(insert(evidence, dialect), {**row, "seq": link.seq})
    return {link.tenant_id: Head(seq=link.seq, seal=link.seal)}


def _press(number: int) -> NewPress:
    """A press that is expected to be the first attempt to reach its number."""
    call = a_call(request_id=f"press-{number}", number=a_number(f"+1202555{number % 10_000:04}"))
    draft = Draft(
        tenant_id=call.tenant_id,
        kind=Kind.ATTEMPT,
        at=call.at,
        number=call.number.e164,
        call_id=call.id,
        content=call.verdict,
    )
    return NewPress(call, draft, AttemptsSeen(person=Person(number=call.number.e164), since=call.at, count=0))
