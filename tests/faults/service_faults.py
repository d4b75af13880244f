"""What happens to the service: killed at any moment, at a named step of a press, at a request to Asterisk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from manualdial.calls import CallState
from tests.faults import fault_points
from tests.faults.asterisk_faults import REQUESTS, kill_asterisk
from tests.faults.fault import Fault
from tests.faults.world import World
from tests.support.waiting import until
from tests.telephony.lab.ari_proxy import Moment, Trap

_STEP_LIMIT = 5.0
"""Seconds in which a press must come to a step; where none does, the fault did not happen."""
_RARE = (
    fault_points.LOGIN_DUE,
    *map(fault_points.state_due, (CallState.PROGRESS, CallState.HELD)),
)
"""Steps that only few presses come to."""


def service_faults() -> list[Fault]:
    """Every kind."""
    found = [
        Fault(name="service killed", play=_kill),
        Fault(name="service killed, and again while it starts", play=_kill_twice),
        Fault(name="service stopped (SIGTERM)", play=_terminate),
        Fault(name="service hung", play=_freeze),
        Fault(name="service killed, and Asterisk with it", play=_kill_both),
        Fault(name="service killed while the database is locked", play=_kill_while_locked),
    ]
    for step in fault_points.STEPS:
        if step in (fault_points.COMPARING, fault_points.COMPARED):
            play: Callable[[World], Awaitable[bool]] = partial(_kill_at_start, step=step)
        elif step == fault_points.state_due(CallState.UNKNOWN):
            play = partial(_kill_in_doubt, step=step)
        else:
            play = partial(_kill_at, step=step)
        found.append(Fault(name=f"service killed when {step}", play=play))
    for what, about in REQUESTS.items():
        for moment, when in ((Moment.ASKED, "before Asterisk is asked"), (Moment.ANSWERED, "before Asterisk's answer")):
            play = partial(_kill_at_request, about=about, moment=moment)
            found.append(Fault(name=f"service killed {when}: {what}", play=play))
    return found


async def _kill(world: World) -> bool:
    await asyncio.sleep(world.random.uniform(0, 0.3))
    return await _dies(world, world.service.kill)


async def _kill_twice(world: World) -> bool:
    lives = world.service.lives
    world.service.kill()
    await until(lambda: world.service.lives > lives and world.service.pid is not None)
    await asyncio.sleep(world.random.uniform(0, 0.4))
    return await _dies(world, world.service.kill)


async def _terminate(world: World) -> bool:
    return await _dies(world, world.service.terminate)


async def _freeze(world: World) -> bool:
    world.service.freeze()
    await asyncio.sleep(world.random.uniform(0.3, 2.0))
    world.service.thaw()
    return True


async def _kill_both(world: World) -> bool:
    lives = world.service.lives
    world.service.kill()
    await kill_asterisk(world)
    await world.service.until_next_life(lives)
    return True


async def _kill_while_locked(world: World) -> bool:
    with world.database_away():
        lock = asyncio.create_task(world.database.locked(world.random.uniform(0.5, 1.5)))
        await asyncio.sleep(world.random.uniform(0.1, 0.5))
        world.service.may_fail_to_start = True
        died = await _dies(world, world.service.kill)
        world.service.may_fail_to_start = False
        await lock
    return died


async def _kill_at(world: World, *, step: str) -> bool:
    after = 1 if step in _RARE else world.random.randint(1, 3)
    return await _dies(world, partial(world.service.kill_at, step, after=after))


async def _kill_at_start(world: World, *, step: str) -> bool:
    world.service.kill_at(step, from_start=True)
    lives = world.service.lives
    world.service.kill()
    await world.service.until_next_life(lives + 1)
    return True


async def _kill_in_doubt(world: World, *, step: str) -> bool:
    world.proxy.trap = Trap(about=re.compile(REQUESTS["agent's leg made"]), moment=Moment.ANSWERED)
    return await _dies(world, partial(world.service.kill_at, step))


async def _kill_at_request(world: World, *, about: str, moment: Moment) -> bool:
    def trap() -> None:
        world.proxy.trap = Trap(about=re.compile(about), moment=moment, act=world.service.kill)

    return await _dies(world, trap)


async def _dies(world: World, cause: Callable[[], None]) -> bool:
    """Do what ends the service; whether it ended. It serves again then."""
    lives = world.service.lives
    cause()
    with suppress(TimeoutError):
        await until(lambda: world.service.lives > lives, _STEP_LIMIT)
    died = world.service.lives > lives
    world.proxy.mend()
    if not died:
        world.service.kill_at(None)
    await world.service.until_serving()
    return died
