"""The demonstration on the bus: one press as the reference documents it to the end of its call, then some verdicts."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from rich.text import Text

from manualdial.client.bus_client import BusClient, Received
from manualdial.client.messages import Message, call_of, checked, error_of, request, verdict_of
from manualdial.client.press import PRESS_ADDRESS
from manualdial.commands.check import ADDRESS as CHECK
from manualdial.commands.failure import CommandFailed
from manualdial.commands.verdict import in_brief
from manualdial.explaining.verdict import against
from manualdial.law.verdict import Decision
from manualdial.places.time_zone import time_zone
from manualdial.plain_text import part
from manualdial.wire.messages.dial import VerdictMessage

REQUEST = """\
{
    "channel": "Amazon",
    "topic": "InboundCall",
    "subtopic": "ManualDialCall",
    "data": {
        "PhoneNumber": "+12345678900"
    }
}"""
"""The sample request of the Manual Dial Call page, to the letter."""

REPLY: Message = {
    "channel": "UI",
    "topic": "InboundCall",
    "subtopic": "ManualDialCall",
    "message": {
        "subtopic": "ManualDialCall",
        "topic": "InboundCall",
        "channel": "Amazon",
        "data": {"PhoneNumber": "+12345678900"},
    },
}
"""Its sample response."""

STATES = ["requested", "agent_ringing", "agent_answered", "dialing", "ringing", "connected", "wrap_up", "ended"]
"""The states of a call whose customer answers."""

TALK = 2.0
"""Seconds from the answer to the agent's hanging up."""

_CONNECTOR = "Amazon"

Show = Callable[[Message, float, bool], None]
"""Is shown each message, the seconds since the press, and whether the agent's application sent it."""

FLORIDA = "+13055550100"
_ZONE = "America/New_York"
_EVENING = 20, 30
"""After eight, where Florida closes, and before nine, where the federal rules do."""
_NIGHTLY_RULE = "calling-hours.us-fl"

LISTED = "+12025550117"
_LISTED_RULE = "do-not-call.company"
_SET_DNC = "LCM/Webservice/SetDNC"
_REFUSED = "CALL_REFUSED"

Say = Callable[[Text], None]


class DemoCall:
    """One press and its call, to the end."""

    def __init__(self, client: BusClient, show: Show) -> None:
        self._client = client
        self._show = show
        self._pressed_at = 0.0
        self._hang_up_at: float | None = None
        self._states: list[str] = []
        self.reply: Message | None = None

    async def run(self) -> None:
        """Press, talk, hang up, end the wrap-up. Raises CommandFailed where the call does not go as it should."""
        self._client.forget()
        await self._send(REQUEST)
        while self._state != "ended":
            received = await self._next()
            if received is None:
                await self._control("Disconnect")
            else:
                await self._take(received)
        await self._catch_up()
        if self.reply != REPLY:
            raise _call_failed("the reply is not the documented one")
        if self._states != STATES:
            raise _call_failed(f"the call went through {', '.join(self._states)}")

    @property
    def _state(self) -> str | None:
        return self._states[-1] if self._states else None

    async def _next(self) -> Received | None:
        """The next message; None when it is time to hang up."""
        try:
            async with asyncio.timeout_at(self._hang_up_at):
                return await self._client.read()
        except TimeoutError:
            self._hang_up_at = None
            return None

    async def _take(self, received: Received) -> None:
        message = received.message
        self._show(message, received.at - self._pressed_at, False)
        if (error := error_of(message)) is not None:
            raise _call_failed(f"the service answered {error.get('errorType')}: {error.get('errorMessage')}")
        if message.get("subtopic") == "ManualDialCall":
            self.reply = message
        dial = call_of(message)
        if dial is None or dial.get("state") == self._state:
            return
        self._states.append(str(dial.get("state")))
        if self._state == "connected":
            self._hang_up_at = asyncio.get_running_loop().time() + TALK
        if self._state == "wrap_up":
            self._hang_up_at = None
            await self._control("ClearContact")

    async def _catch_up(self) -> None:
        """Show what was published before now: the answer to a question comes after it."""
        answer = await self._client.ask(f"{_CONNECTOR}/Agent/StateSync")
        while (received := await self._client.read()) is not answer:
            await self._take(received)

    async def _control(self, subtopic: str) -> None:
        await self._send(request(f"{_CONNECTOR}/InboundCall/{subtopic}"))

    async def _send(self, text: str) -> None:
        now = time.monotonic()
        self._pressed_at = self._pressed_at or now
        self._show(json.loads(text), now - self._pressed_at, True)
        await self._client.send(text)


