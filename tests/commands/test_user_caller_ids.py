"""`manualdial user caller-ids`: which numbers a user may show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.a_database import a_database, told
from tests.commands.service import command

SHOWN, OTHER = "+12025550180", "+12025550181"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    made = a_database(tmp_path)
    text = made.read_text()
    made.write_text(text.replace("[dialing]\n", f'[dialing]\ncaller_ids = ["{SHOWN}", "{OTHER}"]\n'))
    return made


def caller_ids(config: Path, name: str = "user0") -> object:
    (user,) = [user for user in told("user", "list", config=config) if user["loginName"] == name]
    return user["callerIds"]


def said(config: Path, *arguments: str) -> str:
    result = command("user", "caller-ids", *arguments, "--config", str(config))
    assert result.exit_code == 0, result.output
    return result.output


def test_a_user_may_show_all_numbers_of_the_tenant_unless_it_is_said(config: Path) -> None:
    assert caller_ids(config) is None
    assert "all of the tenant" in said(config, "user0")


def test_a_user_is_added_with_the_numbers_that_may_be_shown(config: Path) -> None:
    numbers = ("--caller-id", SHOWN, "--caller-id", OTHER, "--caller-id", SHOWN)
    options = ("--tenant", "one", *numbers, "--password-stdin", "--config", str(config))
    assert command("user", "add", "ann", *options, stdin="secret\n").exit_code == 0
    assert caller_ids(config, "ann") == [SHOWN, OTHER]


def test_the_numbers_are_set_and_shown_and_set_back(config: Path) -> None:
    said(config, "USER0", SHOWN)
    assert caller_ids(config) == [SHOWN]
    assert said(config, "user0").strip() == SHOWN
    said(config, "user0", "--none")
    assert caller_ids(config) == []
    assert said(config, "user0").strip() == "none"
    said(config, "user0", "--all")
    assert caller_ids(config) is None


def test_a_number_that_the_settings_do_not_have_is_pointed_out(config: Path) -> None:
    assert "do not give" not in said(config, "user0", SHOWN)
    output = said(config, "user0", SHOWN, "+12025550199")
    assert "do not give the tenant one: +12025550199." in output
    assert caller_ids(config) == [SHOWN, "+12025550199"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("user0", "(202) 555-0180"), 2, "caller ID"),
        (("user0", SHOWN, "--all"), 2, "--all"),
        (("user0", "--none", "--all"), 2, "--all"),
        (("nobody", SHOWN), 1, "no user nobody"),
        (("nobody",), 1, "no user nobody"),
    ],
)
def test_what_cannot_be_is_told_in_one_sentence(arguments: tuple[str, ...], code: int, told: str, config: Path) -> None:
    result = command("user", "caller-ids", *arguments, "--config", str(config))
    assert result.exit_code == code
    assert told in result.stderr
    assert caller_ids(config) is None


def test_a_caller_id_without_its_plus_sign_is_pointed_out(config: Path) -> None:
    assert "with its plus sign" in said(config, "user0", SHOWN.removeprefix("+"))
    assert "with its plus sign" not in said(config, "user0", "+12025550199")
