"""The settings of a cell: what an operator decides, and the pace of what it does by itself."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from manualdial.config import Config, DialingSection, longest_agent_leg, longest_press


class CellSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times are in seconds where they are numbers. What no option of the configuration names has a value here."""

    dialing: DialingSection
    no_place: str
    grace: float
    lead_seconds: int
    store_timeout: float
    request_timeout: float
    patience: float
    stop_limit: float
    """For how long presses that are under way may go on when the cell stops."""
    remember_presses: timedelta
    keep_calls: timedelta | None
    keep_evidence: timedelta | None
    look_interval: float = 0.5
    first_pause: float = 1.0
    retract_interval: float = 2.0
    prune_interval: float = 900.0
    prune_pause: float = 0.05
    health_age: float = 1.0
    closures_interval: float = 0.5
    closures_stale: float = 10.0


def cell_settings(config: Config) -> CellSettings:
    """The settings that the configuration makes."""
    storage, keep_evidence = config.storage, config.screening.keep_evidence
    return CellSettings(
        dialing=config.dialing,
        no_place=config.screening.no_place,
        grace=config.agents.grace,
        lead_seconds=longest_agent_leg(config),
        store_timeout=storage.timeout,
        request_timeout=config.server.request_timeout,
        patience=config.server.request_timeout - longest_press(config),
        stop_limit=config.server.shutdown_timeout,
        remember_presses=timedelta(days=storage.remember_presses),
        keep_calls=timedelta(days=storage.keep_calls) if storage.keep_calls else None,
        keep_evidence=timedelta(days=keep_evidence) if keep_evidence else None,
    )
