"""How the service is: each thing that it needs, with ok or why not."""

from __future__ import annotations

import asyncio

from manualdial.live.live_calls import Engines
from manualdial.ports import Clock, Health, Registries, Store
from manualdial.tasks import Tasks


class Dependencies:
    """The dependencies of a cell, asked as seldom as its answer may be old, whoever asks."""

    def __init__(
        self, *, store: Store, engines: Engines, registries: Registries, tasks: Tasks, clock: Clock, max_age: float
    ) -> None:
        """`max_age` is how old an answer may be, in seconds."""
        self._store = store
        self._engines = engines
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
                of_engines = (engine.health() for engine in self._engines)
                database, *engines = await asyncio.gather(self._store.health(), *of_engines)
                named = dict(zip(self._engine_names(), engines, strict=True))
                self._health = {"database": database, **named, "registries": self._registries.health()}
                self._asked_at = self._clock.monotonic()
        if self._tasks.dead is None:
            return self._health
        detail = f"{self._tasks.dead}: ended by a fault; the log says why"
        return self._health | {"service": Health(ok=False, detail=detail)}

    def _engine_names(self) -> list[str]:
        """Which of several it is stands in the name."""
        names = [engine.name for engine in self._engines]
        return ["engine"] if len(names) == 1 else [f"engine {name}" for name in names]
