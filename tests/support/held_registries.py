"""Copies of registries that exist only in a test."""

from __future__ import annotations

from datetime import UTC, datetime

from manualdial.law.registry_look import RegistryLook, RegistryStanding, RegistryUnreadable
from manualdial.ports import Health


class HeldRegistries:
    """A port `Registries` in memory: what a test puts in is held."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[datetime, frozenset[str]]] = {}
        self.damaged: set[str] = set()
        """Copies that are there and cannot be read."""

    def hold(self, name: str, *listed: str, as_of: datetime = datetime(2026, 3, 1, tzinfo=UTC)) -> None:
        """Hold a copy with these numbers in it, of that moment."""
        self._held[name] = (as_of, frozenset(listed))

    def look_up(self, name: str, e164: str) -> RegistryLook | None:
        """As the port says; every area code is covered."""
        if name in self.damaged:
            raise RegistryUnreadable(f"the copy of {name} is damaged")
        if name not in self._held:
            return None
        as_of, listed = self._held[name]
        standing = RegistryStanding.LISTED if e164 in listed else RegistryStanding.NOT_LISTED
        return RegistryLook(registry=name, standing=standing, edition="test", as_of=as_of)

    def health(self) -> Health:
        return Health(ok=not self.damaged)
