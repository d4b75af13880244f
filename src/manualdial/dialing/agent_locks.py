"""Turns: what is done for the presses of one agent is done one after the other."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class AgentLocks:
    """One lock an agent, for as long as somebody holds or wants it."""

    def __init__(self) -> None:
        self._agent_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, agent_id: str) -> asyncio.Lock:
        """The agent's turn: `async with` waits for it."""
        turn = self._agent_locks.get(agent_id)
        if turn is None:
            turn = self._agent_locks[agent_id] = asyncio.Lock()
        return turn
