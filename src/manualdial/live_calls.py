"""The calls that are not ended: by id and by agent.

An agent has at most one; only what a crash left in the journal may be one more, and then the newest counts.
"""

from __future__ import annotations

from collections.abc import Collection

from manualdial.calls import Call


class LiveCalls:
    """The book of calls from the press to the end of the wrap-up. In memory; the store has the same on disk."""

    def __init__(self) -> None:
        self._by_id: dict[str, Call] = {}
        self._by_agent: dict[str, list[str]] = {}
        """Ids in the order in which the calls came."""

    def get(self, call_id: str) -> Call | None:
        """The call of this id, unless it is ended."""
        return self._by_id.get(call_id)

    def of_agent(self, agent_id: str) -> Call | None:
        """The agent's call, in wrap-up too."""
        ids = self._by_agent.get(agent_id)
        return self._by_id[ids[-1]] if ids else None

    def all_of_agent(self, agent_id: str) -> tuple[Call, ...]:
        """All calls of the agent that are not ended, oldest first."""
        return tuple(self._by_id[call_id] for call_id in self._by_agent.get(agent_id, ()))

    def put(self, call: Call) -> None:
        """Remember a call as it is now; forget it if it is ended."""
        if call.is_over:
            self._forget(call)
            return
        if call.id not in self._by_id:
            self._by_agent.setdefault(call.agent_id, []).append(call.id)
        self._by_id[call.id] = call

    def _forget(self, call: Call) -> None:
        if self._by_id.pop(call.id, None) is None:
            return
        ids = self._by_agent[call.agent_id]
        ids.remove(call.id)
        if not ids:
            del self._by_agent[call.agent_id]

    def all(self) -> Collection[Call]:
        """All calls that are not ended."""
        return tuple(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)
