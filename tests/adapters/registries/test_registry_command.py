"""`manualdial registry`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from manualdial.commands.registry import application
from manualdial.registries.area_codes import codes_of
from tests.adapters.registries.lists import write

BOUGHT = ("--as-of", "2026-11-20", "--area-codes", "202")


@pytest.fixture
def source(tmp_path: Path) -> str:
    return str(write(tmp_path, ["area code,number", "202,5550100", "202,5550101", "202,5550101"]))


@pytest.fixture
def held(tmp_path: Path) -> str:
    return str(tmp_path / "held")


def call(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(application, list(arguments), input=stdin)


def standing(held: str, number: str) -> str:
    shown = json.loads(call("look-up", number, "--directory", held, "--json").stdout)
    return str(shown["standing"])


def test_a_list_is_imported_listed_looked_up_and_removed(source: str, held: str) -> None:
    result = call("import", "us-national", source, *BOUGHT, "--directory", held)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "us-national: 2 numbers as of 2026-11-20" in result.stderr
    shown = call("list", "--directory", held)
    assert [cell for cell in shown.stdout.splitlines()[1].split("  ") if cell][:2] == ["us-national", "2026-11-20"]
    assert "+1 202" in shown.stdout
    [line] = call("list", "--directory", held, "--json").stdout.splitlines()
    assert json.loads(line)["covered"] == ["1202"]
    assert standing(held, "+1 (202) 555-0100") == "listed"
    assert standing(held, "+12025550102") == "not-listed"
    assert standing(held, "+17035550100") == "not-covered"
    assert call("remove", "us-national", "--directory", held, stdin="n\n").exit_code == 1
    assert call("remove", "us-national", "--directory", held, "--yes").exit_code == 0
    assert call("remove", "us-national", "--directory", held, "--yes").exit_code == 1
    assert call("look-up", "+12025550100", "--directory", held).exit_code == 1


def test_a_change_list_is_applied(source: str, held: str, tmp_path: Path) -> None:
    call("import", "us-national", source, *BOUGHT, "--directory", held)
    changes = str(write(tmp_path, ["5550100,D,202", "5550102,A,202"], "changes.txt"))
    columns = ("--changes", "--columns", "number,operation,area-code", "--as-of", "2026-11-21T06:00:00-05:00")
    result = call("import", "us-national", changes, *columns, "--directory", held, "--json")
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    assert (made["asOf"], made["added"], made["removed"]) == ("2026-11-21T11:00:00+00:00", 1, 1)
    assert standing(held, "+12025550100") == "not-listed"


def test_a_list_may_come_from_standard_input(held: str) -> None:
    result = call("import", "uk-tps", "-", "--as-of", "2026-11-20", "--directory", held, stdin="02079460000 \r\n")
    assert result.exit_code == 0, result.output
    assert standing(held, "+442079460000") == "listed"


def test_the_codes_that_were_bought_may_stand_in_a_file(source: str, held: str, tmp_path: Path) -> None:
    codes = str(write(tmp_path, "202\n", "codes.txt"))
    bought = ("--as-of", "2026-11-20", "--area-codes-from", codes)
    result = call("import", "us-national", source, *bought, "--directory", held, "--json")
    assert json.loads(result.stdout)["covered"] == ["1202"]


def test_where_all_codes_were_bought_those_without_a_number_are_told(held: str, tmp_path: Path) -> None:
    texas = sorted(codes_of("us-tx").in_service)
    source = str(write(tmp_path, [f"{code}5550100" for code in texas[1:]]))
    bought = ("--as-of", "2026-11-20", "--all-area-codes", "--directory", held)
    result = call("import", "us-tx", source, *bought)
    assert result.exit_code == 0, result.output
    assert f"not covered: {texas[0]}." in " ".join(result.stderr.split())
    result = call("import", "us-national", source, *bought)
    assert result.exit_code == 1
    assert "no number of" in result.stderr
    assert "--area-codes" in result.stderr
    assert "--force" in result.stderr


def test_a_doubtful_list_is_told_with_the_way_out(held: str, tmp_path: Path) -> None:
    rubbish = str(write(tmp_path, ["2025550100", "rubbish"]))
    result = call("import", "us-national", rubbish, *BOUGHT, "--directory", held)
    assert result.exit_code == 1
    assert "Nothing was changed" in result.stderr
    assert "--force" in result.stderr
    result = call("import", "us-national", rubbish, *BOUGHT, "--force", "--directory", held)
    assert result.exit_code == 0
    assert "us-national.rejects.txt" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("us-national", "--as-of", "2026-11-20"),
        ("us-national", "--as-of", "2026-11-20", "--area-codes", "202", "--all-area-codes"),
        ("us-national", "--as-of", "2026-11-20", "--area-codes", "102"),
        ("us-national", "--as-of", "2026-11-20", "--area-codes-from", "missing.txt"),
        ("us-national", "--as-of", "20.11.2026", "--all-area-codes"),
        ("us-national", "--as-of", "2026-11-20T10:00:00", "--all-area-codes"),
        ("us-national", "--as-of", "2026-11-20", "--all-area-codes", "--changes"),
        ("us-national", "--as-of", "2026-11-20", "--all-area-codes", "--columns", "number,operation"),
        ("us-national", "--as-of", "2026-11-20", "--changes", "--columns", "number"),
        ("us-national", "--as-of", "2026-11-20", "--changes", "--columns", "number,operation,number"),
        ("us-national", "--as-of", "2026-11-20", "--changes", "--columns", "number,verb"),
        ("us-national", "--as-of", "2026-11-20", "--all-area-codes", "--calling-code", "0"),
        ("xx-national", "--as-of", "2026-11-20"),
        ("other", "--calling-code", "1", "--as-of", "2026-11-20", "--all-area-codes"),
        ("US", "--as-of", "2026-11-20", "--all-area-codes"),
        ("../us", "--as-of", "2026-11-20", "--all-area-codes"),
    ],
)
def test_what_does_not_fit_together_is_a_wrong_call(arguments: tuple[str, ...], source: str, held: str) -> None:
    result = call("import", *arguments, source, "--directory", held)
    assert result.exit_code == 2
    assert result.stderr.startswith("manualdial: ")
    assert not Path(held).exists()


def test_a_file_named_twice_or_not_there_is_told(source: str, held: str) -> None:
    assert call("import", "us-national", source, source, *BOUGHT, "--directory", held).exit_code == 2
    result = call("import", "us-national", "missing.txt", *BOUGHT, "--directory", held)
    assert result.exit_code == 1
    assert "missing.txt is not there" in result.stderr


def test_a_damaged_copy_is_told_by_list_and_look_up(source: str, held: str) -> None:
    call("import", "us-national", source, *BOUGHT, "--directory", held)
    (Path(held) / "uk-tps.registry").write_bytes(b"")
    result = call("list", "--directory", held)
    assert result.exit_code == 1
    assert "us-national" in result.stdout
    assert "uk-tps" in result.stderr
    assert call("look-up", "+12025550100", "--directory", held).exit_code == 1
    assert call("look-up", "+12025550100", "--registry", "us-national", "--directory", held).exit_code == 0
    assert call("look-up", "2025550100", "--directory", held).exit_code == 2


def test_a_list_that_no_rule_asks_for_is_imported_with_a_remark(source: str, held: str) -> None:
    result = call("import", "us-zz", source, *BOUGHT, "--directory", held)
    assert result.exit_code == 0, result.output
    assert "No rule that is on asks for a copy of us-zz" in result.stderr
    assert "No rule" not in call("import", "us-national", source, *BOUGHT, "--directory", held).stderr


def test_a_list_that_is_too_old_for_the_rules_is_imported_with_both_numbers(source: str, held: str) -> None:
    result = call(
        "import", "us-national", source, "--as-of", "2026-01-02", "--area-codes", "202", "--directory", held, "--json"
    )
    assert result.exit_code == 0, result.output
    assert re.search(r"It is \d+ days old, the rules want one of at most 31: ", result.stderr)
    assert json.loads(result.stdout)["registry"] == "us-national"


def test_a_file_that_is_not_there_is_named_as_it_was_given(held: str, tmp_path: Path) -> None:
    result = call("import", "us-national", str(tmp_path / "none.txt"), *BOUGHT, "--directory", held)
    assert result.exit_code == 1
    assert f"Nothing was changed: {tmp_path / 'none.txt'} is not there" in result.stderr
