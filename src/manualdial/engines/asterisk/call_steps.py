"""The requests to Asterisk for one call, step by step. The steps decide nothing but when not to go on.

All raise the port's errors: EngineRefused, EngineUnavailable, EngineSilent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

from manualdial.calls import Leg
from manualdial.engines.asterisk.ari import DIGIT_MILLISECONDS, Ari, ChannelExists
from manualdial.engines.asterisk.dial_strings import DialStrings
from manualdial.engines.asterisk.in_flight import TrackedCall, TrackedLeg
from manualdial.ports import Clock, EngineRefused, EngineSilent, EngineUnavailable

_GRACE: Final = 5.0
"""Seconds that Asterisk's own dial time-out has before ours."""


class CallSteps:
    """The requests of a call. Times are in seconds.

    `request_timeout` limits what comes before a dial, as a whole; `agent_timeout` and `customer_timeout` limit the
    ringing. `extension_pause` goes from the answer to the extension's digits, and once more for each comma in between.
    """

    def __init__(
        self,
        *,
        ari: Ari,
        dial_strings: DialStrings,
        clock: Clock,
        request_timeout: float,
        agent_timeout: int,
        customer_timeout: int,
        extension_pause: float,
    ) -> None:
        self._ari = ari
        self._dial_strings = dial_strings
        self._clock = clock
        self._request_timeout = request_timeout
        self._ringing = {Leg.AGENT: agent_timeout, Leg.CUSTOMER: customer_timeout}
        self._extension_pause = extension_pause

    async def ring_agent(self, call: TrackedCall, journalled: Awaitable[object] | None) -> None:
        """Make the agent's leg, which rings nobody, and once the call is `journalled` dial it.

        Raises ChannelExists too, where the leg is there already, and what `journalled` raises.
        """
        try:
            async with asyncio.timeout(self._request_timeout):
                await self._enter(call, call.agent)
        except TimeoutError as problem:
            raise EngineSilent("Asterisk did not say in time whether the agent's leg is there") from problem
        if journalled is not None:
            await journalled
        if call.ending is not None:
            raise EngineRefused("the call was ended before it was dialled")
        await self.dial(call.agent)

    async def join_customer(self, call: TrackedCall) -> bool:
        """Make the customer's leg and join it with the agent's; both hear each other from the first early media on.

        False where the call ended meanwhile.
        """
        try:
            async with asyncio.timeout(self._request_timeout):
                call.bridged = True
                await self._ari.create_bridge(call.id)
                if not call.customer.asked and call.ending is None:
                    await self._enter(call, call.customer)
                if call.ending is None:
                    await self._ari.add_to_bridge(call.id, call.agent.id, call.customer.id)
        except TimeoutError as problem:
            raise EngineSilent("Asterisk did not say in time whether the customer's leg is there") from problem
        return call.ending is None

    async def dial(self, leg: TrackedLeg) -> None:
        """Dial a leg, once."""
        leg.dial_sent = True
        leg.deadline = self.deadline(leg.leg)
        await self._ari.dial(leg.id, seconds=self._ringing[leg.leg])

    async def send_extension(self, call: TrackedCall) -> None:
        """Dial on: a pause, digits, and for each comma in them a further pause."""
        for digits in (call.order.number.extension or "").split(","):
            await asyncio.sleep(self._extension_pause)
            if digits and call.ending is None:
                await self._ari.send_dtmf(call.customer.id, digits)
                await asyncio.sleep(len(digits) * DIGIT_MILLISECONDS / 1000)

    async def part(self, call: TrackedCall) -> None:
        """Take the customer out of the bridge, into the music: in the bridge the agent would go on hearing them."""
        await self._ari.remove_from_bridge(call.id, call.customer.id)
        try:
            await self._ari.play_music(call.customer.id, on=True)
        except EngineRefused:
            await self._ari.add_to_bridge(call.id, call.customer.id)
            raise

    async def rejoin(self, call: TrackedCall) -> None:
        """Bring the customer back from the music."""
        await self._ari.play_music(call.customer.id, on=False)
        await self._ari.add_to_bridge(call.id, call.customer.id)

    def deadline(self, leg: Leg) -> float:
        """When a leg that is dialled now must be up (monotonic seconds)."""
        return self._clock.monotonic() + self._ringing[leg] + _GRACE

    async def _enter(self, call: TrackedCall, leg: TrackedLeg) -> None:
        """Make a channel and wait until it can be dialled; Asterisk answers before that."""
        endpoint = self._dial_strings.endpoint(call.order, leg.leg)
        variables = self._dial_strings.variables(call.order, leg.leg)
        leg.asked = True
        leg.entered = asyncio.get_running_loop().create_future()
        try:
            await self._ari.create_channel(leg.id, endpoint, variables)
            if not await leg.entered:
                raise EngineRefused("the leg ended before it was dialled")
        except (ChannelExists, EngineUnavailable):
            leg.asked = False
            raise
        finally:
            leg.entered = None
