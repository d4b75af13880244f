"""The calls that are not ended: by id and by agent. An agent has at most one."""

from __future__ import annotations

from collections.abc import Collection

from manualdial.calls import Call


class LiveCalls:
    """The book of calls from the press to the end of the wrap-up. In memory; the store has the same on disk."""

    def __init__(self) -> None:
        self._by_id: dict[str, Call] = {}
        self._by_agent: dict[str, str] = {}

    def get(self, call_id: str) -> Call | None:
        """The call of this id, unless it is ended."""
        return self._by_id.get(call_id)

    def of_agent(self, agent_id: str) -> Call | None:
        """The agent's call, in wrap-up too."""
        call_id = self._by_agent.get(agent_id)
        return None if call_id is None else self._by_id.get(call_id)

    def put(self, call: Call) -> None:
        """Remember a call as it is now; forget it if it is ended."""
        if call.is_over:
            self._by_id.pop(call.id, None)
            if self._by_agent.get(call.agent_id) == call.id:
                del self._by_agent[call.agent_id]
            return
        self._by_id[call.id] = call
        self._by_agent[call.agent_id] = call.id

    def forget(self, call: Call) -> None:
        """Forget a call that never came to be."""
        self._by_id.pop(call.id, None)
        if self._by_agent.get(call.agent_id) == call.id:
            del self._by_agent[call.agent_id]

    def all(self) -> Collection[Call]:
        """All calls that are not ended."""
        return tuple(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)
