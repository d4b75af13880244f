"""An Asterisk in memory: what the engine's inner parts are tested against where a real one cannot fail on demand."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from manualdial import numbers
from manualdial.calls import CallSignal, Ending, Report
from manualdial.engines.asterisk.ari import Ari, Bridge, Channel, ChannelExists, Event, Snapshot
from manualdial.engines.asterisk.call_controller import CallController
from manualdial.engines.asterisk.call_steps import CallSteps
from manualdial.engines.asterisk.comparison import Comparison
from manualdial.engines.asterisk.dial_strings import DialStrings
from manualdial.engines.asterisk.in_flight import CallsInFlight
from manualdial.engines.asterisk.orphans import Orphans
from manualdial.engines.asterisk.reports import Reports
from manualdial.ports import Originate, Orphan, Reconnected
from manualdial.tasks import Tasks
from tests.support.moved_clock import MovedClock
from tests.support.waiting import until


def order() -> Originate:
    """An order for a fresh call."""
    number = numbers.parse("+12025550100", region="US")
    return Originate(call_id=str(uuid.uuid4()), extension="4001", number=number)


class SmallAsterisk(Ari):
    """Channels and bridges as Asterisk keeps them. Far ends do what a test has them do."""

    def __init__(self) -> None:
        super().__init__(
            url="http://127.0.0.1",
            user="",
            password="",
            application="manualdial",
            request_timeout=1.0,
            connections=1,
            requests_on_socket=False,
        )
        self.channels: dict[str, str] = {}
        """The state of each, by id."""
        self.made_at: dict[str, datetime] = {}
        """When a channel was made, for those of which that is known."""
        self.time = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)
        """By its own clock."""
        self.bridges: dict[str, set[str]] = {}
        self.asked: list[tuple[str, str]] = []
        """Each request and what it was about, in order."""
        self.fails: dict[str, Exception] = {}
        """What is asked for, or what it is asked about: such requests do nothing but raise this."""
        self.during_snapshot: Callable[[], object] = lambda: None
        """Happens after the snapshot is taken and before it is answered."""
        self.tells = True
        """False: its events are lost."""
        self.listener: Callable[[Event], None] = lambda event: None

    def count(self, request: str) -> int:
        """How often something was asked for."""
        return sum(1 for asked, _ in self.asked if asked == request)

    # ── what far ends do ──

    def comes_to(self, channel_id: str, state: str) -> None:
        """A leg rings or is answered."""
        self.channels[channel_id] = state
        self.tell("ChannelStateChange", channel_id)

    def ends(self, channel_id: str, *, cause: int = 16) -> None:
        """A leg hangs up."""
        self.channels.pop(channel_id, None)
        for joined in self.bridges.values():
            joined.discard(channel_id)
        self.tell("ChannelDestroyed", channel_id, cause=cause)

    def tell(self, kind: str, channel_id: str, *, cause: int | None = None) -> None:
        """Send an event."""
        if self.tells:
            channel = Channel(id=channel_id, state=self.channels.get(channel_id, ""))
            self.listener(Event(type=kind, channel=channel, cause=cause))

    # ── what it is asked ──

    async def create_channel(self, channel_id: str, endpoint: str, variables: Mapping[str, str]) -> None:
        await self._ask("create", channel_id)
        if channel_id in self.channels:
            raise ChannelExists
        self.channels[channel_id] = "Down"
        asyncio.get_running_loop().call_soon(self.tell, "StasisStart", channel_id)

    async def dial(self, channel_id: str, *, seconds: int) -> None:
        await self._ask("dial", channel_id)

    async def hang_up(self, channel_id: str) -> bool:
        await self._ask("hang_up", channel_id)
        was_there = channel_id in self.channels
        if was_there:
            self.ends(channel_id)
        return was_there

    async def play_ringback(self, channel_id: str, *, on: bool) -> None:
        await self._ask("start_ringback" if on else "stop_ringback", channel_id)

    async def create_bridge(self, bridge_id: str) -> None:
        await self._ask("create_bridge", bridge_id)
        self.bridges.setdefault(bridge_id, set())

    async def add_to_bridge(self, bridge_id: str, *channel_ids: str) -> None:
        await self._ask("add_to_bridge", bridge_id)
        self.bridges[bridge_id].update(channel_ids)

    async def destroy_bridge(self, bridge_id: str) -> bool:
        await self._ask("destroy_bridge", bridge_id)
        return self.bridges.pop(bridge_id, None) is not None

    async def snapshot(self) -> Snapshot:
        await self._ask("snapshot", "")
        taken = Snapshot(
            at=self.time,
            channels={key: self._channel(key) for key in self.channels},
            bridges={key: Bridge(id=key, channels=tuple(joined)) for key, joined in self.bridges.items()},
        )
        self.during_snapshot()
        return taken

    def _channel(self, channel_id: str) -> Channel:
        made_at = self.made_at.get(channel_id)
        created = "" if made_at is None else made_at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        return Channel(id=channel_id, state=self.channels[channel_id], creationtime=created)

    async def _ask(self, request: str, about: str) -> None:
        self.asked.append((request, about))
        await asyncio.sleep(0)
        failure = self.fails.get(request) or self.fails.get(about)
        if failure is not None:
            raise failure


class KeptReports(Reports):
    """Reports that nobody reads, kept."""

    def __init__(self) -> None:
        super().__init__(limit=1000)
        self.kept: list[Report | Reconnected | Orphan] = []

    def put(self, report: Report | Reconnected | Orphan) -> None:
        self.kept.append(report)


@dataclass(frozen=True, kw_only=True)
class Line:
    """The engine's inner parts, on a small Asterisk; its looks at the clock are a test's to order."""

    asterisk: SmallAsterisk
    controller: CallController
    in_flight: CallsInFlight
    comparison: Comparison
    orphans: Orphans
    clock: MovedClock
    tasks: Tasks
    told: list[Report | Reconnected | Orphan]

    def signals(self, call_id: str) -> list[CallSignal]:
        """What was told of a call."""
        return [told.signal for told in self.told if isinstance(told, Report) and told.call_id == call_id]

    def told_orphans(self) -> list[Orphan]:
        """The orphans that were told."""
        return [told for told in self.told if isinstance(told, Orphan)]

    async def until(self, call_id: str, signal: CallSignal) -> None:
        """Return when that was told, and all that comes of it is done."""
        await until(lambda: signal in self.signals(call_id))
        await self.quiet()
        self.clock.move(1)

    async def quiet(self) -> None:
        """Return when nothing is being done."""
        await until(lambda: not len(self.tasks))

    async def ending(self, call_id: str) -> Ending:
        """How the call ended."""
        await self.until(call_id, CallSignal.ENDED)
        (ending,) = [told.ending for told in self.told if isinstance(told, Report) and told.signal is CallSignal.ENDED]
        assert ending is not None
        return ending

    async def ringing(self) -> Originate:
        """A call whose customer's phone rings."""
        placed = order()
        await self.controller.place(placed, None)
        self.asterisk.comes_to(f"{placed.call_id}.agent", "Up")
        await until(lambda: ("dial", f"{placed.call_id}.customer") in self.asterisk.asked)
        self.asterisk.comes_to(f"{placed.call_id}.customer", "Ringing")
        await self.until(placed.call_id, CallSignal.RINGING)
        return placed

    async def connected(self) -> Originate:
        """A call in which they talk."""
        placed = await self.ringing()
        self.asterisk.comes_to(f"{placed.call_id}.customer", "Up")
        await self.until(placed.call_id, CallSignal.CONNECTED)
        return placed

    async def look(self, *, after: float = 1.0) -> None:
        """Let time pass, and look, as the engine does each second."""
        self.clock.move(after)
        if self.controller.see_to_what_is_late():
            await self.comparison.of_doubtful()
        await self.orphans.take_away()
        await self.quiet()

    async def adopt(self, *orders: Originate) -> frozenset[str]:
        """Compare calls a moment after the last thing that happened; what comes of it is done on return."""
        self.clock.move(1)
        there = await self.comparison.adopt(orders)
        await self.quiet()
        return there

    def reconnect(self) -> None:
        """There was a gap in the events, and the reader of the reports has been told."""
        self.orphans.gap()
        self.orphans.gap_told()