def _call_failed(trouble: str) -> CommandFailed:
    return CommandFailed(f"The call did not go as it should: {trouble}.")


class DemoVerdicts:
    """Asks, shows each verdict, and compares it with what it should be."""

    def __init__(self, client: BusClient, say: Say) -> None:
        self._client = client
        self._say = say

    async def run(self) -> None:
        """Florida in the evening, Florida when it is permitted, and a number whose owner wants no calls.

        Raises CommandFailed where a verdict is not as it should be.
        """
        self._client.forget()
        evening = _tomorrow_evening()
        self._say(Text("May a number in Florida be called to sell something, tomorrow at half past eight?"))
        self._say(Text("The federal rules permit that until nine, those of Florida until eight.\n"))
        verdict = await self._check(evening)
        self._expect(verdict, _NIGHTLY_RULE)
        permitted = verdict.next_permitted_at
        if not isinstance(permitted, str):
            raise _verdict_failed("the refusal names no later moment")
        self._say(Text("\nAnd at the moment that the verdict names?\n"))
        self._expect(await self._check(datetime.fromisoformat(permitted)), None)
        self._say(Text("\nSomebody says to Ann: do not call me again. Her application puts the number on the list,"))
        self._say(Text("and whoever presses it from then on is refused before anything rings:\n"))
        await self._list()
        self._expect(await self._press(), _LISTED_RULE)

    async def _check(self, at: datetime) -> VerdictMessage:
        local = at.astimezone(time_zone(_ZONE)).isoformat(timespec="seconds")
        answer = await self._ask(CHECK, {"PhoneNumber": FLORIDA, "Purpose": "sales", "At": local})
        verdict = checked(answer).verdict
        self._say(in_brief(verdict, FLORIDA, at=at))
        return verdict

    async def _list(self) -> None:
        answer = await self._ask(_SET_DNC, {"PhoneNumber": LISTED, "Reason": "asked in the call"})
        if part(answer, "message", "response", "success") is not True:
            raise _verdict_failed("the number was not put on the list")

    async def _press(self) -> VerdictMessage:
        answer = await self._ask(PRESS_ADDRESS, {"PhoneNumber": LISTED})
        error = error_of(answer) or {}
        verdict = verdict_of(part(error, "details", "verdict"))
        if error.get("errorType") != _REFUSED:
            raise _verdict_failed("a number on the list was not refused")
        self._say(Text(f"{_REFUSED}: ", style="bold red").append_text(in_brief(verdict, LISTED, at=datetime.now(UTC))))
        return verdict

    async def _ask(self, address: str, data: Message) -> Message:
        """Send a request, and return its answer, whether it is a reply or an error."""
        request_id = str(uuid.uuid4())
        self._say(
            Text("→ ", style="bold").append(address, style="magenta").append(f"  {json.dumps(data)}", style="cyan")
        )
        asked_at = time.monotonic()
        await self._client.send(request(address, data, request_id=request_id))
        while (received := await self._client.read()).message.get("requestId") != request_id:
            pass
        self._say(Text(f"← after {(received.at - asked_at) * 1000:.1f} ms", style="bold"))
        return received.message

    def _expect(self, verdict: VerdictMessage, rule: str | None) -> None:
        """The call is refused by that rule, or allowed where there is none."""
        refusing = {one.rule for one in against(verdict)}
        good = rule in refusing if rule is not None else verdict.decision == Decision.ALLOW
        if not good:
            raise _verdict_failed(f"{rule or 'every rule'} should have decided, not {sorted(refusing)}")


def _tomorrow_evening() -> datetime:
    hour, minute = _EVENING
    tomorrow = datetime.now(UTC).astimezone(time_zone(_ZONE)) + timedelta(days=1)
    return tomorrow.replace(hour=hour, minute=minute, second=0, microsecond=0)


def _verdict_failed(trouble: str) -> CommandFailed:
    return CommandFailed(f"A verdict is not as it should be: {trouble}.")
