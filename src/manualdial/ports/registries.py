"""The port of the screening to our copies of do-not-call registries."""

from __future__ import annotations

from typing import Protocol

from manualdial.law.registry_look import RegistryLook
from manualdial.ports.clock import Health


class Registries(Protocol):
    """Our copies. They are files on this machine: a look takes microseconds and waits for nobody."""

    def look_up(self, name: str, e164: str) -> RegistryLook | None:
        """The answer of the copy of that registry; None where there is no copy. Raises RegistryUnreadable."""
        ...

    def health(self) -> Health:
        """Whether every copy that is there can be read."""
        ...