@asynccontextmanager
async def running_line() -> AsyncIterator[Line]:
    """A line that is up, and compared with a journal that is empty."""
    clock, tasks, in_flight, reports = MovedClock(), Tasks(), CallsInFlight(), KeptReports()
    asterisk = SmallAsterisk()
    orphans = Orphans(ari=asterisk, in_flight=in_flight, reports=reports, tasks=tasks)
    steps = CallSteps(
        ari=asterisk,
        dial_strings=DialStrings(
            agent_endpoint="PJSIP/{extension}", trunk_endpoint="PJSIP/{number}@trunk", caller_id=None
        ),
        clock=clock,
        request_timeout=1.0,
        agent_timeout=20,
        customer_timeout=45,
        extension_pause=1.0,
    )
    controller = CallController(
        ari=asterisk,
        steps=steps,
        in_flight=in_flight,
        orphans=orphans,
        clock=clock,
        reports=reports,
        tasks=tasks,
        hang_up_every=3.0,
    )
    comparison = Comparison(
        ari=asterisk,
        steps=steps,
        controller=controller,
        in_flight=in_flight,
        orphans=orphans,
        reports=reports,
        clock=clock,
        event_delay=0.05,
        ring_delay=5.0,
    )
    line = Line(
        asterisk=asterisk,
        controller=controller,
        in_flight=in_flight,
        comparison=comparison,
        orphans=orphans,
        clock=clock,
        tasks=tasks,
        told=reports.kept,
    )
    asterisk.listener = controller.on_event

    line.reconnect()
    await comparison.adopt([])
    try:
        yield line
    finally:
        await tasks.close()
