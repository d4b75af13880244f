"""What several stores over one database promise one another."""

from __future__ import annotations

import asyncio
import sys

from manualdial.storage import SqlStore
from tests.contract.stores import Lab, a_call, winners


async def test_of_two_stores_that_press_the_same_keys_one_wins_each(lab: Lab, store: SqlStore) -> None:
    async with lab.store() as other:
        for key in range(10):
            presses = [(which, a_call(request_id=f"press-{key}")) for which in (store, other) * 10]
            written, told = await winners(*presses)
            assert told == written * 19


async def test_of_two_stores_that_press_many_keys_in_any_order_none_waits_for_the_other_in_vain(
    lab: Lab, store: SqlStore
) -> None:
    there = [a_call(request_id=f"press-{key}") for key in range(100)]
    back = [a_call(request_id=f"press-{key}") for key in reversed(range(100))]
    async with lab.store() as other:
        written, told = await winners(*((store, call) for call in there), *((other, call) for call in back))
    assert len(written) == len(told) == 100


PRESSING = """
import asyncio, sys
from manualdial.ports import RequestIdTaken
from manualdial.storage import SqlStore
from tests.contract.stores import a_call

async def press(store, key):
    try:
        await store.record_press(a_call(request_id=key))
    except RequestIdTaken:
        return 0
    return 1

async def main():
    async with SqlStore(sys.argv[1], flush_timeout=10.0) as store:
        won = 0
        for start in range(0, 200, 20):
            won += sum(await asyncio.gather(*(press(store, f"press-{key}") for key in range(start, start + 20))))
    print(won)

asyncio.run(main())
"""


async def test_two_processes_make_one_database_and_press_the_same_keys(lab: Lab) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", PRESSING, lab.url, stdout=asyncio.subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(int(output) for output, _ in outputs) == 200
