"""`manualdial config`: the settings in force and where they come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manualdial.config import options
from tests.commands.service import LIMIT, command, process

SECRET = "a-password-nobody-may-see"


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "manualdial.toml"
    path.write_text(f'[server]\nport = 8181\n[engine.asterisk]\npassword = "{SECRET}"\n[dialing]\nguard = 1\n')
    return str(path)


def test_each_setting_is_shown_with_its_source(file: str) -> None:
    environment = {"MANUALDIAL_DIALING_GUARD": "2.5", "MANUALDIAL_SERVER_ALLOWED_ORIGINS": "https://a, https://b"}
    result = command("config", "show", "--json", "--config", file, environment=environment)
    assert result.exit_code == 0
    shown = {one["option"]: one for one in json.loads(result.stdout)}
    assert len(shown) == len(list(options()))
    assert (shown["server.port"]["value"], shown["server.port"]["source"]) == (8181, "file")
    assert (shown["dialing.guard"]["value"], shown["dialing.guard"]["source"]) == (2.5, "environment")
    assert shown["server.allowed_origins"]["value"] == ["https://a", "https://b"]
    assert (shown["agents.grace"]["value"], shown["agents.grace"]["source"]) == (60.0, "default")
    assert shown["agents.grace"]["variable"] == "MANUALDIAL_AGENTS_GRACE"


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_secrets_are_never_shown(form: tuple[str, ...], file: str) -> None:
    environment = {"MANUALDIAL_STORAGE_URL": f"postgresql://ann:{SECRET}@localhost/calls"}
    result = command("config", "show", *form, "--config", file, environment=environment)
    assert result.exit_code == 0
    assert SECRET not in result.output
    assert "***" in result.output


def test_the_table_has_a_line_for_each_option(file: str) -> None:
    result = command("config", "show", "--config", file)
    assert len(result.stdout.splitlines()) == len(list(options()))


def test_good_settings_are_called_good(file: str) -> None:
    result = command("config", "check", "--config", file)
    assert result.exit_code == 0
    assert "is good" in result.stdout


def test_the_variable_for_the_file_is_heeded(file: str) -> None:
    result = command("config", "check", environment={"MANUALDIAL_CONFIG": file})
    assert "manualdial.toml" in result.stdout


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[server]\nprot = 1\n", "prot"),
        ("[server]\nport = 70000\n", "server.port"),
        ("[engine]\nkind = 'pigeon'\n", "engine.kind"),
        ("server = 1\n", "server"),
        ("[server\n", "not TOML"),
    ],
)
def test_settings_that_cannot_be_used_are_named(text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "manualdial.toml"
    path.write_text(text)
    for subcommand in ("check", "show"):
        result = command("config", subcommand, "--config", str(path))
        assert result.exit_code == 2
        assert named in result.stderr
        assert "Traceback" not in result.output


def test_an_unknown_variable_is_refused_with_its_name() -> None:
    result = command("config", "check", environment={"MANUALDIAL_SERVER_PROT": "1"})
    assert result.exit_code == 2
    assert "MANUALDIAL_SERVER_PROT" in result.stderr


def test_the_settings_of_each_tenant_are_shown_with_their_file(file: str) -> None:
    with Path(file).open("a", encoding="utf-8") as text:
        text.write('[tenants."Acme Ltd"]\npurpose = "service"\nregistries = []\n')
    result = command("config", "show", "--json", "--config", file)
    shown = {one["option"]: one for one in json.loads(result.stdout)}
    purpose = shown["tenants.Acme Ltd.purpose"]
    assert (purpose["value"], purpose["source"], purpose["variable"]) == ("service", "file", None)
    assert shown["tenants.Acme Ltd.registries"]["value"] == []
    assert "tenants.Acme Ltd.countries" not in shown
    assert "tenants.Acme Ltd.purpose" in command("config", "show", "--config", file).stdout


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[storage]\nkeep_calls = 8\n", "storage.keep_calls"),
        ("[storage]\nurl = 'mysql://localhost/x'\n", "storage.url"),
        ("[screening]\npolicies = '/nowhere/at/all'\n", "screening.policies"),
        ("[screening]\nregistries = ['us-nation']\n", "screening.registries"),
        ("[tenants.acme]\nregistrations = ['us-zz']\n", "tenants.acme.registrations"),
        ("[screening]\noverridable = ['calling-hour=admin']\n", "screening.overridable"),
    ],
)
def test_what_the_service_refuses_the_check_refuses_too(text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "manualdial.toml"
    path.write_text(text)
    checked = command("config", "check", "--config", str(path))
    with process("serve", "--port", "0", "--config", str(path), folder=tmp_path) as server:
        _, said = server.communicate(timeout=LIMIT)
    assert (checked.exit_code, server.returncode) == (2, 2)
    assert named in checked.stderr
    assert said.endswith(checked.stderr)
