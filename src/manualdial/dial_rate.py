"""How fast may be dialled, by an agent and by all together: token buckets. Who is too fast is told how long to wait."""

from __future__ import annotations

import math
from collections import OrderedDict

from manualdial.errors import DialRateExceeded
from manualdial.ports import Clock

_MAX_AGENTS = 100_000


class Bucket:
    """Holds up to `burst` tokens, and gets `rate` of them a second."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, *, rate: float, burst: int, at: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._at = at

    def wait(self, at: float) -> float:
        """How many seconds until there is a token."""
        self._tokens = min(self._burst, self._tokens + (at - self._at) * self._rate)
        self._at = at
        return max(0.0, (1.0 - self._tokens) / self._rate)

    def take(self) -> None:
        """Take a token that is there."""
        self._tokens -= 1.0

    def give_back(self) -> None:
        """Put a token back that was taken for nothing."""
        self._tokens = min(self._burst, self._tokens + 1.0)


class DialRate:
    """The limits of each engine and of each agent; a rate of 0 is no limit. Nothing ever waits in a queue."""

    def __init__(
        self, *, clock: Clock, agent_rate: float, agent_burst: int, engine_rate: float, engine_burst: int
    ) -> None:
        """Rates in calls a second."""
        self._clock = clock
        self._agent_rate = agent_rate
        self._agent_burst = agent_burst
        self._engine_rate = engine_rate
        self._engine_burst = engine_burst
        self._engines: dict[str, Bucket] = {}
        self._agents: OrderedDict[str, Bucket] = OrderedDict()

    def take_of_agent(self, agent_id: str) -> DialRateExceeded | None:
        """Take the agent's right to one press; where there is none, the refusal, with `details.retryAfter`."""
        return self._take(self._bucket_of(agent_id))

    def take_of_engine(self, engine: str) -> DialRateExceeded | None:
        """Take the right of all together to begin one call on an engine; where there is none, the refusal."""
        if self._engine_rate <= 0:
            return None
        if engine not in self._engines:
            at = self._clock.monotonic()
            self._engines[engine] = Bucket(rate=self._engine_rate, burst=self._engine_burst, at=at)
        return self._take(self._engines[engine])

    def give_back_to_agent(self, agent_id: str) -> None:
        """The press was none: it repeats an earlier one, or could not be made."""
        if (bucket := self._bucket_of(agent_id)) is not None:
            bucket.give_back()

    def give_back_to_engine(self, engine: str) -> None:
        """No call was begun."""
        if (bucket := self._engines.get(engine)) is not None:
            bucket.give_back()

    def _take(self, bucket: Bucket | None) -> DialRateExceeded | None:
        if bucket is None:
            return None
        wait = bucket.wait(self._clock.monotonic())
        if wait > 0:
            return DialRateExceeded("too many calls in too short a time", details={"retryAfter": math.ceil(wait)})
        bucket.take()
        return None

    def _bucket_of(self, agent_id: str) -> Bucket | None:
        if self._agent_rate <= 0:
            return None
        own = self._agents.get(agent_id)
        if own is None:
            at = self._clock.monotonic()
            own = self._agents[agent_id] = Bucket(rate=self._agent_rate, burst=self._agent_burst, at=at)
            if len(self._agents) > _MAX_AGENTS:
                self._agents.popitem(last=False)
        self._agents.move_to_end(agent_id)
        return own
