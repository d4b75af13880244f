"""One Asterisk, an agent's phone, a carrier, and engines that use them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from manualdial import numbers
from manualdial.engines.asterisk import AsteriskEngine
from manualdial.ports import Originate
from tests.telephony.lab import sip_messages
from tests.telephony.lab.asterisk_server import AsteriskServer
from tests.telephony.lab.sip_messages import SipMessage
from tests.telephony.lab.sipp import Sipp

CALLER_ID = "+12025550180"
EXTENSION = "4001"


class RealClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return monotonic()


def order(number: str = "+12025550100", *, call_id: str | None = None, extension: str = EXTENSION) -> Originate:
    """An order for a fresh call."""
    return Originate(
        call_id=call_id or str(uuid.uuid4()), extension=extension, number=numbers.parse(number, region="US")
    )


class Laboratory:
    """What is started here ends with the `with` block."""

    def __init__(self, *, directory: Path) -> None:
        self.asterisk = AsteriskServer(directory=directory / "asterisk")
        self._directory = directory
        self._started = ExitStack()

    def __enter__(self) -> Laboratory:
        self.asterisk.start()
        self._started.callback(self.asterisk.kill)
        return self

    def __exit__(self, *exception: object) -> None:
        self._started.close()

    def phone(self, scenario: str = "phone_answers", *, media_port: int | None = None) -> Sipp:
        """Start an agent's phone."""
        return self._started.enter_context(Sipp(scenario, directory=self._directory, media_port=media_port))

    def carrier(self, *, media_port: int | None = None) -> Sipp:
        """Start the carrier that answers by number."""
        return self.phone("carrier", media_port=media_port)

    def engine(self, phone: Sipp, carrier: Sipp, **changes: Any) -> AsteriskEngine:
        """An engine, not started, that rings this phone and dials through this carrier."""
        values: dict[str, Any] = {
            "url": self.asterisk.url,
            "user": self.asterisk.user,
            "password": self.asterisk.password,
            "application": "manualdial",
            "agent_endpoint": f"PJSIP/agent/sip:{{extension}}@127.0.0.1:{phone.port}",
            "trunk_endpoint": f"PJSIP/trunk/sip:{{number}}@127.0.0.1:{carrier.port}",
            "caller_id": CALLER_ID,
            "clock": RealClock(),
            "agent_timeout": 5,
            "customer_timeout": 5,
            "extension_pause": 0.1,
            "request_timeout": 5.0,
            "reconnect_first": 0.05,
            "reconnect_most": 0.5,
            "look_every": 0.2,
            "hang_up_every": 1.0,
            "ring_delay": 2.0,
        }
        return AsteriskEngine(**values | changes)

    async def until_gone(self, channel_id: str) -> None:
        """Return when Asterisk has no such channel."""
        await self._until(lambda: channel_id not in self.asterisk.channels())

    async def until_no_channel(self) -> None:
        """Return when Asterisk has no channel."""
        await self._until(lambda: not self.asterisk.channels())

    async def until_idle(self) -> None:
        """Return when Asterisk has no channel and no bridge."""
        await self._until(lambda: not self.asterisk.channels() and not self.asterisk.bridges())

    async def _until(self, is_so: Callable[[], bool]) -> None:
        deadline = monotonic() + 10
        while not is_so():
            left = [*self.asterisk.channels(), *self.asterisk.bridges()]
            assert monotonic() < deadline, f"Asterisk still has {left}"
            await asyncio.sleep(0.01)


def invites(party: Sipp) -> list[SipMessage]:
    """The calls that came to a phone or a carrier, each once."""
    return sip_messages.requests(party.messages(), "INVITE")
