"""Preloading reads everything, so that a press reads nothing."""

from __future__ import annotations

from manualdial.law.preload import preload_places
from manualdial.places.jurisdictions import everywhere
from manualdial.places.time_zone import time_zone


def test_after_preloading_every_zone_of_every_place_has_been_read() -> None:
    preload_places()
    read = time_zone.cache_info().currsize
    for place in everywhere(None).places:
        for zone in place.zones:
            time_zone(zone)
    assert time_zone.cache_info().currsize == read
