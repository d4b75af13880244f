"""A run in which all is as it must be, made by hand, for tests to spoil: the count must find what they did."""

from __future__ import annotations

import uuid
from typing import Any

from manualdial.evidence import Kind
from tests.faults.count import Evidence
from tests.faults.record import Answer, Application, Press, Record, Standing, Told

AGENT = "agent-1"
LINES = (
    ("requested", "agent"),
    ("agent_ringing", "agent"),
    ("agent_answered", "agent"),
    ("dialing", "customer"),
    ("ringing", "customer"),
    ("connected", "customer"),
    ("wrap_up", "customer"),
    ("wrap_up", "agent"),
    ("ended", "agent"),
)
"""The changes of a call that was answered: the state, and the leg that it was told of."""


class GoodRun:
    """Presses of one agent, each a call that was answered and ended."""

    def __init__(self, presses: int = 2) -> None:
        self.record = Record()
        self.calls: list[dict[str, Any]] = []
        self.customer: dict[str, set[str]] = {}
        self.agent: dict[str, set[str]] = {}
        self.links: dict[str, list[Kind]] = {}
        """Links of evidence that are others than those of a good call."""
        self.application = Application(name="the agent's")
        self.record.applications.append(self.application)
        self.record.standings.append(
            Standing(agent_id=AGENT, state="Available", chosen=frozenset({"Available"}), calls=[])
        )
        for number in range(presses):
            self.record.round = number
            self._press()

    @property
    def press(self) -> Press:
        """The first press."""
        return next(iter(self.record.presses.values()))

    @property
    def call_id(self) -> str:
        """Its call."""
        return str(self.calls[0]["callId"])

    def evidence(self, **more: Any) -> Evidence:
        """All of it, as it is to be counted."""
        links = {call["callId"]: [Kind.ATTEMPT, Kind.OUTCOME] for call in self.calls} | self.links
        return Evidence(
            record=self.record, calls=self.calls, customer=self.customer, agent=self.agent, links=links, **more
        )

    def _press(self) -> None:
        press = self.record.press(AGENT, uuid.uuid4().hex, "+12025550100")
        call_id = str(uuid.uuid4())
        press.answers.append(Answer(at=press.at, call_id=call_id, state="requested", replay=False, error=""))
        self.calls.append(call(call_id, press.request_id))
        self.agent[call_id], self.customer[call_id] = {f"a-{call_id}"}, {f"c-{call_id}"}
        self.application.told += [
            Told(call_id=call_id, state=state, leg=leg, stretch=0, epoch="one", at=press.at) for state, leg in LINES
        ]


def call(call_id: str, request_id: str) -> dict[str, Any]:
    """A call that was answered and ended, as `/v1/calls` has it."""
    steps = (0, 1, 2, 3, 4, 5, 6, 6, 7)
    states = [
        {"step": step, "state": state, "leg": leg, "event": "", "at": f"2026-11-23T10:00:{step:02}.000Z"}
        for step, (state, leg) in zip(steps, LINES, strict=True)
    ]
    return {
        "callId": call_id,
        "requestId": request_id,
        "state": "ended",
        "ending": {"by": "agent", "cause": "normal"},
        "states": states,
    }
