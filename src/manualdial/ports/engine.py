"""The port to a telephony engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Collection
from typing import Protocol

import msgspec

from manualdial.calls import Action, Report
from manualdial.numbers import PhoneNumber
from manualdial.ports.clock import Health


class EngineRefused(Exception):
    """The engine was asked and said no: nothing rings."""


class EngineUnavailable(Exception):
    """The engine cannot be asked now: nothing was sent, nothing rings."""


class EngineSilent(Exception):
    """The engine was asked and did not say: it may be ringing. It must be asked what it knows, never to dial again."""


class Originate(msgspec.Struct, frozen=True, kw_only=True):
    """The order to place one call: ring the agent, then the customer. It holds all that an engine must know."""

    call_id: str
    extension: str
    """The agent's phone."""
    number: PhoneNumber
    """The customer; `number.extension` is sent as DTMF after the answer."""
    caller_id: str | None = None
    """The number shown to the customer, in E.164."""


class Engine(Protocol):
    """A telephony engine. It rings the agent's phone first and the customer only after the agent has answered.

    The engine knows a call by our call id. It reports what happens by `reports`, in order for each call, and at most
    one ENDED for each call; the caller tolerates late and repeated reports. It calls nobody.
    An engine is an async context manager: entering starts its tasks and returns at once, also when the far end is not
    there (it goes on trying); leaving ends its tasks and leaves live calls up in the far end.
    """

    name: str
    """Its name, also the name of its connector: Simulator, Asterisk …"""
    actions: frozenset[Action]
    """The actions that its calls can take, DISCONNECT in any case. It is asked for nothing else."""

    @property
    def ready(self) -> bool:
        """Whether it can be asked to place a call now, as far as it knows without asking the far end.

        Looked at before a press is written into the journal: a press that finds the engine away is not remembered.
        """
        ...

    async def __aenter__(self) -> Engine: ...

    async def __aexit__(self, *exception: object) -> None: ...

    async def originate(self, order: Originate, journalled: Awaitable[object] | None = None) -> None:
        """Take the call: on return the agent's phone is being rung, or will be at once.

        Nothing rings before `journalled` is done (None: it is); what needs no ringing may be made ready meanwhile.
        Where `journalled` raises, whatever it is, everything is undone and the same exception is raised; where this is
        cancelled before anything rings, everything is undone too. Such a call is not there, and its end is not told.
        The same call id again is refused or found, never dialled twice.
        Raises EngineRefused, EngineUnavailable, EngineSilent; no others of its own. Limits its own wait by the time-out
        it was built with and then raises EngineSilent.
        """
        ...

    async def hang_up(self, call_id: str) -> bool:
        """End all legs of a call, on the agent's wish. ENDED is reported by the stream, `by` the agent.

        Returns False where the engine has no such call; then nothing is reported.
        Raises EngineUnavailable or EngineSilent. Safe to repeat.
        """
        ...

    async def hold(self, call_id: str) -> None:
        """The customer hears music, the agent does not hear the customer. HELD is reported by the stream.

        Raises EngineRefused (also for an unknown call), EngineUnavailable or EngineSilent.
        """
        ...

    async def resume(self, call_id: str) -> None:
        """End a hold. RESUMED is reported by the stream. Errors as `hold`."""
        ...

    async def send_dtmf(self, call_id: str, digits: str) -> None:
        """Send digits (0-9 * # A-D) to the customer. Returns when the engine has taken them. Errors as `hold`."""
        ...

    async def mute(self, call_id: str, *, muted: bool) -> None:
        """The customer hears the agent no more, or again. Nothing is reported. Errors as `hold`."""
        ...

    async def adopt(self, orders: Collection[Originate]) -> frozenset[str]:
        """Compare calls with what the far end has: take over those that were placed before and are still there.

        Returns the ids of the calls that the far end has; the others are gone. Of a call that the engine reports on
        already it is found out anew how it stands, and what was missed is reported. For a call that it takes over, it
        reports the state that the call is in. Nothing is ever dialled again; a step that was not taken yet is taken.
        The first `adopt` after each Reconnected names every live call: calls of ours that are in none of its orders,
        and that the engine does not know, are hung up, and told as Orphan.
        Raises EngineUnavailable or EngineSilent: then nothing is known of any of them.
        """
        ...

    def reports(self) -> AsyncIterator[Report | Reconnected | Orphan]:
        """The reports of what happens to calls, for as long as the engine runs. One reader.

        Reconnected comes after each gap in which reports may have been lost; the calls that the engine still knew of
        are settled by then (their ends reported), and the reader may ask by `adopt` for those that it alone knows.
        """
        ...

    async def health(self) -> Health:
        """Whether a call could be placed now. Does not raise; answers within a second or says that it could not."""
        ...


class Reconnected(msgspec.Struct, frozen=True):
    """The engine was out of reach and is back (or was reached for the first time)."""


class Orphan(msgspec.Struct, frozen=True, kw_only=True):
    """The far end had something of a call of ours that the journal does not have; the engine takes it away."""

    call_id: str
    what: str
    """Which part of the call it was, in the engine's words: its agent's leg, its bridge …"""
