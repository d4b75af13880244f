"""The engine that the configuration names. Apart from the other things named there: it loads an HTTP client."""

from __future__ import annotations

from msgspec.structs import asdict

from manualdial.config import Config, EngineKind
from manualdial.engines.asterisk import AsteriskEngine
from manualdial.engines.simulator import SimulatorEngine
from manualdial.ports import Clock, Engine


def engine_for(config: Config, clock: Clock) -> Engine:
    """The engine of the configured kind; the options of its table have the names of what it is made with."""
    if config.engine.kind is EngineKind.SIMULATOR:
        return SimulatorEngine(**asdict(config.engine.simulator))
    options = asdict(config.engine.asterisk)
    return AsteriskEngine(**options | {"caller_id": options["caller_id"] or None}, clock=clock)
