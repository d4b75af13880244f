"""POST /v1/checks, a thousand numbers a request, one request after the other; and what others notice of it meanwhile.

Beside it somebody asks over the bus for the state of an agent, which costs next to nothing: so long as an answer takes,
the event loop of the service stood still, or did something else.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import uvloop

from bench.agent import Agent
from bench.called_numbers import numbers_called
from bench.database import Database
from bench.screened_press import settings_of
from bench.service import Service, running
from bench.table import Row, milliseconds, percentile

NUMBERS = 1000
REQUESTS = 8
PAUSE = 0.005
"""Seconds between two of the cheap requests."""
LIMIT = 30.0


def measure(database: Database, registries: Path) -> list[Row]:
    """Run it on one database; the rows of the table."""
    settings = {**settings_of(registries), "storage": {"url": database.new()}}
    with running(agents=2, settings=settings) as service, asyncio.Runner(loop_factory=uvloop.new_event_loop) as on:
        rate, quiet, meanwhile = on.run(_measured(service))
    what = f"/v1/checks, {NUMBERS} numbers a request, sales, all rules, {database.name}"
    return [
        Row(what=what, measured=f"{rate:.0f} numbers/s"),
        Row(
            what=f"{what}: a cheap request on the bus meanwhile, p50 / p99 / longest",
            measured=_ends(meanwhile),
            floor=f"{_ends(quiet)} (with nothing beside it)",
        ),
    ]


async def _measured(service: Service) -> tuple[float, list[float], list[float]]:
    """Numbers a second; the seconds of the cheap requests before, and meanwhile."""
    agent = await Agent.connect(service.url, service.tokens[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    called = numbers_called(NUMBERS * (REQUESTS + 1))
    await _check(reader, writer, service.tokens[1], called[:NUMBERS])
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(1.0, done.set)
    quiet = await _ask_until(done, agent)
    done.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(_ask_until(done, agent))
        began = time.perf_counter()
        for place in range(1, REQUESTS + 1):
            await _check(reader, writer, service.tokens[1], called[place * NUMBERS : (place + 1) * NUMBERS])
        rate = REQUESTS * NUMBERS / (time.perf_counter() - began)
        done.set()
    agent.close()
    writer.close()
    return rate, quiet, asking.result()


async def _check(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, called: list[str]) -> None:
    """One request. Raises RuntimeError where the answer is not 200."""
    body = json.dumps({"checks": [{"PhoneNumber": number} for number in called]}).encode()
    head = (
        "POST /v1/checks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    async with asyncio.timeout(LIMIT):
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.partition("content-length:")[2].partition("\r\n")[0])
        told = await reader.readexactly(length)
    if not answer.startswith("http/1.1 200"):
        raise RuntimeError(told.decode())


async def _ask_until(done: asyncio.Event, agent: Agent) -> list[float]:
    """Ask one after the other, with a pause; the seconds of each."""
    times = []
    while not done.is_set():
        began = time.perf_counter()
        at, _ = await agent.ask("Amazon/Agent/GetStates")
        times.append(at - began)
        await asyncio.sleep(PAUSE)
    return times


def _ends(times: list[float]) -> str:
    return f"{percentile(times, 0.5) * 1000:.2f} / {percentile(times, 0.99) * 1000:.2f} / {milliseconds(max(times))}"
