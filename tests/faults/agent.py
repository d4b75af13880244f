"""An agent who presses all the time, and does what a good client does when something goes wrong."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from dataclasses import dataclass
from typing import Final

from tests.faults.connection import Connection, NoAnswer, call_in, error_of
from tests.faults.desk import Desk
from tests.faults.outages import Outages
from tests.faults.record import Answer, Press, Record, Standing
from tests.support.bus_client import Message, is_error

DIAL: Final = "LCM/Webservice/ManualDialCall"
AGENT: Final = "Amazon/Agent"
STAYS: Final = (
    *["+12025550100"] * 6,  # answers
    *["+12025550107"] * 2,  # early media, and answers
)
ENDS: Final = (
    "+12025550101",  # busy
    "+12025550102",  # rings for ever
    "+12025550103",  # declines
    "+12025550104",  # unallocated
    "+12025550105",  # congestion
    *["+12025550106"] * 2,  # answers, and hangs up after a second
    "+12025550108",  # the agent does not answer
)
"""What the laboratory's carrier and phone play: customers who talk until the agent hangs up, and calls that end."""

_CHOICES = ("Available", "Not Ready")
_CHOOSES = 0.15
"""How often an agent chooses a state before a press."""
_PRESS_LIMIT = 45.0
_CALL_LIMIT = 30.0
"""Seconds in which a call must have ended: its phones ring for 7 at most."""
_PATIENCE = 0.5
"""How often an agent waits until a call that ends by itself has done so."""
_TIDY_LIMIT = 40.0
_LOOK_EVERY = 1.0


@dataclass(kw_only=True, slots=True)
class _Choice:
    """A state that the agent has chosen."""

    state: str
    answered_at: float | None = None
    """None: nobody knows whether it took effect."""


