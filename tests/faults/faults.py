"""The kinds of faults: each is played once in its round, and everything works again when it is over."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from manualdial.calls import CallState
from tests.faults import fault_points
from tests.faults.database import PostgresqlDatabase, SqliteFile
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
_CLOCK_BOUND = 6 * 3600.0

REQUESTS: Final = {
    "agent's leg made": r"^POST \S*channels/create\S* \S*\.agent",
    "agent's leg dialled": r"^POST \S*channels/\S+\.agent/dial",
    "bridge made": r"^POST \S*bridges/[0-9a-f-]{36}(\?|\s|$)",
    "customer's leg made": r"^POST \S*channels/create\S* \S*\.customer",
    "legs joined": r"^POST \S*bridges/\S+/addChannel",
    "customer's leg dialled": r"^POST \S*channels/\S+\.customer/dial",
    "leg hung up": r"^DELETE \S*channels/[^/\s]+(\s|$)",
}
"""What a call asks of Asterisk, in order."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One kind."""

    name: str
    play: Callable[[World], Awaitable[bool]]
    """Returns whether it happened."""


def kinds(database: SqliteFile | PostgresqlDatabase) -> Sequence[Fault]:
    """Every kind that there is with this database."""
    return [
        *_of_service(),
        *_of_ari(),
        *_of_database(database),
        Fault(name="client's socket cut between press and reply", play=_cut_clients),
        Fault(name="clock set forward", play=partial(_step_clock, sign=1)),
        Fault(name="clock set back", play=partial(_step_clock, sign=-1)),
    ]


# ── the service ──


def _of_service() -> list[Fault]:
    found = [
        Fault(name="service killed", play=_kill),
        Fault(name="service killed, and again while it starts", play=_kill_twice),
        Fault(name="service stopped (SIGTERM)", play=_terminate),
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


# ── Asterisk, and the way to it ──


def _of_ari() -> list[Fault]:
    lost = [
        Fault(name=f"Asterisk's answer lost: {what}", play=partial(_lose_answer, about=about))
        for what, about in REQUESTS.items()
    ]
    return [
        *lost,
        Fault(name="Asterisk's answers late", play=_late_answers),
        Fault(name="all from Asterisk late", play=_all_late),
        Fault(name="event socket cut", play=_cut_events),
        Fault(name="all of ARI cut", play=_cut_ari),
        Fault(name="Asterisk killed and started", play=_kill_asterisk),
        Fault(name="Asterisk stopped and started", play=_stop_asterisk),
        Fault(name="Asterisk hung", play=_freeze_asterisk),
    ]


async def _lose_answer(world: World, *, about: str) -> bool:
    trap = Trap(about=re.compile(about), moment=Moment.ANSWERED)
    world.proxy.trap = trap
    try:
        async with asyncio.timeout(_STEP_LIMIT):
            await trap.sprung.wait()
    except TimeoutError:
        return False
    finally:
        world.proxy.mend()
    await asyncio.sleep(0.6)  # until the service has given up waiting
    return True


async def _late_answers(world: World) -> bool:
    world.proxy.answers_late_by = world.random.uniform(0.8, 1.5)
    await asyncio.sleep(1.0)
    world.proxy.mend()
    return True


async def _all_late(world: World) -> bool:
    world.proxy.hold_back()
    await asyncio.sleep(world.random.uniform(0.8, 1.8))
    world.proxy.mend()
    return True


async def _cut_events(world: World) -> bool:
    await world.proxy.cut_events()
    return True


async def _cut_ari(world: World) -> bool:
    await world.proxy.cut()
    await asyncio.sleep(world.random.uniform(0.2, 2.0))
    world.proxy.mend()
    return True


async def _kill_asterisk(world: World) -> bool:
    world.asterisk_died_at.append(time.time())
    await asyncio.to_thread(world.asterisk.kill)
    await asyncio.to_thread(world.asterisk.start)
    return True


async def _stop_asterisk(world: World) -> bool:
    world.asterisk_died_at.append(time.time())
    await asyncio.to_thread(world.asterisk.stop)
    world.asterisk_died_at.append(time.time())
    await asyncio.to_thread(world.asterisk.start)
    return True


async def _freeze_asterisk(world: World) -> bool:
    world.asterisk.freeze()
    await asyncio.sleep(world.random.uniform(0.3, 1.8))
    world.asterisk.thaw()
    return True


# ── the database ──


def _of_database(database: SqliteFile | PostgresqlDatabase) -> list[Fault]:
    found = [
        Fault(name="database locked", play=partial(_for_a_while, do=database.locked)),
        Fault(name="database slow", play=partial(_for_a_while, do=database.slow)),
    ]
    if isinstance(database, PostgresqlDatabase):
        found += [
            Fault(name="database server crashed", play=partial(_for_a_while, do=database.gone)),
            Fault(name="database server hung", play=partial(_for_a_while, do=database.hung)),
        ]
        return found
    found.append(Fault(name="database's file moved away", play=partial(_for_a_while, do=database.gone)))
    full = partial(_for_a_while, do=database.full) if database.is_mounted else _forbid_writing
    found.append(Fault(name="database's disk full", play=full))
    return found


async def _forbid_writing(world: World) -> bool:
    """Where no file system can be mounted to be filled."""
    world.service.limit_files(limited=True)
    await asyncio.sleep(world.random.uniform(0.8, 2.2))
    world.service.limit_files(limited=False)
    return True


async def _for_a_while(world: World, *, do: Callable[[float], Awaitable[None]]) -> bool:
    await do(world.random.uniform(0.8, 2.2))
    return True


# ── clients and clock ──


async def _cut_clients(world: World) -> bool:
    for agent in world.agents:
        agent.cut_next = True
    await asyncio.sleep(1.0)
    return any(not agent.cut_next for agent in world.agents)


async def _step_clock(world: World, *, sign: int) -> bool:
    seconds = sign * world.random.choice((5.0, 60.0, 3600.0))
    if abs(world.service.offset + seconds) > _CLOCK_BOUND:
        seconds = -seconds
    if seconds < 0:
        world.clock_set_back_at.append(time.time())
    world.service.step_clock(seconds)
    return True
