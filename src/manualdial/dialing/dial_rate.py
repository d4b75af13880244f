"""How fast may be dialled, by an agent and by all together: token buckets. Who is too fast is told how long to wait."""

from __future__ import annotations

import math

from manualdial.errors import DialRateExceeded
from manualdial.ports import Clock
from manualdial.token_bucket import TokenBuckets

_MAX_KEYS = 100_000


class DialRate:
    """The limits of each engine and of each agent; a rate of 0 is no limit. Nothing ever waits in a queue."""

    def __init__(
        self, *, clock: Clock, agent_rate: float, agent_burst: int, engine_rate: float, engine_burst: int
    ) -> None:
        """Rates in calls a second."""
        self._clock = clock
        self._engines = TokenBuckets(rate=engine_rate, burst=engine_burst, most=_MAX_KEYS) if engine_rate > 0 else None
        self._agents = TokenBuckets(rate=agent_rate, burst=agent_burst, most=_MAX_KEYS) if agent_rate > 0 else None

    def take_of_agent(self, agent_id: str) -> DialRateExceeded | None:
        """Take the agent's right to one press; where there is none, the refusal, with `details.retryAfter`."""
        return _refusal(0 if self._agents is None else self._agents.take(agent_id, self._clock.monotonic()))

    def take_of_engine(self, engine: str) -> DialRateExceeded | None:
        """Take the right of all together to begin one call on an engine; where there is none, the refusal."""
        return _refusal(0 if self._engines is None else self._engines.take(engine, self._clock.monotonic()))

    def give_back_to_agent(self, agent_id: str) -> None:
        """The press was none: it repeats an earlier one, or could not be made."""
        if self._agents is not None:
            self._agents.give_back(agent_id)

    def give_back_to_engine(self, engine: str) -> None:
        """No call was begun."""
        if self._engines is not None:
            self._engines.give_back(engine)


def _refusal(wait: float) -> DialRateExceeded | None:
    if not wait:
        return None
    return DialRateExceeded("too many calls in too short a time", details={"retryAfter": math.ceil(wait)})