class Agent:
    """One agent at work."""

    def __init__(
        self, *, number: int, agent_id: str, port: int, token: str, applications: int, over_http: bool, record: Record
    ) -> None:
        """`number` decides what the agent does. With `over_http` the presses go over HTTP."""
        self.id = agent_id
        self.cut_next = False
        """The socket, or the HTTP request, is lost right after the next press is sent."""
        self._over_http = over_http
        self._record = record
        self._random = random.Random(number)
        self._stop = asyncio.Event()
        self._chosen = [_Choice(state="Not Ready", answered_at=0.0)]
        self._desk = Desk(agent_id=agent_id, port=port, token=token, applications=applications, record=record)

    def stop(self) -> None:
        """Press no more; what is under way is brought to its end."""
        self._stop.set()

    async def run(self, outages: Outages) -> None:
        """Log in, press and talk until `stop`, then leave everything in order."""
        async with self._desk:
            await self._log_in()
            while not self._stop.is_set():
                if self._random.random() < _CHOOSES:
                    await self._look_at_own_state(outages)
                    await self._choose_state()
                await self._one_call()
                await asyncio.sleep(self._random.uniform(0.0, 0.3))
            await self._tidy_up(outages)

    # ── a press ──

    async def _one_call(self) -> None:
        press = self._record.press(self.id, uuid.uuid4().hex, self._random.choice(STAYS + ENDS))
        try:
            async with asyncio.timeout(_PRESS_LIMIT):
                call_id = await self._press_until_definite(press)
        except TimeoutError:
            self._record.incident("a press without a definite answer", self.id, detail=press.request_id)
            return
        if call_id:
            waits = press.number in ENDS and self._random.random() < _PATIENCE
            await self._see_through(call_id, patient=waits)

    async def _press_until_definite(self, press: Press) -> str:
        """The call of the press; "" where it was refused and there is none."""
        while True:
            message = await self._press(press)
            error = "no answer" if message is None else error_of(message)
            if error:
                self._record.answers[error] += 1
            if message is not None and not error:
                return call_in(message)
            if error == "AGENT_NOT_LOGGED_IN":
                self._record.incident("login lost", self.id)
                await self._log_in()
            elif message is not None and error == "CALL_IN_PROGRESS":
                await self._see_through(call_in(message))
            elif error == "MAKE_CALL_FAILED" and message is not None and call_in(message):
                press.refused = error
                return call_in(message)
            elif message is not None and not message["data"]["retryable"] and error != "CALL_OUTCOME_UNKNOWN":
                press.refused = error
                self._record.incident("an answer that no press should get", self.id, detail=str(message["data"]))
                return ""
            await asyncio.sleep(self._random.uniform(0.05, 0.4))

    async def _press(self, press: Press) -> Message | None:
        """Press once, from one application or from two at the same moment. None where no answer came."""
        cut, self.cut_next = self.cut_next, False
        limit = self._random.uniform(1.0, 13.0)
        ways = [self._send_press(press, self._desk.connections[0], over_http=self._over_http, cut=cut, limit=limit)]
        if len(self._desk.connections) > 1 and self._random.random() < 0.3:
            ways.append(self._send_press(press, self._desk.connections[1], over_http=False, cut=False, limit=limit))
        answers = [message for message in await asyncio.gather(*ways) if message is not None]
        return min(answers, key=is_error, default=None)

    async def _send_press(
        self, press: Press, connection: Connection, *, over_http: bool, cut: bool, limit: float
    ) -> Message | None:
        data = {"PhoneNumber": press.number}
        try:
            if over_http:
                message = await self._desk.post(DIAL, data, press.request_id, limit=0.01 if cut else limit)
            else:
                message = await connection.ask(DIAL, data, request_id=press.request_id, limit=limit, cut=cut)
        except NoAnswer as reason:
            self._record.answers[str(reason)] += 1
            return None
        call_id, error = call_in(message), error_of(message)
        if call_id and error != "CALL_IN_PROGRESS":
            dial = {} if error else message["message"]["dial"]
            press.answers.append(
                Answer(
                    at=time.time(), call_id=call_id, state=dial.get("state", ""),
                    replay=dial.get("replay", False), error=error,
                )
            )  # fmt: skip
        return message

    # ── a call ──

    async def _see_through(self, call_id: str, *, patient: bool = False) -> None:
        """Talk for a while, hang up, and clear the contact; until the call has ended.

        A `patient` agent does not hang up: the call must end by itself, also where nobody has it any more.
        """
        talk_until = time.monotonic() + (_CALL_LIMIT if patient else self._random.uniform(0.05, 1.5))
        holds = self._random.random() < 0.15
        limit = time.monotonic() + _CALL_LIMIT
        looked_at = time.monotonic()
        state = self._desk.state(call_id)
        while state != "ended":
            now = time.monotonic()
            if now > limit:
                self._record.incident("stuck", self.id, call_id=call_id, detail=f"in {state} as the agent sees it")
                return
            if state == "wrap_up":
                await self._desk.control("ClearContact", call_id)
            elif state == "connected" and holds:
                holds = False
                await self._desk.control("Hold", call_id)
                await self._desk.control("Resume", call_id)
            elif now >= talk_until:
                await self._desk.control("Disconnect", call_id)
                talk_until = now + 0.5
            await self._desk.wait_for_news(min(talk_until, looked_at + _LOOK_EVERY))
            state = self._desk.state(call_id)
            if time.monotonic() >= looked_at + _LOOK_EVERY:
                looked_at = time.monotonic()
                state = await self._desk.look(call_id) or state

    # ── the agent ──

    async def _log_in(self) -> None:
        while not self._stop.is_set():
            message = await self._desk.ask(f"{AGENT}/Login")
            if message is not None and not is_error(message):
                return
            await asyncio.sleep(0.2)

    async def _choose_state(self) -> None:
        choice = _Choice(state=self._random.choice(_CHOICES))
        self._chosen.append(choice)
        message = await self._desk.ask(f"{AGENT}/UpdateState", {"label": choice.state})
        if message is not None and not is_error(message):
            choice.answered_at = time.time()
        elif message is not None and error_of(message) == "AGENT_NOT_LOGGED_IN":
            self._record.incident("login lost", self.id)
            await self._log_in()

    async def _look_at_own_state(self, outages: Outages) -> None:
        """Between two calls the agent must be in the state that it has chosen, whatever broke since."""
        state = await self._own_state()
        if state in _CHOICES and state not in self._may_be_in(outages):
            self._record.incident("a state that the agent did not choose", self.id, detail=f"is {state}")
            self._chosen.append(_Choice(state=state, answered_at=time.time()))

    async def _own_state(self) -> str:
        sync = await self._desk.ask(f"{AGENT}/StateSync")
        agent_state = (sync or {}).get("message", {}).get("agentState") or {}
        return str(agent_state.get("name", ""))

    async def _tidy_up(self, outages: Outages) -> None:
        limit = time.monotonic() + _TIDY_LIMIT
        calls = await self._desk.calls()
        while calls != {} and time.monotonic() < limit:
            for call_id, state in (calls or {}).items():
                await self._desk.control("ClearContact" if state == "wrap_up" else "Disconnect", call_id)
            await asyncio.sleep(0.3)
            calls = await self._desk.calls()
        state = await self._own_state()
        self._record.standings.append(
            Standing(
                agent_id=self.id,
                state=state,
                chosen=self._may_be_in(outages),
                calls=[f"{call_id} {at}" for call_id, at in (calls or {}).items()],
            )
        )

    def _may_be_in(self, outages: Outages) -> frozenset[str]:
        """The newest choice, and the one before it where the newest may be lost or never took effect."""
        states = []
        for choice in reversed(self._chosen):
            states.append(choice.state)
            if choice.answered_at is not None and not outages.may_be_lost(choice.answered_at):
                break
        return frozenset(states)
