"""What the clients were told: every answer to every press, every event, and what they found missing."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple


class Answer(NamedTuple):
    """A reply to a press, or an ApiError that names the call."""

    at: float
    """Seconds since 1970, by the driver's clock; so are all times here."""
    call_id: str
    state: str
    """"" for an ApiError."""
    replay: bool
    error: str
    """The errorType; "" for a reply."""

    @property
    def says_called(self) -> bool:
        """Whether it tells the agent that the call is being made, or was answered."""
        return not self.error and self.state not in ("unknown", "ended")


class Told(NamedTuple):
    """One InboundCallStateChange, as one application got it."""

    call_id: str
    state: str
    leg: str
    stretch: int
    """Counts the unbroken stretches of the application's stream; a Reset begins the next."""
    epoch: str
    at: float


@dataclass(kw_only=True, slots=True)
class Press:
    """One press of one agent."""

    agent_id: str
    request_id: str
    number: str
    round: int
    """In which round it was made."""
    at: float
    answers: list[Answer] = field(default_factory=list)
    refused: str = ""
    """The errorType of the ApiError that ended it for good."""

    @property
    def call_ids(self) -> frozenset[str]:
        """Every call that an answer named; one press is one call."""
        return frozenset(answer.call_id for answer in self.answers)


@dataclass(kw_only=True, slots=True)
class Application:
    """One application of an agent, and all that it was told in its order."""

    name: str
    told: list[Told] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)
    """Where its stream was not what was promised."""


@dataclass(kw_only=True, slots=True)
class Standing:
    """How an agent stands at the end."""

    agent_id: str
    state: str
    """The agent's state; "" where nobody could find out."""
    chosen: frozenset[str]
    """The states that it may be in."""
    calls: list[str]
    """Calls that StateSync still shows, with their states."""


@dataclass(kw_only=True, slots=True)
class Incident:
    """Something that must not happen, seen by a client."""

    kind: str
    round: int
    agent_id: str
    call_id: str
    detail: str


@dataclass(kw_only=True)
class Record:
    """All of it."""

    round: int = 0
    """The round that is being played."""
    presses: dict[str, Press] = field(default_factory=dict)
    """By `requestId`, which no two agents share here."""
    applications: list[Application] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    """How often each errorType, and each way to get no answer, was met."""

    def press(self, agent_id: str, request_id: str, number: str) -> Press:
        """A new press."""
        press = Press(agent_id=agent_id, request_id=request_id, number=number, round=self.round, at=time.time())
        self.presses[request_id] = press
        return press

    def incident(self, kind: str, agent_id: str, *, call_id: str = "", detail: str = "") -> None:
        """Note what must not happen."""
        self.incidents.append(Incident(kind=kind, round=self.round, agent_id=agent_id, call_id=call_id, detail=detail))
