"""What a verdict costs with all rules on and a registry of full size held: in the process, over the wire, many at once.

The copy of the registry is the one that `bench.registry` makes, once a run.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from bench import checks, registry, screened_press
from bench.called_numbers import TOLL_FREE, numbers_called
from bench.database import Database, databases
from bench.table import Row, milliseconds, percentile
from manualdial import numbers
from manualdial.calls import Call
from manualdial.clock import SystemClock
from manualdial.law import Purpose
from manualdial.law.facts import Facts, ScreeningSettings
from manualdial.law.judge import judge
from manualdial.law.policies import Policies, load
from manualdial.law.records import Consent, ConsentForm, Line, LineType, Record
from manualdial.registries import HeldCopies
from manualdial.screening.screener import Closures, Question, Screener
from manualdial.storage.store import SqlStore

VERDICTS = 2000
NUMBERS_ON_RECORD = 50_000
"""Of so many numbers the database has something on record; the judged ones are among them."""
STORE_TIMEOUT = 5.0
_RECORDS_AT_ONCE = 5000
TENANT = str(uuid.uuid4())
SETTINGS = ScreeningSettings(registrations=frozenset({"*"}))


def measure() -> list[Row]:
    """Run it; the rows of the table. Without PostgreSQL one row says so."""
    made = registry.made(registry.FULL)
    held = f"{made.numbers / 1e6:.0f} million numbers in the registry"
    rows: list[Row] = []
    with databases() as (found, missing), asyncio.Runner(loop_factory=uvloop.new_event_loop) as on:
        for database in found:
            rows += on.run(_in_process(database, made.held, held))
        for database in found:
            rows += screened_press.measure(database, made.held)
            rows += checks.measure(database, made.held)
    if missing:
        rows.append(Row(what="screening, PostgreSQL", measured=f"not measured: {missing}"))
    return rows


async def _in_process(database: Database, held: Path, many: str) -> list[Row]:
    policies, called = load(), numbers_called(VERDICTS)
    async with SqlStore(database.new(), flush_timeout=1.0) as store:
        await _put_on_record(store, [*called, *numbers_called(NUMBERS_ON_RECORD - VERDICTS, seed=6)])
        await asyncio.gather(*(store.record_press(_call(number, name)) for name, number in enumerate(called[::4])))
        closures = Closures(store=store, clock=SystemClock(), interval=1.0, stale_after=3600.0)
        await closures.load()
        screener = Screener(
            store=store,
            registries=HeldCopies(held),
            closures=closures,
            policies=policies,
            no_place="strictest",
            store_timeout=STORE_TIMEOUT,
        )
        rows = []
        for name, these in (("", called), (", toll-free (every jurisdiction of +1)", [TOLL_FREE] * (VERDICTS // 10))):
            questions = [_question(number, place) for place, number in enumerate(these)]
            whole, bare, facts = await _times(screener, store, questions)
            if database.name == "SQLite":  # the rules alone ask no database
                rows.append(_row(f"verdict in the process, all rules, facts at hand{name}", _judged(facts, policies)))
            rows.append(
                _row(f"verdict in the process, all rules, {many}, facts from {database.name}{name}", whole, bare)
            )
        return rows


async def _put_on_record(store: SqlStore, called: Sequence[str]) -> None:
    """The kind of line for every second number, and a consent for every third."""
    now = datetime.now(UTC)
    consent = Consent(form=ConsentForm.WRITTEN, given_at=now - timedelta(days=30), given_by="a person")
    for start in range(0, len(called), _RECORDS_AT_ONCE):
        await store.add_records(
            [
                Record(
                    id=str(uuid.uuid4()),
                    tenant_id=TENANT,
                    number=number,
                    content=content,
                    recorded_at=now,
                    recorded_by="import",
                )
                for place, number in enumerate(called[start : start + _RECORDS_AT_ONCE])
                for every, content in ((2, Line(type=LineType.FIXED, source="a carrier")), (3, consent))
                if place % every == 0
            ]
        )


def _call(number: str, name: int) -> Call:
    """A call of an hour ago that counts as an attempt."""
    at = _noon() - timedelta(hours=1)
    return Call(
        id=str(uuid.uuid4()),
        tenant_id=TENANT,
        agent_id=f"agent {name}",
        connector="Amazon",
        engine="Simulator",
        extension="2001",
        number=numbers.parse(number, region="US"),
        purpose=Purpose.SALES,
        requested_at=at,
        at=at,
    )


def _question(number: str, place: int) -> Question:
    """Half of them are asked about noon in New York, half about midnight: those look for the next permitted time."""
    return Question(
        tenant_id=TENANT,
        number=numbers.parse(number, region="US"),
        purpose=Purpose.SALES,
        at=_noon() + timedelta(hours=12 * (place % 2), milliseconds=place),
        settings=SETTINGS,
    )


def _noon() -> datetime:
    """A working day to come, in each week the same; the copy of the registry is still young then."""
    today = datetime.now(UTC).replace(hour=17, minute=0, second=0, microsecond=0)
    return today + timedelta(days=(2 - today.weekday()) % 7)


async def _times(
    screener: Screener, store: SqlStore, questions: Sequence[Question]
) -> tuple[list[float], list[float], list[Facts]]:
    """The seconds of each verdict, and of the database's answer alone; the facts that each verdict stood on."""
    for question in questions[: len(questions) // 10]:
        await screener.screen(question)
    whole, bare, facts = [], [], []
    for question in questions:
        began = time.perf_counter()
        screened = await screener.screen(question)
        whole.append(time.perf_counter() - began)
        facts.append(screened.facts)
        began = time.perf_counter()
        await store.contact_history(TENANT, [question.person], attempts_since=question.at - timedelta(days=1))
        bare.append(time.perf_counter() - began)
    return whole, bare, facts


def _judged(facts: Sequence[Facts], policies: Policies) -> list[float]:
    times = []
    for one in facts:
        began = time.perf_counter()
        judge(one, policies)
        times.append(time.perf_counter() - began)
    return times


def _row(what: str, times: Sequence[float], bare: Sequence[float] = ()) -> Row:
    return Row(
        what=f"{what}: p50 / p99",
        measured=_both(times),
        floor=f"{_both(bare)} (the database's answer alone)" if bare else "",
        ratio=f"{percentile(times, 0.5) / percentile(bare, 0.5):.1f} ×" if bare else "",
    )


def _both(times: Sequence[float]) -> str:
    return f"{percentile(times, 0.5) * 1000:.2f} / {milliseconds(percentile(times, 0.99))}"
