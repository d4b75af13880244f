"""What every store promises over crashes: what was acknowledged is there."""

from __future__ import annotations

import asyncio
import signal
import sys

from manualdial.calls import CallSignal
from manualdial.evidence import Kind
from manualdial.ports import Store
from tests.contract.chains import an_attempt, whole_chain
from tests.contract.stores import LIMIT, Lab, WholeStore, a_call, a_login, history, record, stored
from tests.support.calls import TO_CONNECTED, stored_calls


async def test_an_acknowledged_press_is_there_after_a_crash(lab: Lab) -> None:
    call = a_call(request_id="press-1")
    async with lab.store(flush_timeout=0) as store:
        await store.record_press(call)
        record(store, call, CallSignal.AGENT_RINGING)
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
        record(store, flushed, CallSignal.HELD, CallSignal.RESUMED, CallSignal.ENDED)
        store.record_logout("ada")
    async with lab.store() as store:
        assert await stored(store, call) == flushed
        assert [line[0] for line in await history(store, call)] == [0, 1, 2, 3, 4, 5]
        assert await store.logins() == [a_login()]


PRESSING_FOR_EVER = """
import asyncio, os, sys
from manualdial.calls import CallSignal
from manualdial.storage import SqlStore
from tests.contract.stores import a_call, record

async def press(store):
    while True:
        call = a_call()
        await store.record_press(call)
        os.write(1, f"{call.id}\\n".encode())
        record(store, call, CallSignal.AGENT_RINGING, CallSignal.AGENT_ANSWERED)

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


WITH_EVIDENCE = """
import asyncio, os, sys
from manualdial.storage import SqlStore
from tests.contract.chains import a_refusal, an_attempt
from tests.contract.stores import a_call, record_whole_call

async def press(store):
    while True:
        call = a_call()
        await store.record_press(call, evidence=an_attempt(call))
        os.write(1, f"{call.id}\\n".encode())
        store.record_evidence(a_refusal())
        record_whole_call(store, call)

async def main():
    async with SqlStore(sys.argv[1], flush_timeout=10.0) as store:
        await asyncio.gather(*(press(store) for _ in range(20)))

asyncio.run(main())
"""


async def test_the_chain_is_whole_after_two_processes_that_write_to_it_are_killed(lab: Lab, store: WholeStore) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", WITH_EVIDENCE, lab.url, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    acknowledged = []
    async with asyncio.timeout(LIMIT):
        for process in processes:
            assert process.stdout is not None
            acknowledged += [await process.stdout.readline() for _ in range(100)]
        for process in processes:
            process.send_signal(signal.SIGKILL)
        for process in processes:
            assert process.stdout is not None
            acknowledged += (await process.stdout.read()).splitlines()
            await process.wait()
    # What the server was still about to commit comes before this.
    last = a_call()
    await store.record_press(last, evidence=an_attempt(last))
    links = await whole_chain(store)
    ids = {line.decode().strip() for line in acknowledged}
    assert ids <= {link.call_id for link in links if link.kind is Kind.ATTEMPT}
    calls = await stored_calls(store, "north", limit=100_000)
    about = {(link.call_id, link.kind) for link in links}
    assert {call.id for call in calls} == {call_id for call_id, kind in about if kind is Kind.ATTEMPT}
    assert {call.id for call in calls if call.is_over} == {call_id for call_id, kind in about if kind is Kind.OUTCOME}
