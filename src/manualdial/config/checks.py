"""Values and combinations of options that cannot work, and what follows from several options together."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from manualdial.callers import Role
from manualdial.config.options import (
    Asterisk,
    Config,
    ConfigurationError,
    EngineKind,
    ScreeningSection,
    Tenant,
    options,
)
from manualdial.law.facts import REFUSE, STRICTEST
from manualdial.numbers import is_region
from manualdial.places.jurisdictions import of_jurisdiction

_DIGITS = re.compile(r"\+?[0-9]{1,15}")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_E164_BEGINNING = re.compile(r"\+[0-9]{1,15}")


def check(config: Config) -> None:
    """Raises ConfigurationError for what cannot work."""
    for option in options():
        value: Any = config
        for part in option.path:
            value = getattr(value, part)
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigurationError(f"{'.'.join(option.path)}: a finite number is expected")
    if not is_region(config.dialing.default_region):
        raise ConfigurationError("dialing.default_region: no ISO 3166 region in upper case")
    _check_caller_ids("dialing.caller_ids", config.dialing.caller_ids)
    _check_screening(config.screening)
    for name, tenant in config.tenants.items():
        _check_caller_ids(f"tenants.{name}.caller_ids", tenant.caller_ids or [])
        _check_lists(f"tenants.{name}", tenant)
    _check_asterisk(config.engine.asterisk, in_use=config.engine.kind is EngineKind.ASTERISK)
    if 0 < config.storage.keep_calls < config.storage.remember_presses:
        raise ConfigurationError("storage.keep_calls: at least storage.remember_presses, or 0")
    if config.server.request_timeout < longest_press(config) + 1:
        at_least = longest_press(config) + 1
        raise ConfigurationError(
            f"server.request_timeout: at least {at_least:g}, the sum of the waits inside a request"
        )


def longest_press(config: Config) -> float:
    """The longest time that a press takes once its turn has come, in seconds."""
    return config.storage.timeout * 6 + config.engine.asterisk.request_timeout * 3


def longest_agent_leg(config: Config) -> int:
    """For how many seconds the agent's phone may ring before the customer is dialled."""
    return config.engine.asterisk.agent_timeout if config.engine.kind is EngineKind.ASTERISK else 0


def _check_asterisk(asterisk: Asterisk, *, in_use: bool) -> None:
    for name, template, parts in (
        ("agent_endpoint", asterisk.agent_endpoint, ("{extension}",)),
        ("trunk_endpoint", asterisk.trunk_endpoint, ("{number}", "{digits}")),
    ):
        if not any(part in template for part in parts):
            raise ConfigurationError(f"engine.asterisk.{name}: {' or '.join(parts)} is missing")
    if asterisk.caller_id and not _DIGITS.fullmatch(asterisk.caller_id):
        raise ConfigurationError("engine.asterisk.caller_id: digits, with or without a plus sign")
    if in_use and not asterisk.password:
        raise ConfigurationError("engine.asterisk.password: ARI needs one")


def _check_screening(screening: ScreeningSection) -> None:
    _check_lists("screening", screening)
    if screening.no_place not in (STRICTEST, REFUSE) and of_jurisdiction(screening.no_place) is None:
        raise ConfigurationError("screening.no_place: strictest, refuse, or a jurisdiction as US-NY or FR")


def _check_lists(name: str, section: ScreeningSection | Tenant) -> None:
    if any(country != "*" and not is_region(country) for country in section.countries or ()):
        raise ConfigurationError(f"{name}.countries: ISO 3166 countries in upper case, or *")
    if not all(_E164_BEGINNING.fullmatch(prefix) for prefix in section.blocked_numbers or ()):
        raise ConfigurationError(f"{name}.blocked_numbers: each begins with + and a calling code")
    overridable(section.overridable or (), option=f"{name}.overridable")


def overridable(entries: Iterable[str], *, option: str = "overridable") -> dict[str, frozenset[Role]]:
    """The rules that may be overridden, and by whom: `RULE=ROLE+ROLE`. Raises ConfigurationError."""
    found = {}
    for entry in entries:
        rule, _, roles = entry.partition("=")
        try:
            found[rule.strip().lower()] = frozenset(Role(role.strip()) for role in roles.split("+"))
        except ValueError:
            known = ", ".join(Role)
            raise ConfigurationError(f"{option}: RULE=ROLE or RULE=ROLE+ROLE with roles of {known}") from None
    return found


def _check_caller_ids(name: str, numbers: Iterable[str]) -> None:
    if not all(_E164.fullmatch(number) for number in numbers):
        raise ConfigurationError(f"{name}: a caller ID is E.164, as +12025550180")
