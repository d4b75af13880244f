"""The things that the configuration names: store, copies of registries, policies, the tenants' settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from manualdial.config import Config, ConfigurationError, EngineKind, overridable
from manualdial.law.facts import EVERY, ScreeningSettings
from manualdial.law.judge import overridable_names
from manualdial.law.policies import Policies, PolicyInvalid, load
from manualdial.ports import Storage
from manualdial.registries.held_copies import HeldCopies
from manualdial.screening.tenants import Seller, Tenants, TenantSettings
from manualdial.storage.store import SqlStore


def store_for(config: Config) -> Storage:
    """The store that the configuration names. Raises ConfigurationError for an address that is none."""
    try:
        return SqlStore(
            config.storage.url,
            flush_timeout=config.server.shutdown_timeout,
            answer_timeout=config.storage.timeout,
        )
    except ValueError:
        raise ConfigurationError("storage.url: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE") from None


def registries_for(config: Config) -> HeldCopies:
    """The copies of do-not-call registries in the directory that the configuration names."""
    return HeldCopies(Path(config.screening.registries_path))


def policies_for(config: Config) -> Policies:
    """The shipped policies, and those in the directory that the configuration names. Raises ConfigurationError."""
    own = [Path(config.screening.policies)] if config.screening.policies else []
    try:
        policies = load(*own)
    except PolicyInvalid as fault:
        raise ConfigurationError(f"screening.policies: {fault}") from None
    days = policies.longest_look_back.days
    if 0 < config.storage.keep_calls < days:
        raise ConfigurationError(f"storage.keep_calls: at least {days}, as the policies count calls so far back, or 0")
    return policies


def tenants_for(config: Config, policies: Policies) -> Tenants:
    """The settings of all tenants. Raises ConfigurationError for a registry or registration that no policy names."""
    everybody = _settings(config, policies, where="screening")  # first: a fault in it is told as one of it
    own = {name: _settings(config, policies, where=f"tenants.{name}", tenant=name) for name in config.tenants}
    return Tenants(everybody, own)


def _settings(config: Config, policies: Policies, *, where: str, tenant: str | None = None) -> TenantSettings:
    everybody, own = config.screening, config.tenants.get(tenant or "")

    def chosen(name: str, default: Any) -> Any:
        value = None if own is None else getattr(own, name)
        return default if value is None else value

    registries = frozenset(chosen("registries", everybody.registries))
    registrations = frozenset(chosen("registrations", everybody.registrations))
    _check_known(f"{where}.registries", registries - {EVERY}, policies.names("do-not-call"))
    _check_known(f"{where}.registrations", registrations - {EVERY}, policies.names("registration"))
    rights = overridable(chosen("overridable", everybody.overridable))
    _check_known(f"{where}.overridable", frozenset(rights), overridable_names(policies))
    return TenantSettings(
        purpose=chosen("purpose", config.dialing.purpose),
        purposes=frozenset(chosen("purposes", config.dialing.purposes)),
        caller_ids=frozenset(chosen("caller_ids", config.dialing.caller_ids)),
        engine_caller_id=_engine_caller_id(config),
        screening=ScreeningSettings(
            registries=registries,
            registrations=registrations,
            campaigns=frozenset(chosen("campaigns", everybody.campaigns)),
            countries=frozenset(chosen("countries", everybody.countries)),
            blocked=tuple(chosen("blocked_numbers", everybody.blocked_numbers)),
            seller=chosen("seller", everybody.seller),
            premium=chosen("premium_numbers", everybody.premium_numbers),
            overridable=rights,
        ),
        seller=Seller(**{name: chosen(name, getattr(everybody, name)) for name in Seller.__struct_fields__}),
    )


def _engine_caller_id(config: Config) -> str | None:
    return config.engine.asterisk.caller_id or None if config.engine.kind is EngineKind.ASTERISK else None


def _check_known(option: str, names: frozenset[str], known: frozenset[str]) -> None:
    if unknown := sorted(names - known):
        raise ConfigurationError(f"{option}: no policy names {', '.join(unknown)}")
