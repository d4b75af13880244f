"""config: from a file and the environment, checked before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from manualdial.config import SECRETS, Config, ConfigurationError, EngineKind, LogFormat, load, options
from manualdial.law import Purpose


def a_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "manualdial.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path | None = None, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigurationError) as error:
        load(path, environment or {})
    return str(error.value)


def test_without_anything_the_defaults_hold_and_are_those_of_the_contract() -> None:
    config = load(None, {})
    assert config == Config()
    assert (config.engine.kind, config.server.host) == (EngineKind.SIMULATOR, "127.0.0.1")
    assert (config.agents.grace, config.dialing.guard, config.server.register_timeout) == (60, 3, 10)
    assert (config.dialing.purpose, config.dialing.wrap_up) == (Purpose.SALES, 0)


def test_a_file_is_read(tmp_path: Path) -> None:
    config = load(
        a_file(
            tmp_path,
            """
            [server]
            port = 9000
            allowed_origins = ["https://crm.example"]
            [engine]
            kind = "asterisk"
            [engine.asterisk]
            password = "secret"
            [dialing]
            purpose = "service"
            guard = 0
            """,
        ),
        {},
    )
    assert (config.server.port, config.server.allowed_origins) == (9000, ["https://crm.example"])
    assert (config.engine.kind, config.engine.asterisk.password) == (EngineKind.ASTERISK, "secret")
    assert (config.dialing.purpose, config.dialing.guard) == (Purpose.SERVICE, 0)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = a_file(tmp_path, '[server]\nport = 9000\nhost = "0.0.0.0"\n')
    config = load(path, {"MANUALDIAL_SERVER_PORT": "9001", "HOME": "/root"})
    assert (config.server.port, config.server.host) == (9001, "0.0.0.0")  # noqa: S104 - nobody listens


@pytest.mark.parametrize(
    ("variable", "text", "path", "value"),
    [
        ("MANUALDIAL_SERVER_PORT", "0", "server.port", 0),
        ("MANUALDIAL_SERVER_OPEN_METRICS", "false", "server.open_metrics", False),
        ("MANUALDIAL_SERVER_ALLOWED_ORIGINS", "https://a, https://b,", "server.allowed_origins", ["https://a", "https://b"]),
        ("MANUALDIAL_SERVER_ALLOWED_ORIGINS", "", "server.allowed_origins", []),
        ("MANUALDIAL_STORAGE_URL", "sqlite:////tmp/x", "storage.url", "sqlite:////tmp/x"),
        ("MANUALDIAL_ENGINE_SIMULATOR_SPEED", "20", "engine.simulator.speed", 20.0),
        ("MANUALDIAL_ENGINE_ASTERISK_USER", "123", "engine.asterisk.user", "123"),
        ("MANUALDIAL_ENGINE_ASTERISK_PASSWORD", "true", "engine.asterisk.password", "true"),
        ("MANUALDIAL_DIALING_PURPOSE", "service", "dialing.purpose", Purpose.SERVICE),
        ("MANUALDIAL_LOG_FORMAT", "console", "log.format", LogFormat.CONSOLE),
    ],
)  # fmt: skip
def test_every_kind_of_option_can_come_from_the_environment(variable: str, text: str, path: str, value: Any) -> None:
    got: Any = load(None, {variable: text})
    for part in path.split("."):
        got = getattr(got, part)
    assert got == value


def test_every_option_has_a_variable_of_its_own_and_a_sentence() -> None:
    listed = list(options())
    assert len({option.variable for option in listed}) == len(listed)
    for option in listed:
        assert option.description.endswith("."), option.path
        assert option.variable == "MANUALDIAL_" + "_".join(option.path).upper()
    assert {option.path for option in listed} >= SECRETS


def test_every_option_takes_its_default_from_the_environment() -> None:
    environment = {}
    for option in options():
        default = option.default
        text = ",".join(default) if isinstance(default, list) else str(default)
        environment[option.variable] = text.lower() if isinstance(default, bool) else text
    assert load(None, environment) == Config()


@pytest.mark.parametrize("name", ["CONFIG", "URL", "USER", "PASSWORD"])
def test_variables_of_the_command_line_are_no_options(name: str) -> None:
    assert load(None, {f"MANUALDIAL_{name}": "x"}) == Config()


# ── refused ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[server]\nprot = 1\n", "prot"),
        ("[sever]\nport = 1\n", "sever"),
        ("port = 1\n", "port"),
        ("[engine.asterisk]\nurll = 'x'\n", "urll"),
        ("[server]\nport = 70000\n", "server.port"),
        ("[server]\nport = 'many'\n", "server.port"),
        ("[server]\nallowed_origins = 'x'\n", "server.allowed_origins"),
        ("server = 3\n", "server"),
        ("[engine]\nkind = 'telepathy'\n", "engine.kind"),
        ("[dialing]\npurpose = 'fun'\n", "dialing.purpose"),
        ("[dialing]\nguard = -1\n", "dialing.guard"),
        ("[dialing]\ndefault_region = 'us'\n", "dialing.default_region"),
        ("[agents]\ngrace = 0\n", "agents.grace"),
        ("[log]\nlevel = 'loud'\n", "log.level"),
        ("[engine]\nkind = 'asterisk'\n", "engine.asterisk.password"),
        ("[engine.asterisk]\nagent_endpoint = 'PJSIP/100'\n", "agent_endpoint"),
        ("[engine.asterisk]\ntrunk_endpoint = 'PJSIP/x@trunk'\n", "trunk_endpoint"),
        ("[server]\nrequest_timeout = 1\n", "server.request_timeout"),
        ("[dialing]\ncaller_ids = ['+12025550199', 'me']\n", "dialing.caller_ids"),
        ("[engine.asterisk]\ncaller_id = 'x@y'\n", "engine.asterisk.caller_id"),
        ("[agents]\ngrace = inf\n", "agents.grace"),
        ("[agents]\ngrace = nan\n", "agents.grace"),
        ("[dialing]\nwrap_up = nan\n", "dialing.wrap_up"),
        ("[engine.simulator]\nspeed = inf\n", "engine.simulator.speed"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_the_name_of_its_option(tmp_path: Path, text: str, named: str) -> None:
    assert named in refused(a_file(tmp_path, text))


@pytest.mark.parametrize("name", ["MANUALDIAL_SERVER_PROT", "MANUALDIAL_PORT", "MANUALDIAL_", "MANUALDIAL_SERVER"])
def test_an_unknown_variable_is_refused_by_its_name(name: str) -> None:
    assert name in refused(None, {name: "1"})


def test_a_value_is_never_told_again(tmp_path: Path) -> None:
    for text in (
        "[engine.asterisk]\npassword = ['hunter2']\n",
        "[storage]\nurl = ['hunter2']\n",
        "[engine]\nkind = 'hunter2'\n",
        "[server]\nport = 'hunter2'\n",
    ):
        assert "hunter2" not in refused(a_file(tmp_path, text))
    assert "hunter2" not in refused(None, {"MANUALDIAL_SERVER_PORT": "hunter2"})


@pytest.mark.parametrize("content", [b"[server", b"\xff", b"port = \n", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    assert "broken.toml" in refused(path)


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    assert "missing.toml" in refused(tmp_path / "missing.toml")
    assert str(tmp_path) in refused(tmp_path)


def test_a_table_that_is_a_value_is_refused_though_the_environment_is_in_it(tmp_path: Path) -> None:
    assert "server" in refused(a_file(tmp_path, "server = 3\n"), {"MANUALDIAL_SERVER_PORT": "1"})


# ── tenants ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("purpose = 'fun'", "tenants.acme.purpose: one of sales, service, collection, survey, charity"),
        ("purposes = ['fun']", "tenants.acme.purposes[0]: each is one of sales, service"),
        ("purposes = 'sales'", "tenants.acme.purposes: "),
        ("registries = 1", "tenants.acme.registries: "),
        ("colour = 1", "tenants.acme: Object contains unknown field `colour`"),
        ("caller_ids = ['12025550180']", "tenants.acme.caller_ids: a caller ID is E.164"),
    ],
)
def test_what_cannot_be_used_of_a_tenant_is_refused_with_its_name(tmp_path: Path, text: str, told: str) -> None:
    said = refused(a_file(tmp_path, f"[tenants.good]\n[tenants.acme]\n{text}\n"))
    assert said.startswith(told)
    assert "fun" not in said


def test_a_tenant_that_is_no_table_is_refused_with_its_name(tmp_path: Path) -> None:
    assert refused(a_file(tmp_path, "[tenants]\nacme = 1\n")).startswith("tenants.acme: ")
    assert refused(a_file(tmp_path, "tenants = 1\n")).startswith("tenants: ")


def test_one_tenant_in_two_spellings_is_refused(tmp_path: Path) -> None:
    said = refused(a_file(tmp_path, "[tenants.acme]\npurpose = 'sales'\n[tenants.ACME]\npurpose = 'service'\n"))
    assert said.startswith("tenants.ACME: that is the tenant acme again")


@pytest.mark.parametrize("number", ["12025550180", "+", "+0123456", "+1202555018012345", "+1 202 555 0180"])
def test_a_caller_id_that_a_press_may_ask_for_is_e164(tmp_path: Path, number: str) -> None:
    said = refused(a_file(tmp_path, f"[dialing]\ncaller_ids = ['+12025550181', '{number}']\n"))
    assert said.startswith("dialing.caller_ids: ")


def test_the_caller_id_of_the_engine_may_be_without_a_plus_sign(tmp_path: Path) -> None:
    config = load(a_file(tmp_path, "[engine.asterisk]\ncaller_id = '12025550180'\n"), {})
    assert config.engine.asterisk.caller_id == "12025550180"


def test_what_the_purposes_may_be_is_told_and_not_what_was_said(tmp_path: Path) -> None:
    said = refused(a_file(tmp_path, "[dialing]\npurposes = ['sales', 'hunter2']\n"))
    assert said == "dialing.purposes[1]: each is one of sales, service, collection, survey, charity"
