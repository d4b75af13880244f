"""The settings of tenants: what all have, and what one has otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from manualdial.app.adapters import policies_for, tenants_for
from manualdial.callers import Role
from manualdial.config import ConfigurationError, load
from manualdial.law import Purpose
from manualdial.screening.tenants import Tenants
from tests.support.core import shipped_policies


def tenants(folder: Path, text: str) -> Tenants:
    file = folder / "manualdial.toml"
    file.write_text(text, encoding="utf-8")
    return tenants_for(load(file, {}), shipped_policies())


def test_without_settings_every_press_is_a_sale_that_must_ask_every_registry(tmp_path: Path) -> None:
    settings = tenants(tmp_path, "").of("anybody")
    assert settings.purpose is Purpose.SALES
    assert settings.screening.registries == {"*"}
    assert settings.screening.registrations == frozenset()
    assert settings.screening.overridable == {}


def test_a_tenant_has_what_its_table_says_and_else_what_all_have(tmp_path: Path) -> None:
    found = tenants(
        tmp_path,
        """
        [dialing]
        purpose = "service"
        caller_ids = ["+12025550180"]
        [screening]
        registries = ["us-national"]
        seller = "Everybody Ltd"
        overridable = ["calling-hours=supervisor+admin"]
        [tenants.Acme]
        purpose = "sales"
        registries = []
        countries = ["US", "CA"]
        blocked_numbers = ["+1900"]
        """,
    )
    acme, other = found.of("acme"), found.of("other")
    assert (acme.purpose, other.purpose) == (Purpose.SALES, Purpose.SERVICE)
    assert acme.screening.registries == frozenset()
    assert other.screening.registries == {"us-national"}
    assert acme.caller_ids == other.caller_ids == {"+12025550180"}
    assert acme.screening.countries == {"US", "CA"}
    assert acme.screening.blocked == ("+1900",)
    assert acme.seller.seller == acme.screening.seller == "Everybody Ltd"
    assert acme.screening.overridable == {"calling-hours": frozenset({Role.SUPERVISOR, Role.ADMIN})}


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ('[screening]\nregistries = ["us-nation"]', "screening.registries"),
        ('[screening]\nregistrations = ["us-zz"]', "screening.registrations"),
        ('[tenants.acme]\nregistries = ["us-nation"]', "tenants.acme.registries"),
        ('[screening]\noverridable = ["calling-hours"]', "screening.overridable"),
        ('[screening]\noverridable = ["calling-hours=boss"]', "screening.overridable"),
        ('[tenants.acme]\noverridable = ["a=b"]', "tenants.acme.overridable"),
        ('[screening]\noverridable = ["calling-hour=admin"]', "screening.overridable"),
        ('[screening]\noverridable = ["own-line=admin"]', "screening.overridable"),
        ('[screening]\noverridable = ["*=admin"]', "screening.overridable"),
        ('[screening]\ncountries = ["us"]', "screening.countries"),
        ('[screening]\nblocked_numbers = ["900"]', "screening.blocked_numbers"),
        ('[screening]\nno_place = "Atlantis"', "screening.no_place"),
        ('[tenants.acme]\ncaller_ids = ["me"]', "tenants.acme.caller_ids"),
        ("[tenants.acme]\nfun = true", "tenants"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_option(tmp_path: Path, text: str, option: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        tenants(tmp_path, text)
    assert option in str(refused.value)


@pytest.mark.parametrize(("days", "good"), [(0, True), (31, False), (32, True)])
def test_calls_are_kept_for_as_long_as_the_rules_count_them(days: int, good: bool) -> None:
    config = load(None, {"MANUALDIAL_STORAGE_KEEP_CALLS": str(days)})
    if good:
        assert policies_for(config).version == shipped_policies().version
        return
    with pytest.raises(ConfigurationError, match=r"storage\.keep_calls"):
        policies_for(config)
