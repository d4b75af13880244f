"""`manualdial user`: who may sign in."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from manualdial.client.bus_client import SignIn, sign_in
from manualdial.client.errors import SignInRefused
from tests.commands.service import RunningService, command, settings


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(settings(tmp_path))


def listed(config: str) -> list[dict[str, object]]:
    result = command("user", "list", "--json", "--config", config)
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_user_that_was_added_is_listed(config: str) -> None:
    arguments = ("--role", "agent", "--role", "supervisor", "--name", "Ann Field", "--extension", "1001")
    result = command(
        "user", "add", "ann", "--tenant", "one", *arguments, "--region", "us", "--password-stdin", "--config", config,
        stdin="secret\n",
    )  # fmt: skip
    assert result.exit_code == 0
    (ann,) = listed(config)
    assert ann["roles"] == ["agent", "supervisor"]
    assert (ann["name"], ann["extension"], ann["region"]) == ("Ann Field", "1001", "US")
    table = command("user", "list", "--config", config)
    assert "Ann Field" in table.stdout


def test_people_of_one_tenant_share_it(config: str) -> None:
    for name, tenant in (("ann", "One"), ("bob", "one")):
        options = ("--tenant", tenant, "--password-stdin", "--config", config)
        assert command("user", "add", name, *options, stdin="secret\n").exit_code == 0
    assert [(user["loginName"], user["tenant"]) for user in listed(config)] == [("ann", "One"), ("bob", "One")]


def test_a_login_name_that_is_taken_is_refused(config: str) -> None:
    options = ("--tenant", "one", "--password-stdin", "--config", config)
    assert command("user", "add", "ann", *options, stdin="secret\n").exit_code == 0
    result = command("user", "add", "ANN", *options, stdin="secret\n")
    assert result.exit_code == 1
    assert "already" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("an n",), "login name"),
        (("ann", "--region", "XX"), "region"),
        (("ann", "--extension", "a b"), "extension"),
        (("ann", "--role", "boss"), "boss"),
    ],
)
def test_what_cannot_be_is_refused_as_wrong_usage(arguments: tuple[str, ...], said: str, config: str) -> None:
    result = command(
        "user", "add", *arguments, "--tenant", "one", "--password-stdin", "--config", config, stdin="secret\n"
    )
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_empty_password_is_refused(config: str) -> None:
    result = command("user", "add", "ann", "--tenant", "one", "--password-stdin", "--config", config, stdin="\n")
    assert result.exit_code == 2
    assert "password is empty" in result.stderr


def test_without_a_terminal_the_password_is_not_asked_for(config: str) -> None:
    result = command("user", "add", "ann", "--tenant", "one", "--config", config)
    assert result.exit_code == 2
    assert "--password-stdin" in result.stderr


def test_the_password_of_nobody_cannot_be_changed(config: str) -> None:
    added = command("user", "add", "ann", "--tenant", "one", "--password-stdin", "--config", config, stdin="secret\n")
    assert added.exit_code == 0
    result = command("user", "passwd", "nobody", "--password-stdin", "--config", config, stdin="secret\n")
    assert result.exit_code == 1
    assert "no user nobody" in result.stderr


def test_a_database_that_cannot_be_opened_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environment = {"MANUALDIAL_STORAGE_URL": f"sqlite:///{tmp_path}/file/db.sqlite3"}
    options = ("--tenant", "one", "--password-stdin")
    result = command("user", "add", "ann", *options, environment=environment, stdin="secret\n")
    assert result.exit_code == 1
    assert result.stderr.startswith("manualdial: The database is not available")
    assert len(result.stderr.splitlines()) == 1


def test_a_new_password_is_good_at_once_and_the_old_one_no_more(service: RunningService) -> None:
    options = ("--password-stdin", "--config", str(service.config))
    assert command("user", "add", "una", "--tenant", "one", *options, stdin="first\n").exit_code == 0
    assert command("user", "passwd", "una", *options, stdin="second\n").exit_code == 0
    assert asyncio.run(sign_in(SignIn(url=service.url, user="una", password="second")))
    with pytest.raises(SignInRefused):
        asyncio.run(sign_in(SignIn(url=service.url, user="una", password="first")))
