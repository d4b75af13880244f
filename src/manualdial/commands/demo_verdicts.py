"""The verdicts of the demonstration: a call that the law refuses at that hour, the hour it permits, and a list."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from rich.text import Text

from manualdial.client.bus_client import BusClient
from manualdial.client.messages import Message, checked, error_of, part, request, verdict_of
from manualdial.client.press import PRESS_ADDRESS
from manualdial.commands.check import ADDRESS as CHECK
from manualdial.commands.verdict import in_brief
from manualdial.explaining.verdict import against
from manualdial.law.verdict import Decision
from manualdial.places.time_zone import time_zone
from manualdial.wire.messages.dial import VerdictMessage

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


class DemoVerdicts:
    """Asks, shows each verdict, and compares it with what it should be."""

    def __init__(self, client: BusClient, say: Say) -> None:
        self._client = client
        self._say = say
        self.trouble = ""
        """Why a verdict is not as it should be; empty where all are."""

    async def run(self) -> None:
        """Florida in the evening, Florida when it is permitted, and a number whose owner wants no calls."""
        self._client.forget()
        evening = _tomorrow_evening()
        self._say(Text("May a number in Florida be called to sell something, tomorrow at half past eight?"))
        self._say(Text("The federal rules permit that until nine, those of Florida until eight.\n"))
        verdict = await self._check(evening)
        self._expect(verdict, _NIGHTLY_RULE)
        permitted = verdict.next_permitted_at
        if not isinstance(permitted, str):
            self.trouble = self.trouble or "the refusal names no later moment"
        if self.trouble:
            return
        self._say(Text("\nAnd at the moment that the verdict names?\n"))
        self._expect(await self._check(datetime.fromisoformat(str(permitted))), None)
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
            self.trouble = self.trouble or "the number was not put on the list"

    async def _press(self) -> VerdictMessage:
        answer = await self._ask(PRESS_ADDRESS, {"PhoneNumber": LISTED})
        error = error_of(answer) or {}
        if error.get("errorType") != _REFUSED:
            self.trouble = self.trouble or "a number on the list was not refused"
        verdict = verdict_of(part(error, "details", "verdict"))
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
            self.trouble = self.trouble or f"{rule or 'every rule'} should have decided, not {sorted(refusing)}"


def _tomorrow_evening() -> datetime:
    hour, minute = _EVENING
    tomorrow = datetime.now(UTC).astimezone(time_zone(_ZONE)) + timedelta(days=1)
    return tomorrow.replace(hour=hour, minute=minute, second=0, microsecond=0)
