"""Registries: the copies that are held, one file a registry, and the look into them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from manualdial import ports
from manualdial.law.registry_look import RegistryLook, RegistryStanding, RegistryUnreadable
from manualdial.ports import Health
from manualdial.registries.edition import is_registry_name
from manualdial.registries.number_file import SUFFIX, NumberFile, identity

RECHECK = 1.0
"""Seconds for which a file is taken to be the one of its name."""


class _Held:
    """One open copy, with its three answers made up beforehand."""

    def __init__(self, copy: NumberFile) -> None:
        edition = copy.edition
        self.copy = copy
        self._prefixes = frozenset(edition.covered)
        self._lengths = tuple(sorted({len(prefix) for prefix in edition.covered}))
        self._answers = {
            standing: RegistryLook(
                registry=edition.registry, standing=standing, edition=edition.edition, as_of=edition.as_of
            )
            for standing in RegistryStanding
        }

    def look_up(self, digits: str) -> RegistryLook:
        """A number that is in the copy is listed, whether or not its code was said to be covered."""
        if self.copy.holds(int(digits)):
            return self._answers[RegistryStanding.LISTED]
        covered = any(digits[:length] in self._prefixes for length in self._lengths)
        return self._answers[RegistryStanding.NOT_LISTED if covered else RegistryStanding.NOT_COVERED]


class HeldCopies:
    """The copies in one folder. Files are opened when they are first asked for, and again when they were replaced.

    All processes that look into a copy share its pages of memory. `look_up` may be called from any thread.
    """

    def __init__(
        self, directory: Path, *, monotonic: Callable[[], float] = time.monotonic, recheck: float = RECHECK
    ) -> None:
        """`recheck`: seconds after which a file's name is looked at again for a new copy."""
        self._directory = directory
        self._monotonic = monotonic
        self._recheck = recheck
        self._held: dict[str, tuple[float, _Held | RegistryUnreadable | None]] = {}

    def look_up(self, name: str, e164: str) -> RegistryLook | None:
        """The answer of the held copy of a registry about a number; None where no copy is held.

        `e164` is a plus and digits. Raises RegistryUnreadable where a copy is there and cannot be read, and ValueError
        where the name or the number cannot be one.
        """
        digits = e164[1:]
        if e164[:1] != "+" or not (digits.isascii() and digits.isdigit()):
            raise ValueError("a number is looked up in E.164")
        held = self._copy(name)
        return held.look_up(digits) if held else None

    def health(self) -> Health:
        """Whether every copy that is there can be read."""
        faults = []
        for name in self.names():
            try:
                self._copy(name)
            except RegistryUnreadable as fault:
                faults.append(str(fault))
        return Health(ok=not faults, detail="; ".join(faults))

    def names(self) -> list[str]:
        """The registries of which a copy is there, readable or not."""
        if not self._directory.is_dir():
            return []
        found = (path.name.removesuffix(SUFFIX) for path in self._directory.glob(f"*{SUFFIX}"))
        return sorted(name for name in found if is_registry_name(name))

    def copy(self, name: str) -> NumberFile | None:
        """The open copy itself; None where none is held. Raises as `look_up` does."""
        held = self._copy(name)
        return held.copy if held else None

    def _copy(self, name: str) -> _Held | None:
        checked, held = self._held.get(name, (None, None))
        now = self._monotonic()
        if checked is None or now - checked >= self._recheck:
            held = self._open(name, held)
            self._held[name] = (now, held)
        if isinstance(held, RegistryUnreadable):
            raise RegistryUnreadable(str(held))
        return held

    def _open(self, name: str, held: _Held | RegistryUnreadable | None) -> _Held | RegistryUnreadable | None:
        path = registry_file(self._directory, name)
        try:
            if isinstance(held, _Held) and held.copy.identity == identity(path.stat()):
                return held
            copy = NumberFile(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return RegistryUnreadable(f"the copy of {name} cannot be used: {error.strerror}")
        except RegistryUnreadable as fault:
            return fault
        if copy.edition.registry != name:
            return RegistryUnreadable(f"the copy of {name} cannot be used: it is one of {copy.edition.registry}")
        return _Held(copy)


_FITS: type[ports.Registries] = HeldCopies


def registry_file(directory: Path, name: str) -> Path:
    """Where the copy of a registry lies. Raises ValueError where no registry can be called so."""
    if not is_registry_name(name):
        raise ValueError("a registry's name is small letters, digits and single dashes")
    return directory / f"{name}{SUFFIX}"
