"""What several stores over one database promise one another."""

from __future__ import annotations

import asyncio
import sys

from manualdial.ports import Store
from tests.contract.stores import LIMIT, Lab, a_call, winners
from tests.support.calls import stored_calls


async def test_of_two_stores_that_press_the_same_keys_one_wins_each(lab: Lab, store: Store) -> None:
    async with lab.store() as other:
        for key in range(10):
            presses = [(which, a_call(request_id=f"press-{key}")) for which in (store, other) * 10]
            written, told = await winners(*presses)
            assert told == written * 19


async def test_of_two_stores_that_press_many_keys_in_any_order_none_waits_for_the_other_in_vain(
    lab: Lab, store: Store
) -> None:
    there = [a_call(request_id=f"press-{key}") for key in range(100)]
    back = [a_call(request_id=f"press-{key}") for key in reversed(range(100))]
    async with lab.store() as other:
        written, told = await winners(*((store, call) for call in there), *((other, call) for call in back))
    assert len(written) == len(told) == 100


PRESSING = """
import asyncio, random, sys
from manualdial.ports import RequestIdTaken
from manualdial.storage import SqlStore
from tests.contract.stores import a_call

async def press(store, key):
    call = a_call(request_id=key)
    try:
        await store.record_press(call)
        print("won", key, call.id)
    except RequestIdTaken as taken:
        print("told", key, taken.call.id)

async def main():
    keys = [f"press-{number}" for number in range(200)] * 2
    random.shuffle(keys)
    async with SqlStore(sys.argv[1], flush_timeout=10.0) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        for start in range(0, len(keys), 20):
            await asyncio.gather(*(press(store, key) for key in keys[start : start + 20]))

asyncio.run(main())
"""


async def test_of_two_processes_that_press_the_same_keys_at_once_one_wins_each(lab: Lab) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", PRESSING, lab.url, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    async with asyncio.timeout(LIMIT):
        # Both make the schema at once, too.
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        outputs = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    lines = [line.split() for output, _ in outputs for line in output.decode().splitlines()]
    won = [(key, call_id) for outcome, key, call_id in lines if outcome == "won"]
    winner_of = dict(won)
    assert len(won) == len(winner_of) == 200
    told = [(key, call_id) for outcome, key, call_id in lines if outcome == "told"]
    assert len(told) == 600
    assert [(key, call_id) for key, call_id in told if winner_of[key] != call_id] == []
    async with lab.store() as store:
        assert {call.id for call in await store.open_calls()} == set(winner_of.values())


EXPECTING = """
import asyncio, sys
from manualdial.ports import AttemptsChanged
from manualdial.storage import SqlStore
from tests.contract.chains import an_attempt, seen
from tests.contract.stores import a_call

async def main():
    async with SqlStore(sys.argv[1], flush_timeout=10.0) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        for count in range(40):
            call = a_call(minute=count)
            try:
                await store.record_press(call, evidence=an_attempt(call), expects=seen(call, count))
                print("got", count)
            except AttemptsChanged:
                print("too late", count)

asyncio.run(main())
"""


async def test_of_two_processes_that_expect_the_same_attempts_one_gets_each(lab: Lab, store: Store) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", EXPECTING, lab.url, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    async with asyncio.timeout(LIMIT):
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        outputs = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    lines = [line for output, _ in outputs for line in output.decode().splitlines()]
    got = [line for line in lines if line.startswith("got")]
    # One may be ahead of the other: what it finds changed it has not written.
    assert len(got) == len(set(got)) == len(await stored_calls(store, "north", limit=100))
    assert "got 0" in got
