"""What happens to Asterisk, and on the way to it: answers lost or late, sockets cut, the process killed or frozen."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import Final

from tests.faults.fault import Fault
from tests.faults.world import World
from tests.telephony.lab.ari_proxy import Moment, Trap

_ASKED_WITHIN = 5.0
"""Seconds in which some call must ask this of Asterisk; where none does, the fault did not happen."""

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


def asterisk_faults() -> list[Fault]:
    """Every kind."""
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
        Fault(name="Asterisk killed and started", play=kill_asterisk),
        Fault(name="Asterisk stopped and started", play=_stop_asterisk),
        Fault(name="Asterisk hung", play=_freeze_asterisk),
    ]


async def _lose_answer(world: World, *, about: str) -> bool:
    trap = Trap(about=re.compile(about), moment=Moment.ANSWERED)
    world.proxy.trap = trap
    try:
        async with asyncio.timeout(_ASKED_WITHIN):
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


async def kill_asterisk(world: World) -> bool:
    """Kill it as a power cut would, and start it again."""
    with world.asterisk_dying():
        await asyncio.to_thread(world.asterisk.kill)
    await asyncio.to_thread(world.asterisk.start)
    return True


async def _stop_asterisk(world: World) -> bool:
    with world.asterisk_dying():
        await asyncio.to_thread(world.asterisk.stop)
    await asyncio.to_thread(world.asterisk.start)
    return True


async def _freeze_asterisk(world: World) -> bool:
    world.asterisk.freeze()
    await asyncio.sleep(world.random.uniform(0.3, 1.8))
    world.asterisk.thaw()
    return True
