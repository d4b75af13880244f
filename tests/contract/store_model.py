"""A plain model of what a store holds, and may hold after a crash."""

from __future__ import annotations

import msgspec

from manualdial.agents import AgentSession
from manualdial.calls import Call, requested


class ModelCall:
    """A call: every change that was recorded, and how far it is known to be stored."""

    def __init__(self, call: Call) -> None:
        self.changes = [requested(call)]
        self.flushed = 0
        """The step that is stored for certain."""
        self.forgotten = False

    @property
    def call(self) -> Call:
        """The call as it was recorded last."""
        return self.changes[-1].call

    def is_as(self, stored: Call) -> bool:
        """Whether it may be stored like that: a state that was recorded, no older than what was known to be stored."""
        return self.flushed <= stored.step and stored in [change.call for change in self.changes]

    def history(self) -> list[tuple[int, str, str, str]]:
        """Every change, without the times."""
        return [(each.call.step, str(each.call.state), str(each.leg), each.event) for each in self.changes]

    def cut(self, stored: Call) -> None:
        """After a crash: what came after is lost."""
        self.changes = [change for change in self.changes if change.call.step <= stored.step]
        self.flushed = stored.step


class Model:
    """All calls in the order in which they were requested, and the logins."""

    def __init__(self) -> None:
        self.calls: list[ModelCall] = []
        self.logins: dict[str, list[AgentSession | None]] = {}
        """For each agent what may be stored, the newest last."""

    def pressed(self, call: Call) -> None:
        """A press was acknowledged."""
        self.calls.append(ModelCall(call))
        self.calls.sort(key=lambda each: each.call.requested_at)
        self.logins_flushed()

    def named(self, call: Call) -> ModelCall | None:
        """The call of the same id."""
        return next((each for each in self.calls if each.call.id == call.id), None)

    def press(self, agent_id: str, request_id: str | None) -> ModelCall | None:
        """The call that a `requestId` names."""
        for each in self.calls:
            of_key = (each.call.agent_id, each.call.request_id) == (agent_id, request_id)
            if request_id is not None and of_key and not each.forgotten:
                return each
        return None

    def oldest_ended(self, before: Call, limit: int, *, remembered: bool = False) -> list[ModelCall]:
        """Ended calls that were requested before that one."""
        ended = [
            each
            for each in self.calls
            if each.call.is_over and each.call.requested_at < before.requested_at
            if not remembered or (each.call.request_id is not None and not each.forgotten)
        ]
        return ended[:limit]

    def login(self, agent_id: str, session: AgentSession | None) -> None:
        """A login, or its end, was recorded."""
        self.logins.setdefault(agent_id, [None]).append(session)

    def logins_flushed(self) -> None:
        """The newest of each agent is stored."""
        self.logins = {agent_id: states[-1:] for agent_id, states in self.logins.items()}

    def flushed(self) -> None:
        """All is stored."""
        self.logins_flushed()
        for each in self.calls:
            each.flushed = each.call.step

    def told(self, session: AgentSession) -> AgentSession:
        """A login as the store tells it: since when the agent is in the chosen state follows from the newest call."""
        newest = next((each.call for each in reversed(self.calls) if each.call.agent_id == session.agent_id), None)
        since = max(session.chosen_at, newest.at) if newest is not None and newest.is_over else session.chosen_at
        return msgspec.structs.replace(session, state=session.chosen, since=since)
