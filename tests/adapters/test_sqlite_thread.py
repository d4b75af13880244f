"""The thread that writes for the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial

import pytest

from manualdial.storage.sqlite import OneThread
from tests.contract.stores import LIMIT


@pytest.fixture
async def thread() -> AsyncIterator[OneThread]:
    thread = OneThread(name="test-write")
    yield thread
    thread.stop()


async def test_work_runs_on_the_one_thread_in_the_order_in_which_it_came(thread: OneThread) -> None:
    done: list[int] = []

    def work(number: int) -> str:
        done.append(number)
        return threading.current_thread().name

    names = await asyncio.gather(*(thread.run(partial(work, number)) for number in range(100)))
    assert done == list(range(100))
    assert set(names) == {"test-write"}


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
async def test_what_work_raises_reaches_its_caller_and_the_thread_goes_on(
    thread: OneThread, fault: type[BaseException]
) -> None:
    def fail() -> None:
        raise fault("as told")

    with pytest.raises(fault, match="as told"):
        await thread.run(fail)
    assert await thread.run(lambda: 1) == 1


async def test_work_whose_caller_left_before_its_turn_is_left_out(thread: OneThread) -> None:
    gate = threading.Event()
    done: list[str] = []
    async with asyncio.timeout(LIMIT):
        first = asyncio.create_task(thread.run(gate.wait))
        left = asyncio.create_task(thread.run(lambda: done.append("left")))
        last = asyncio.create_task(thread.run(lambda: done.append("last")))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, last)
    assert done == ["last"]


async def test_a_caller_who_leaves_while_its_work_runs_disturbs_nobody(thread: OneThread) -> None:
    started, gate = threading.Event(), threading.Event()
    done: list[str] = []

    def work() -> None:
        started.set()
        gate.wait()
        done.append("all the same")

    running = asyncio.create_task(thread.run(work))
    await asyncio.to_thread(started.wait, LIMIT)
    running.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await thread.run(lambda: 1) == 1
    assert done == ["all the same"]


async def test_a_stopped_thread_takes_no_work() -> None:
    thread = OneThread(name="test-write")
    thread.stop()
    with pytest.raises(RuntimeError):
        await thread.run(lambda: 1)
