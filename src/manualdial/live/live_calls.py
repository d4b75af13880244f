"""The calls that are not ended, the engines that have them, and when these are to be asked, so that no call sticks.

An agent has at most one; only what a crash left in the journal may be one more, and then the newest counts.

A call whose outcome is unknown, or that the engine has told nothing of yet, is asked for soon, then at growing
intervals. Every other live call has a deadline for its next sign of life; past it the engine is asked whether it still
has the call. All in monotonic time: the wall clock may be stepped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from manualdial.calls import Action, Call, CallState
from manualdial.ports import Clock, Engine, EngineUnavailable, Originate

_UNSETTLED = (CallState.REQUESTED, CallState.UNKNOWN)
"""States in which nobody knows whether the call was made."""
_ASK_AGAIN = 5.0
"""Seconds until an engine that gave no answer is asked again for calls that were there when it was heard last."""


class _Unsettled(msgspec.Struct):
    state: CallState
    settles: float
    """From then on a call that the engine does not have was not made."""
    pause: float
    due: float


class CallWatchdog:
    """One for each live call. Times in seconds."""

    def __init__(self, *, clock: Clock, settles_after: float, first_pause: float, silence: float) -> None:
        """`settles_after`: how long an unsettled call may still turn up; `first_pause`: when it is asked for first.

        `silence`: how long a call may give no sign of life.
        """
        self._clock = clock
        self._settles_after = settles_after
        self._first_pause = first_pause
        self._silence = silence
        self._unsettled: dict[str, _Unsettled] = {}
        self._certain: dict[str, float] = {}

    def loaded(self, call: Call, *, age: float) -> None:
        """A call of an earlier life, which asked for it `age` seconds ago (less than 0 where the clock was stepped)."""
        self.heard(call)
        unsettled = self._unsettled.get(call.id)
        if unsettled is not None:
            unsettled.settles -= min(max(age, 0.0), self._settles_after)

    def heard(self, call: Call) -> None:
        """A sign of life, or a new state."""
        now = self._clock.monotonic()
        if not call.is_live:
            self._unsettled.pop(call.id, None)
            self._certain.pop(call.id, None)
        elif call.state in _UNSETTLED:
            known = self._unsettled.get(call.id)
            if known is None or known.state is not call.state:
                self._unsettled[call.id] = _Unsettled(
                    state=call.state,
                    settles=now + self._settles_after,
                    pause=self._first_pause,
                    due=now + self._first_pause,
                )
        else:
            self._unsettled.pop(call.id, None)
            self._certain[call.id] = now + self._silence

    def overdue(self) -> list[str]:
        """The calls that the engine is to be asked for now.

        Where one has been silent for too long, those whose time comes soon are among them: one look serves them all.
        """
        now = self._clock.monotonic()
        unsettled = [call_id for call_id, call in self._unsettled.items() if call.due <= now]
        if all(due > now for due in self._certain.values()):
            return unsettled
        soon = now + self._silence / 2
        return [*unsettled, *(call_id for call_id, due in self._certain.items() if due <= soon)]

    def asked(self, call_id: str, *, answered: bool) -> None:
        """The engine was asked for the call: when it is to be asked next."""
        now = self._clock.monotonic()
        unsettled = self._unsettled.get(call_id)
        if unsettled is not None:
            unsettled.pause *= 2
            unsettled.due = now + unsettled.pause
            if unsettled.settles > now:
                unsettled.due = min(unsettled.due, unsettled.settles)
        elif call_id in self._certain:
            self._certain[call_id] = now + (self._silence if answered else min(self._silence, _ASK_AGAIN))

    def may_turn_up(self, call_id: str) -> bool:
        """Whether a call that the engine does not have may still turn up."""
        unsettled = self._unsettled.get(call_id)
        return unsettled is not None and self._clock.monotonic() < unsettled.settles


class LiveCalls:
    """The book of calls from the press to the end of the wrap-up. In memory; the store has the same on disk."""

    def __init__(self, *, watchdog: CallWatchdog) -> None:
        self.watchdog = watchdog
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
        """Remember a call as it is now, of which something was heard; forget it if it is ended."""
        self.watchdog.heard(call)
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


class Engines:
    """The engines of a cell, by name. The first takes what is dialled on a connector that bears no engine's name."""

    def __init__(self, *engines: Engine) -> None:
        """Raises ValueError where there is none, or two have one name."""
        self._by_name = {engine.name: engine for engine in engines}
        if not engines or len(self._by_name) < len(engines):
            raise ValueError("engines have names of their own, and there is at least one")
        self._first = engines[0]

    def __iter__(self) -> Iterator[Engine]:
        return iter(self._by_name.values())

    def of_connector(self, connector: str) -> Engine:
        """The one that places calls for this connector."""
        return self._by_name.get(connector, self._first)

    def of_call(self, call: Call) -> Engine:
        """The one that has the call. Raises EngineUnavailable where there is none of that name any more."""
        if (engine := self._by_name.get(call.engine)) is None:
            raise EngineUnavailable("the call's engine is configured no more")
        return engine

    def actions_of(self, call: Call) -> frozenset[Action]:
        """The actions that the engine of the call can take with it."""
        engine = self._by_name.get(call.engine)
        return frozenset() if engine is None else engine.actions


def order_of(call: Call) -> Originate:
    """The order by which an engine knows the call."""
    return Originate(call_id=call.id, extension=call.extension, number=call.number, caller_id=call.caller_id)
