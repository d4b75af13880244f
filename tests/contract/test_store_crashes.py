"""What every store promises over crashes: what was acknowledged is there."""

from __future__ import annotations

import asyncio
import signal
import sys

from manualdial.calls import Sign
from manualdial.ports import Store
from tests.contract.stores import LIMIT, Lab, a_call, a_login, history, record, stored
from tests.support.calls import TO_CONNECTED


async def test_an_acknowledged_press_is_there_after_a_crash(lab: Lab) -> None:
    call = a_call(request_id="press-1")
    async with lab.store(flush_timeout=0) as store:
        await store.record_press(call)
        record(store, call, Sign.AGENT_RINGING)
    async with lab.store() as store:
        assert await store.press("ada", "press-1") == call
        assert await history(store, call) == [(0, "requested", "agent", "connecting")]


async def test_what_was_flushed_is_there_after_a_crash(lab: Lab) -> None:
    call = a_call()
    async with lab.store(flush_timeout=0) as store:
        await store.record_press(call)
        flushed = record(store, call, *TO_CONNECTED)
        store.record_login(a_login())
        await store.flush()
        record(store, flushed, Sign.HELD, Sign.RESUMED, Sign.ENDED)
        store.record_logout("ada")
    async with lab.store() as store:
        assert await stored(store, call) == flushed
        assert [line[0] for line in await history(store, call)] == [0, 1, 2, 3, 4, 5]
        assert await store.logins() == [a_login()]


PRESSING_FOR_EVER = """
import asyncio, os, sys
from manualdial.calls import Sign
from manualdial.storage import SqlStore
from tests.contract.stores import a_call, record

async def press(store):
    while True:
        call = a_call()
        await store.record_press(call)
        os.write(1, f"{call.id}\\n".encode())
        record(store, call, Sign.AGENT_RINGING, Sign.AGENT_ANSWERED)

async def main():
    async with SqlStore(sys.argv[1], flush_timeout=10.0) as store:
        await asyncio.gather(*(press(store) for _ in range(50)))

asyncio.run(main())
"""


async def test_every_acknowledged_press_of_a_process_that_is_killed_is_there(lab: Lab, store: Store) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PRESSING_FOR_EVER, lab.url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT):
        acknowledged = [await process.stdout.readline() for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        acknowledged += (await process.stdout.read()).splitlines()
        await process.wait()
    ids = {line.decode().strip() for line in acknowledged}
    there = {call.id: call for call in await store.open_calls()}
    assert ids <= there.keys()
    # Of calls that were not acknowledged each is there as a whole, or not at all.
    for call in there.values():
        assert [line[0] for line in await history(store, call)] == list(range(call.step + 1))
