"""Press → INVITE of the agent's leg through the whole service, against the same call made straight to ARI.

One Asterisk, one phone and one machine for both; the two take turns, so that what else the machine does meets both.
"""

from __future__ import annotations

import asyncio
import time

from bench import ari_floor
from bench.agent import Agent
from bench.ari_floor import Measured
from bench.service import Service, running
from bench.table import Row
from tests.telephony.lab import requirements
from tests.telephony.lab.laboratory import Laboratory
from tests.telephony.lab.sipp import Sipp

MOST_AT_ONCE = 50
ROUNDS = 3
CALLS = {1: 100, 10: 300, MOST_AT_ONCE: 500}
"""How many calls a round, by how many at once."""
REACH_MEDIAN = 1.25
REACH_RATE = 0.85
NUMBER = "+12025550100"


def measure() -> list[Row]:
    """Run it; the rows of the table. Without Asterisk, SIPp or a namespace: one row that says so."""
    reason = requirements.missing()
    if reason is not None:
        return [Row(what="press → INVITE on Asterisk", measured=f"not measured: {reason}")]
    with ari_floor.laboratory() as lab:
        rows: list[Row] = []
        for at_once in CALLS:
            floors, services = _rounds(lab, at_once)
            rows += _rows(at_once, floors, services)
        return rows


def _rounds(lab: Laboratory, at_once: int) -> tuple[list[Measured], list[Measured]]:
    floors: list[Measured] = []
    services: list[Measured] = []
    phone = lab.phone("phone_rings")
    with running(agents=at_once, settings=_settings(lab, phone)) as service:
        for _ in range(ROUNDS):
            floors.append(asyncio.run(ari_floor.run(lab=lab, phone=phone, calls=CALLS[at_once], at_once=at_once)))
            services.append(asyncio.run(_press(service, phone, calls=CALLS[at_once])))
    return floors, services


def _settings(lab: Laboratory, phone: Sipp) -> dict[str, dict[str, str | int | float]]:
    return {
        "engine": {"kind": "asterisk"},
        "engine.asterisk": {
            "url": lab.asterisk.url,
            "user": lab.asterisk.user,
            "password": lab.asterisk.password,
            "agent_endpoint": f"PJSIP/agent/sip:{{extension}}@127.0.0.1:{phone.port}",
            "trunk_endpoint": f"PJSIP/trunk/sip:{{number}}@127.0.0.1:{phone.port}",
        },
    }


async def _press(service: Service, phone: Sipp, *, calls: int) -> Measured:
    """Each agent presses, lets the phone ring, hangs up, and presses again."""
    agents = [await Agent.connect(service.url, token) for token in service.tokens]
    pressed: dict[str, float] = {}

    async def one_after_another(agent: Agent, count: int) -> None:
        for _ in range(count):
            rings = agent.state_reached("agent_ringing")
            at = time.time()
            _, call_id = await agent.press(NUMBER)
            pressed[call_id] = at
            await rings.wait()
            await agent.ask("Amazon/InboundCall/Disconnect", call_id)

    share, rest = divmod(calls, len(agents))
    start = time.monotonic()
    await asyncio.gather(*(one_after_another(agent, share + (index < rest)) for index, agent in enumerate(agents)))
    seconds = time.monotonic() - start
    for agent in agents:
        agent.close()
    return ari_floor.measured(
        at_once=len(agents), ordered=pressed, invited=ari_floor.invite_times(phone), seconds=seconds
    )


def _rows(at_once: int, floors: list[Measured], services: list[Measured]) -> list[Row]:
    median, floor_median = _middle(services, "median"), _middle(floors, "median")
    rate, floor_rate = _middle(services, "calls_per_second"), _middle(floors, "calls_per_second")
    slower, faster = median / floor_median, rate / floor_rate
    judged = at_once == 1
    return [
        Row(
            what=f"press → INVITE on Asterisk, {at_once} at once, median",
            measured=f"{median:.2f} ms (p99 {_middle(services, 'p99'):.2f} ms)",
            floor=f"{floor_median:.2f} ms straight to ARI (p99 {_middle(floors, 'p99'):.2f} ms)",
            ratio=f"{slower:.2f} ×",
            reach=f"≤ {REACH_MEDIAN} ×" if judged else "",
            reached=slower <= REACH_MEDIAN if judged else None,
        ),
        Row(
            what=f"calls on Asterisk, {at_once} at once",
            measured=f"{rate:.0f} calls/s",
            floor=f"{floor_rate:.0f} calls/s straight to ARI",
            ratio=f"{faster:.2f} ×",
            reach=f"≥ {REACH_RATE} ×" if at_once == MOST_AT_ONCE else "",
            reached=faster >= REACH_RATE if at_once == MOST_AT_ONCE else None,
        ),
    ]


def _middle(runs: list[Measured], figure: str) -> float:
    """The figure of the middle run."""
    return float(sorted(getattr(run, figure) for run in runs)[len(runs) // 2])
