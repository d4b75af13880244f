"""The service with a simulator in which every call ends by itself, whatever number it is to.

    python -m bench.short_calls serve --config FILE

So each press can be to another number, and its agent is free again when its next turn comes.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from pathlib import Path

import msgspec

from manualdial.app.service import serving
from manualdial.commands.running import collect_less, collect_nothing, run, stopping, unless
from manualdial.config import Config, load
from manualdial.engines.simulator import SimulatorEngine
from manualdial.ports import Originate
from manualdial.telemetry import log

ENDS_SOON = "+12025550104"


class ShortCalls(SimulatorEngine):
    """Plays the same script for every number."""

    async def originate(self, order: Originate, journalled: Awaitable[object] | None = None) -> None:
        """Take the call, as if it were to a number that nobody has."""
        number = msgspec.structs.replace(order.number, e164=ENDS_SOON)
        await super().originate(msgspec.structs.replace(order, number=number), journalled)


def main() -> None:
    """Serve until a signal comes, as `manualdial serve` does."""
    config = load(Path(sys.argv[sys.argv.index("--config") + 1]), {})
    log.set_up(console=False, level=config.log.level)
    run(_serve(config))


async def _serve(config: Config) -> None:
    with stopping() as stop:
        collect_nothing()
        engine = ShortCalls(speed=config.engine.simulator.speed)
        async with serving(config, engine=engine) as service:
            collect_less()
            await unless(stop, service.ended())


if __name__ == "__main__":
    main()
