"""The queue of reports of the Asterisk engine."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from manualdial.calls import CallSignal, Report
from manualdial.engines.asterisk.reports import Reports


def report(call_id: str) -> Report:
    return Report(call_id=call_id, signal=CallSignal.AGENT_RINGING, at=datetime(2031, 5, 6, tzinfo=UTC))


async def test_reports_are_read_in_order_and_end_with_the_queue() -> None:
    reports = Reports(limit=10)
    for call_id in "abc":
        reports.put(report(call_id))
    reports.close()

    assert [read async for read in reports.read()] == [report(call_id) for call_id in "abc"]


async def test_who_brings_events_waits_for_room_and_who_reads_makes_it() -> None:
    reports = Reports(limit=2)
    reports.put(report("a"))
    await reports.room()
    reports.put(report("b"))
    waiting = asyncio.create_task(reports.room())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.01)

    assert await anext(aiter(reports.read())) == report("a")

    await waiting
