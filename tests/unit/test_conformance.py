"""scripts/conformance.py: the server that a conformance program gets (contract §5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from manualdial import config
from manualdial.app.adapters import policies_for, tenants_for
from manualdial.law import Purpose
from manualdial.law.facts import EVERY
from scripts import conformance


@pytest.fixture
def read(tmp_path: Path) -> config.Config:
    """The configuration of the fresh server, as the service reads it."""
    file = tmp_path / "manualdial.toml"
    file.write_text(conformance.settings(engine="simulator", options={}, port=8080, folder=tmp_path))
    return config.load(file, {})


def test_calls_are_service_calls_unless_they_say_otherwise(read: config.Config) -> None:
    assert read.dialing.purpose is Purpose.SERVICE


def test_no_registry_must_be_held_and_every_registration_is_there(read: config.Config) -> None:
    settings = tenants_for(read, policies_for(read)).of("one").screening
    assert settings.registries == frozenset()
    assert settings.registrations == frozenset({EVERY})


def test_nothing_is_written_outside_the_folder(read: config.Config, tmp_path: Path) -> None:
    for path in (read.screening.registries_path, read.authentication.secret_file):
        assert Path(path).is_relative_to(tmp_path)
    assert str(tmp_path) in read.storage.url


def test_nobody_is_in_the_strangers_tenant_but_the_stranger() -> None:
    tenants = {person.option: person.tenant for person in conformance.people()}
    assert list(tenants.values()).count(tenants["--stranger"]) == 1
