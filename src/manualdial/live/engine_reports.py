"""The reading of what an engine reports: each report goes to who it is for."""

from __future__ import annotations

import structlog

from manualdial.live.call_progress import CallProgress
from manualdial.live.recovery import Recovery
from manualdial.ports import Engine, Orphan, Reconnected
from manualdial.tasks import Pace

log = structlog.get_logger(__name__)


async def read_reports(engine: Engine, *, progress: CallProgress, recovery: Recovery) -> None:
    """Hand on the engine's reports, one after the other. One that cannot be handled stops none of the others."""
    pace = Pace()
    async for report in engine.reports():
        try:
            match report:
                case Reconnected():
                    recovery.engine_is_back()
                case Orphan():
                    recovery.on_orphan(report)
                case _:
                    progress.on_report(report)
        except Exception:  # a delivery loop: one report's failure is its own
            log.exception("a report of the engine could not be handled")
        await pace.keep()  # those that wait already come without a pause
