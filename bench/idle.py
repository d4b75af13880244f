"""What one idle connection of an agent costs in memory: agents who are logged in and do nothing."""

from __future__ import annotations

import asyncio
import contextlib
import resource

from bench.agent import Agent
from bench.service import Service, running
from bench.table import Row

CONNECTIONS = 2000
AT_ONCE = 50
REACH = 12 * 1024


def measure() -> list[Row]:
    """Run it; the rows of the table."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with running(agents=CONNECTIONS + AT_ONCE, settings={}) as service:
        each = asyncio.run(_connect(service))
    return [
        Row(
            what=f"memory of one idle agent, registered and logged in, at {CONNECTIONS}",
            measured=f"{each / 1024:.1f} KiB",
            reach=f"< {REACH // 1024} KiB",
            reached=each < REACH,
        )
    ]


async def _connect(service: Service) -> float:
    tokens = list(service.tokens)
    warm = [await Agent.connect(service.url, token) for token in tokens[:AT_ONCE]]
    before = service.memory()
    agents: list[Agent] = []
    for first in range(AT_ONCE, len(tokens), AT_ONCE):
        some = tokens[first : first + AT_ONCE]
        agents += await asyncio.gather(*(Agent.connect(service.url, token) for token in some))
    grown = service.memory() - before
    for agent in (*warm, *agents):
        agent.close()
    return grown / len(agents)
