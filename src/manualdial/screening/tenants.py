"""The operator's decisions for each tenant, and what a tenant says of itself."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from manualdial.law import Purpose
from manualdial.law.facts import ScreeningSettings


class Seller(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, for whom, about what: goes into the evidence of each attempt (16 CFR 310.5(a)(2))."""

    telemarketer: str = ""
    seller: str = ""
    goods: str = ""
    script: str = ""
    """Where the script is kept, with its version."""


class TenantSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one tenant."""

    purpose: Purpose = Purpose.SALES
    """The purpose of a press that names none."""
    purposes: frozenset[Purpose] = frozenset(Purpose)
    """The purposes that a press may name."""
    caller_ids: frozenset[str] = frozenset()
    """The numbers that a press may ask to show to the customer, as they are to be written."""
    engine_caller_id: str | None = None
    """The number that customers see where a press names none; None: the engine's own configuration decides."""
    screening: ScreeningSettings = msgspec.field(default_factory=ScreeningSettings)
    seller: Seller = msgspec.field(default_factory=Seller)


class Tenants:
    """The settings of all tenants: those with settings of their own, and those that all others have."""

    def __init__(self, default: TenantSettings, own: Mapping[str, TenantSettings] | None = None) -> None:
        """`own` is by the tenant's name."""
        self.default = default
        """Those of all tenants that have none of their own."""
        self._own = {name.casefold(): settings for name, settings in (own or {}).items()}

    def of(self, tenant: str) -> TenantSettings:
        """The settings of the tenant of this name."""
        return self._own.get(tenant.casefold(), self.default)
