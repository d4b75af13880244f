"""How long a start takes that finds 10,000 open calls: until each is adopted or ended, and that is on disk.

The service that made the calls is gone; half of the calls are still up in the engine, where they went on meanwhile.
The service runs in a process of its own (`bench.recovering`), on a journal that another process has filled; that
process watches the database from outside.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from bench.database import Database, on_all
from bench.service import STOP_LIMIT, configured, environment, free_port
from bench.table import Row
from manualdial import calls, numbers
from manualdial.agents import AgentSession
from manualdial.app.adapters import store_for
from manualdial.calls import Call, CallSignal, Change, Report
from manualdial.config import load
from manualdial.live.live_calls import order_of
from manualdial.ports import Originate, Store

CALLS = 10_000
ROUNDS = 3
REACH = 2.0
LIMIT = 120.0
LOOK_INTERVAL = 0.02
AGE = timedelta(minutes=5)
"""Long enough ago that no call may still turn up in the engine."""
TO_CONNECTED = (
    CallSignal.AGENT_RINGING,
    CallSignal.AGENT_ANSWERED,
    CallSignal.DIALING,
    CallSignal.RINGING,
    CallSignal.CONNECTED,
)
HISTORIES = [*(TO_CONNECTED[:signals] for signals in range(len(TO_CONNECTED) + 1)), (*TO_CONNECTED, CallSignal.HELD)]
"""How far the calls had come, one after the other."""
UP, GONE = "up", "gone"
"""Campaigns, by which the calls are known in the database: those that the engine still has, and the others."""
UNSETTLED = (
    f"SELECT count(*) FROM calls WHERE campaign_id = '{GONE}' AND state NOT IN ('wrap_up', 'ended')"  # noqa: S608
    f" OR campaign_id = '{UP}' AND state NOT IN ('connected', 'held')"
)
_AT_ONCE = 500


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What one start took, in seconds."""

    settled: float
    """From the beginning of the start until every call was settled on disk."""
    listening: float
    """From the beginning of the start until the service listened."""
    still: float
    """The longest time in which the event loop did nothing else, from then on until all was settled."""


def measure() -> list[Row]:
    """Run it; the rows of the table. Without PostgreSQL one row says so."""
    return on_all(_measured, what=f"recovery of {CALLS} open calls")


def _measured(database: Database) -> list[Row]:
    rounds = [_round(database) for _ in range(ROUNDS)]
    settled, listening, still = (
        statistics.median(getattr(one, figure) for one in rounds) for figure in ("settled", "listening", "still")
    )
    judged = database.name == "SQLite"
    what = f"recovery of {CALLS} open calls, half of them gone, simulator, {database.name}"
    return [
        Row(
            what=what,
            measured=f"{settled:.2f} s (listens after {listening:.2f} s)",
            reach=f"< {REACH:.0f} s" if judged else "",
            reached=settled < REACH if judged else None,
        ),
        Row(what=f"{what}: longest stand-still of the event loop", measured=f"{still * 1000:.0f} ms"),
    ]


def _round(database: Database) -> Round:
    with tempfile.TemporaryDirectory(prefix="manualdial-bench-") as name:
        folder = Path(name)
        url = database.new()
        file = configured(folder, port=free_port(), settings={"storage": {"url": url}})
        orders = asyncio.run(_fill(file))
        (folder / "orders").write_bytes(msgspec.json.encode(orders))
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.recovering", str(file), str(folder / "orders")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(),
            )
            try:
                return _watched(process, database, url)
            finally:
                process.kill()
                process.wait(STOP_LIMIT)


def _watched(process: subprocess.Popen[bytes], database: Database, url: str) -> Round:
    assert process.stdin is not None
    assert process.stdout is not None
    began = float(process.stdout.readline())
    while database.number(url, UNSETTLED) > 0:
        if time.monotonic() > began + LIMIT or process.poll() is not None:
            raise RuntimeError(f"{database.number(url, UNSETTLED)} calls are not settled")
        time.sleep(LOOK_INTERVAL)
    settled = time.monotonic() - began
    process.stdin.close()
    answer = json.loads(process.stdout.readline())
    return Round(settled=settled, listening=answer["listening"], still=answer["still"])


async def _fill(file: Path) -> list[Originate]:
    """Write the calls and their agents' logins into the journal. Returns the orders of those that are still up."""
    orders: list[Originate] = []
    async with store_for(load(file, {})) as store:
        for first in range(0, CALLS, _AT_ONCE):
            made = [_call(number) for number in range(first, first + _AT_ONCE)]
            await asyncio.gather(*(store.record_press(call) for call in made))
            for number, call in enumerate(made, start=first):
                store.record_login(_login(call))
                _tell(store, call, HISTORIES[number // 2 % len(HISTORIES)])
            await store.flush()
            orders += [order_of(call) for call in made if call.campaign_id == UP]
    return orders


def _call(number: int) -> Call:
    at = datetime.now(UTC) - AGE
    return Call(
        id=str(uuid.uuid4()),
        tenant_id="bench",
        agent_id=str(uuid.uuid4()),
        connector="Amazon",
        engine="Simulator",
        extension=f"{10_000 + number}",
        number=numbers.parse("+1 202 555 0100", region="US"),
        request_id=str(uuid.uuid4()),
        digest="0" * 64,
        campaign_id=UP if number % 2 else GONE,
        purpose="service",
        requested_at=at,
        at=at,
    )


def _tell(store: Store, call: Call, signals: Sequence[CallSignal]) -> None:
    for signal in signals:
        change: Change
        for change in calls.advance(call, Report(call_id=call.id, signal=signal, at=call.at)):
            store.record_change(change)
            call = change.call


def _login(call: Call) -> AgentSession:
    return AgentSession(
        agent_id=call.agent_id,
        tenant_id=call.tenant_id,
        login_name=f"agent{call.extension}",
        name=f"Agent {call.extension}",
        connector=call.connector,
        extension=call.extension,
        region="US",
        chosen_at=call.at,
        since=call.at,
    )
