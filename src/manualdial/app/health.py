"""How the service is: each thing that it needs, with ok or why not."""

from __future__ import annotations

import asyncio

from manualdial.ports import Clock, Engine, Health, Registries, Store
from manualdial.tasks import Tasks


class Dependencies:
    """What a cell needs, asked as seldom as its answer may be old, whoever asks."""

    def __init__(
        self, *, store: Store, engine: Engine, registries: Registries, tasks: Tasks, clock: Clock, max_age: float
    ) -> None:
        """`max_age` is how old an answer may be, in seconds."""
        self._store = store
        self._engine = engine
        self._registries = registries
        self._tasks = tasks
        self._clock = clock
        self._max_age = max_age
        self._asking = asyncio.Lock()
        self._asked_at: float | None = None
        self._health: dict[str, Health] = {}

    async def health(self) -> dict[str, Health]:
        """Of each of them; of the service itself where something has ended that must go on."""
        async with self._asking:
            if self._asked_at is None or self._clock.monotonic() - self._asked_at >= self._max_age:
                database, engine = await asyncio.gather(self._store.health(), self._engine.health())
                self._health = {"database": database, "engine": engine, "registries": self._registries.health()}
                self._asked_at = self._clock.monotonic()
        if self._tasks.dead is None:
            return self._health
        detail = f"{self._tasks.dead}: ended by a fault; the log says why"
        return self._health | {"service": Health(ok=False, detail=detail)}
