"""`manualdial doctor`: every thing that the service needs, found well or named with what mends it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import encode_basic_auth, web

from manualdial.commands.ari_checks import check_asterisk, trunk_of
from manualdial.commands.machine_checks import Diagnosis
from manualdial.config import Asterisk
from manualdial.registries.held_copies import registry_file
from tests.commands.service import RunningService, command, settings


def examined(*options: str, **environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
    result = command("doctor", "--json", *options, environment=environment)
    assert "Traceback" not in result.output
    return result.exit_code, {finding["subject"]: finding for finding in json.loads(result.stdout)}


def levels(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {subject: finding["level"] for subject, finding in found.items()}


def test_a_service_that_runs_is_found_well(service: RunningService) -> None:
    port = service.url.rpartition(":")[2]
    code, found = examined("--config", str(service.config), MANUALDIAL_SERVER_PORT=port)
    assert code == 0
    assert levels(found) == {
        "configuration": "ok", "database": "ok", "secret": "ok", "engine": "warn", "policies": "ok",
        "registries": "warn", "clock": "ok", "port": "ok",
    }  # fmt: skip
    assert "is serving" in found["port"]["text"]


def test_registries_that_must_be_asked_and_are_not_held_are_named(tmp_path: Path) -> None:
    config = str(settings(tmp_path))
    _, found = examined("--config", config, MANUALDIAL_SCREENING_REGISTRIES="us-national,uk-tps")
    assert found["registries"]["level"] == "warn"
    assert "us-national" in found["registries"]["text"]
    assert "registry import" in found["registries"]["mend"]
    _, found = examined("--config", config, MANUALDIAL_SCREENING_REGISTRIES="")
    assert found["registries"]["level"] == "ok"


def test_a_copy_of_a_registry_that_is_too_old_or_damaged_is_told(tmp_path: Path) -> None:
    config, held = str(settings(tmp_path)), str(tmp_path / "held")
    environment = {"MANUALDIAL_SCREENING_REGISTRIES": "us-national", "MANUALDIAL_SCREENING_REGISTRIES_PATH": held}
    (tmp_path / "list.txt").write_text("2025550100\n")
    options = ("--as-of", "2026-01-02", "--area-codes", "202", "--directory", held)
    imported = command("registry", "import", "us-national", str(tmp_path / "list.txt"), *options)
    assert imported.exit_code == 0, imported.output
    _, found = examined("--config", config, **environment)
    assert (found["registries"]["level"], "too old" in found["registries"]["text"]) == ("warn", True)
    (copy,) = Path(held).glob("us-national*")
    copy.write_bytes(copy.read_bytes()[:100])
    code, found = examined("--config", config, **environment)
    assert (code, found["registries"]["level"]) == (1, "fail")


def test_json_names_all_registries_that_are_lacking_and_the_text_the_first_of_them(tmp_path: Path) -> None:
    _, found = examined("--config", str(settings(tmp_path)))
    names = found["registries"]["names"]
    assert len(names) > 6
    assert f"and {len(names) - 6} more" in found["registries"]["text"]
    assert "us-national" in names


def test_a_damaged_copy_that_no_rule_asks_for_is_named(tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.mkdir()
    registry_file(held, "us-zz").write_bytes(b"rubbish")
    environment = {"MANUALDIAL_SCREENING_REGISTRIES": "", "MANUALDIAL_SCREENING_REGISTRIES_PATH": str(held)}
    code, found = examined("--config", str(settings(tmp_path)), **environment)
    assert (code, found["registries"]["level"]) == (0, "warn")
    assert "us-zz" in found["registries"]["text"]
    assert "registry remove us-zz" in found["registries"]["mend"]


def test_a_copy_that_only_one_tenant_must_ask_is_asked_for(tmp_path: Path) -> None:
    config = settings(tmp_path)
    config.write_text(config.read_text() + '[screening]\nregistries = []\n[tenants.acme]\nregistries = ["us-tx"]\n')
    _, found = examined("--config", str(config))
    assert found["registries"]["names"] == ["us-tx"]


def test_who_sells_is_told_which_registrations_are_not_stated_and_what_the_evidence_lacks(tmp_path: Path) -> None:
    config = settings(tmp_path)
    _, found = examined("--config", str(config))
    assert "registrations" not in found
    assert "seller" not in found
    _, found = examined("--config", str(config), MANUALDIAL_DIALING_PURPOSE="sales")
    names = found["registrations"]["names"]
    assert (found["registrations"]["level"], len(names) > 6) == ("warn", True)
    assert f"and {len(names) - 6} more" in found["registrations"]["text"]
    assert found["seller"]["names"] == ["telemarketer", "seller", "goods", "script"]
    stated = {"MANUALDIAL_SCREENING_REGISTRATIONS": names[0], "MANUALDIAL_SCREENING_GOODS": "tea"}
    _, found = examined("--config", str(config), MANUALDIAL_DIALING_PURPOSE="sales", **stated)
    assert found["registrations"]["names"] == names[1:]
    assert found["seller"]["names"] == ["telemarketer", "seller", "script"]


def test_registrations_of_countries_that_are_not_called_are_not_missed(tmp_path: Path) -> None:
    environment = {"MANUALDIAL_DIALING_PURPOSE": "sales", "MANUALDIAL_SCREENING_COUNTRIES": "FR"}
    _, found = examined("--config", str(settings(tmp_path)), **environment)
    assert not [name for name in found.get("registrations", {"names": []})["names"] if name.startswith("us-")]


def test_what_a_tenant_lacks_as_all_do_is_told_once(tmp_path: Path) -> None:
    config = settings(tmp_path)
    config.write_text(config.read_text() + '[tenants.acme]\nseller = "Acme"\n')
    result = command("doctor", "--json", "--config", str(config), environment={"MANUALDIAL_DIALING_PURPOSE": "sales"})
    told = [(found["subject"], found["text"].split()[0]) for found in json.loads(result.stdout)]
    assert [each for each in told if each[0] in ("registrations", "seller")] == [
        ("registrations", "screening.registrations"), ("seller", "screening:"), ("seller", "tenants.acme:"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "option"),
    [
        ({"MANUALDIAL_STORAGE_KEEP_CALLS": "7"}, "storage.keep_calls"),
        ({"MANUALDIAL_SCREENING_REGISTRIES": "us-zz"}, "screening.registries"),
    ],
)
def test_settings_that_do_not_fit_the_policies_are_told_with_the_option(
    environment: dict[str, str], option: str, tmp_path: Path
) -> None:
    config = settings(tmp_path)
    config.write_text(config.read_text() + '[tenants.acme]\npurpose = "sales"\n')
    code, found = examined("--config", str(config), **environment)
    assert (code, found["settings"]["level"]) == (1, "fail")
    assert found["settings"]["text"].startswith(f"{option}: ")
    assert found["settings"]["mend"] == "see docs/configuration.md"


def test_policies_that_cannot_be_read_fail(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "us.toml").write_text("nonsense")
    _, found = examined("--config", str(settings(tmp_path)), MANUALDIAL_SCREENING_POLICIES=str(tmp_path / "own"))
    assert found["policies"]["level"] == "fail"
    assert f"policy check {tmp_path / 'own'}" in found["policies"]["mend"]


def test_before_the_first_start_nothing_is_made(tmp_path: Path) -> None:
    config = settings(tmp_path)
    code, found = examined("--config", str(config))
    assert code == 0
    assert "will be made" in found["database"]["text"]
    assert "will be made" in found["secret"]["text"]
    assert os.listdir(tmp_path) == [config.name]


def test_a_database_without_users_is_a_warning(tmp_path: Path) -> None:
    config = settings(tmp_path)
    command("policy", "close", "US-LA", "--reason", "storm", "--config", str(config))
    code, found = examined("--config", str(config))
    assert code == 0
    assert "user add" in found["database"]["mend"]


def test_a_tenant_of_the_settings_without_users_is_a_warning(tmp_path: Path) -> None:
    config = settings(tmp_path)
    add = ("user", "add", "ann", "--tenant", "ACME", "--password-stdin", "--config", str(config))
    assert command(*add, stdin="secret of ann\n").exit_code == 0
    config.write_text(config.read_text(encoding="utf-8") + "\n[tenants.acme]\n[tenants.acmee]\n", encoding="utf-8")
    _, found = examined("--config", str(config))
    assert found["database"]["level"] == "warn"
    assert "nobody of the tenant acmee" in found["database"]["text"]


def test_for_people_each_line_says_how_it_is_and_what_to_mend(tmp_path: Path) -> None:
    config = settings(tmp_path)
    secret = tmp_path / "token.secret"
    secret.write_text("x" * 64)
    secret.chmod(0o644)
    result = command("doctor", "--config", str(config))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("fail  secret"))
    assert "chmod 600" in lines[place + 1]


def test_a_secret_that_is_too_short_fails(tmp_path: Path) -> None:
    secret = tmp_path / "token.secret"
    secret.write_text("short")
    secret.chmod(0o600)
    code, found = examined("--config", str(settings(tmp_path)))
    assert code == 1
    assert found["secret"]["level"] == "fail"


def test_a_port_that_another_program_has_is_named_with_that_program(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, found = examined("--config", str(settings(tmp_path, port=port)))
    assert code == 1
    assert found["port"]["level"] == "fail"
    assert f"process {os.getpid()}" in found["port"]["text"]


@pytest.mark.parametrize(
    ("variable", "value", "subject"),
    [
        ("MANUALDIAL_STORAGE_URL", "sqlite:////dev/null", "database"),
        ("MANUALDIAL_STORAGE_URL", "sqlite:////dev/null/x.sqlite3", "database"),
        ("MANUALDIAL_STORAGE_URL", "oracle://x", "database"),
        ("MANUALDIAL_STORAGE_URL", "postgresql://ann:hidden@127.0.0.1:1/x", "database"),
        ("MANUALDIAL_AUTHENTICATION_SECRET_FILE", "/proc/none/secret", "secret"),
        ("MANUALDIAL_SERVER_HOST", "no address", "port"),
        ("MANUALDIAL_SERVER_HOST", "a..b", "port"),
        ("MANUALDIAL_SERVER_PORT", "no number", "configuration"),
    ],
)
def test_what_cannot_work_fails(variable: str, value: str, subject: str, tmp_path: Path) -> None:
    code, found = examined("--config", str(settings(tmp_path, port=8080)), **{variable: value})
    assert code == 1
    assert found[subject]["level"] == "fail"
    assert found[subject]["mend"]
    assert "hidden" not in json.dumps(found)


# ── Asterisk ────────────────────────────────────────────────────────────────────────────────────────────────────────

PASSWORD = "of-the-tests-only"


class FakeAri:
    """As much of ARI as is asked: the system, the applications, the endpoints, and the event socket."""

    def __init__(self, *, endpoints: dict[str, str], applications: tuple[str, ...] = ()) -> None:
        self._endpoints = endpoints
        self._applications = applications
        self.opened: list[str] = []

    def application(self) -> web.Application:
        """It, as a web application."""
        app = web.Application(middlewares=[self._authorised])
        app.router.add_get("/ari/asterisk/info", self._info)
        app.router.add_get("/ari/applications/{name}", self._one_application)
        app.router.add_get("/ari/endpoints/{technology}/{resource}", self._endpoint)
        app.router.add_get("/ari/events", self._events)
        return app

    @web.middleware
    async def _authorised(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get("Authorization") != encode_basic_auth("manualdial", PASSWORD):
            raise web.HTTPUnauthorized
        return await handler(request)

    async def _info(self, _: web.Request) -> web.Response:
        return web.json_response({"system": {"version": "22.0.0"}})

    async def _one_application(self, request: web.Request) -> web.Response:
        return web.json_response({}, status=200 if request.match_info["name"] in self._applications else 404)

    async def _endpoint(self, request: web.Request) -> web.Response:
        state = self._endpoints.get(request.match_info["resource"])
        return web.json_response({"state": state}, status=404 if state is None else 200)

    async def _events(self, request: web.Request) -> web.WebSocketResponse:
        self.opened.append(request.query["app"])
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        return socket


async def asked(
    ari: FakeAri, *, path: str = "/ari", password: str = PASSWORD, trunk: str = "PJSIP/{number}@trunk"
) -> list[Diagnosis]:
    runner = web.AppRunner(ari.application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        asterisk = Asterisk(
            url=f"http://127.0.0.1:{runner.addresses[0][1]}{path}", password=password, trunk_endpoint=trunk
        )
        return [finding async for finding in check_asterisk(asterisk)]
    finally:
        await runner.cleanup()


def test_an_asterisk_with_its_trunk_is_found_well() -> None:
    ari = FakeAri(endpoints={"trunk": "online"})
    findings = asyncio.run(asked(ari))
    assert [(one.subject, one.level) for one in findings] == [("engine", "ok"), ("events", "ok"), ("trunk", "ok")]
    assert all(name.startswith("manualdial-doctor-") for name in ari.opened)


def test_the_events_of_a_service_that_runs_are_left_alone() -> None:
    ari = FakeAri(endpoints={"trunk": "online"}, applications=("manualdial",))
    findings = asyncio.run(asked(ari))
    assert "a service takes its events" in findings[1].text
    assert ari.opened == []


@pytest.mark.parametrize(("endpoints", "said"), [({}, "no endpoint PJSIP/trunk"), ({"trunk": "offline"}, "offline")])
def test_a_trunk_that_is_not_there_fails(endpoints: dict[str, str], said: str) -> None:
    trunk = asyncio.run(asked(FakeAri(endpoints=endpoints)))[-1]
    assert (trunk.subject, trunk.level) == ("trunk", "fail")
    assert said in trunk.text


def test_a_trunk_whose_address_stands_in_the_dial_string_need_not_be_online() -> None:
    ari = FakeAri(endpoints={"trunk": "offline"})
    trunk = asyncio.run(asked(ari, trunk="PJSIP/trunk/sip:{number}@203.0.113.5"))[-1]
    assert (trunk.subject, trunk.level) == ("trunk", "ok")


@pytest.mark.parametrize(
    ("options", "mend"), [({"password": "wrong"}, "ari.conf"), ({"path": "/elsewhere"}, "end in /ari")]
)
def test_an_asterisk_that_does_not_let_us_in_fails_alone(options: dict[str, str], mend: str) -> None:
    (finding,) = asyncio.run(asked(FakeAri(endpoints={}), **options))
    assert finding.level == "fail"
    assert mend in finding.mend


def test_an_asterisk_that_is_not_there_fails(tmp_path: Path) -> None:
    environment = {
        "MANUALDIAL_ENGINE_KIND": "asterisk",
        "MANUALDIAL_ENGINE_ASTERISK_URL": "http://127.0.0.1:1/ari",
        "MANUALDIAL_ENGINE_ASTERISK_PASSWORD": "never shown",
    }
    code, found = examined("--config", str(settings(tmp_path)), **environment)
    assert code == 1
    assert found["engine"]["level"] == "fail"


@pytest.mark.parametrize(
    ("template", "trunk"),
    [
        ("PJSIP/{number}@trunk", ("PJSIP", "trunk")),
        ("PJSIP/carrier/sip:{number}@203.0.113.5", ("PJSIP", "carrier")),
        ("Local/{number}@outbound", ("Local", "outbound")),
        ("PJSIP/{number}", ("PJSIP", "")),
    ],
)
def test_the_trunk_is_found_in_the_dial_string(template: str, trunk: tuple[str, str]) -> None:
    assert trunk_of(template) == trunk
