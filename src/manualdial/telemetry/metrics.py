"""The figures at /metrics. The only home of prometheus_client."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from cachetools import FIFOCache
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from manualdial.calls import Call, CallState

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_MAX_PRESSES = 100_000


class Metrics:
    """Counts and times of presses, calls and messages. One registry a service."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        self._since_press = Histogram(
            "manualdial_press_seconds",
            "Time from the press to a milestone: verdict, accepted (by the engine), ringing (first), answered.",
            ("milestone", "outcome"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._presses = counter("manualdial_presses", "Presses by outcome.", ("outcome",))
        self._blocked = counter("manualdial_blocks", "Rules that did not allow a press, by kind.", ("kind",))
        self._calls_ended = counter("manualdial_calls_ended", "Calls by who ended them and why.", ("by", "cause"))
        self._requests = counter("manualdial_requests", "Requests by address and outcome.", ("address", "outcome"))
        self._delivered = counter("manualdial_deliveries", "Messages handed to readers of the bus.")
        closed = "Connections of the bus that the service closed, by close code."
        self._closed = counter("manualdial_connections_closed", closed, ("code",))
        self._strays = counter("manualdial_strays", "Parts of calls that the engine had and the journal had not.")
        self._commits = counter("manualdial_journal_commits", "Transactions that the journal has committed.")
        self._known_commits = 0
        self._live_calls = gauge("manualdial_live_calls", "Calls that are not ended.")
        self._agents = gauge("manualdial_agents_logged_in", "Agents who are logged in.")
        self._readers = gauge("manualdial_readers", "Connections that read the bus.")
        self._pressed: FIFOCache[str, float] = FIFOCache(_MAX_PRESSES)

    def request(self, address: str, outcome: str) -> None:
        """A request was answered."""
        self._requests.labels(address, outcome).inc()

    def delivered(self, readers: int) -> None:
        """A message was handed to this many readers."""
        self._delivered.inc(readers)

    def closed(self, code: int) -> None:
        """The service closed a connection of the bus with this code."""
        self._closed.labels(str(code)).inc()

    def orphan(self) -> None:
        """The engine had something of a call that the journal did not have."""
        self._strays.inc()

    def press(self, outcome: str) -> None:
        """A press had this outcome: called, replay, or the type of the error."""
        self._presses.labels(outcome).inc()

    def blocked(self, kinds: Iterable[str]) -> None:
        """A press was refused by rules of these kinds: what stands in their names before the dot."""
        for kind in kinds:
            self._blocked.labels(kind).inc()

    def since_press(self, milestone: str, seconds: float, *, outcome: str) -> None:
        """A press reached a milestone; `outcome` is what came of it there."""
        self._since_press.labels(milestone, outcome).observe(seconds)

    def pressed(self, call_id: str, at: float) -> None:
        """A press became a call; `at` is the monotonic time of the press."""
        self._pressed[call_id] = at

    def call_state(self, call: Call, *, at: float) -> None:
        """A call came into its state; `at` is the monotonic time."""
        pressed = self._pressed.get(call.id)
        if pressed is not None and call.state is CallState.AGENT_RINGING:
            self.since_press("ringing", at - pressed, outcome="called")
        if pressed is not None and call.state is CallState.CONNECTED and call.previous is not CallState.HELD:
            self.since_press("answered", at - pressed, outcome="called")
        if call.is_over:
            self._pressed.pop(call.id, None)
            if call.ending is not None:
                self._calls_ended.labels(call.ending.by, call.ending.cause).inc()

    def text(self, *, live_calls: int, agents: int, readers: int, commits: int) -> bytes:
        """All figures in Prometheus's text form. `commits`: those of the journal since the start."""
        self._commits.inc(commits - self._known_commits)
        self._known_commits = commits
        self._live_calls.set(live_calls)
        self._agents.set(agents)
        self._readers.set(readers)
        return generate_latest(self._registry)
