"""`manualdial do-not-call`: the lists of the company and of campaigns."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.commands.a_database import a_database, told
from tests.commands.service import RunningService, command

NUMBER = "+12025550100"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return a_database(tmp_path)


def listed(config: Path, *options: str) -> list[dict[str, Any]]:
    return told("do-not-call", "list", *options, config=config)


def numbers(config: Path, *options: str) -> list[str]:
    return sorted(record["number"] for record in listed(config, *options))


def imported(config: Path, file: Path, content: bytes | str, *options: str, code: int = 0) -> str:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = command("do-not-call", "import", str(file), *options, "--config", str(config))
    assert result.exit_code == code, result.output
    return result.stderr


def test_a_number_in_any_form_is_put_on_the_company_list_with_its_reason(config: Path) -> None:
    options = ("--reason", "said so", "--by", "sue", "--region", "us", "--config", str(config))
    result = command("do-not-call", "add", "(202) 555-0100", *options)
    assert result.exit_code == 0
    assert "+12025550100 is on the list of the company" in result.stderr
    (record,) = listed(config)
    assert (record["number"], record["recordedBy"]) == (NUMBER, "sue")
    assert record["content"] == {"kind": "do-not-call", "reason": "said so"}


def test_a_campaign_has_a_list_of_its_own(config: Path) -> None:
    for options in ((), ("--campaign", "spring")):
        assert command("do-not-call", "add", NUMBER, *options, "--config", str(config)).exit_code == 0
    assert len(listed(config)) == 2
    (record,) = listed(config, "--campaign", "spring")
    assert record["content"] == {"kind": "do-not-call", "scope": "campaign", "campaign_id": "spring"}


def test_a_number_that_was_removed_stays_readable_with_who_and_why(config: Path) -> None:
    options = ("--config", str(config))
    for campaign in ((), ("--campaign", "spring")):
        assert command("do-not-call", "add", NUMBER, *campaign, *options).exit_code == 0
    result = command("do-not-call", "remove", NUMBER, "--reason", "wrote: stop", "--by", "sue: office", *options)
    assert result.exit_code == 0
    assert "still on the list of the campaign spring" in result.stderr
    assert len(listed(config)) == 1
    (withdrawn,) = [record for record in listed(config, "--all") if record["withdrawnAt"]]
    assert (withdrawn["withdrawnBy"], withdrawn["withdrawnReason"]) == ("sue: office", "wrote: stop")
    heading, *lines = command("do-not-call", "list", "--all", *options).stdout.splitlines()
    assert heading.split()[-4:] == ["ID", "WITHDRAWN", "BY", "WHY"]
    assert [line.endswith("sue: office  wrote: stop") for line in lines].count(True) == 1
    assert "WITHDRAWN" not in command("do-not-call", "list", *options).stdout
    again = command("do-not-call", "remove", NUMBER, "--reason", "once more", *options)
    assert again.exit_code == 1
    assert "not on the list of the company" in again.stderr


OTHER = "+12025550101"


def test_who_is_listed_with_an_account_is_taken_off_by_any_number_of_it(config: Path) -> None:
    options = ("--config", str(config))
    assert command("do-not-call", "add", NUMBER, "--account", " 4711 ", *options).exit_code == 0
    (record,) = listed(config)
    assert record["accountNumber"] == "4711"
    assert "account 4711" in command("do-not-call", "list", *options).stdout
    off = ("do-not-call", "remove", OTHER, "--reason", "a mistake", *options)
    assert command(*off).exit_code == 1
    assert command(*off, "--account", "4712").exit_code == 1
    assert command(*off, "--account", "4711").exit_code == 0
    assert listed(config) == []


def test_the_accounts_of_a_file_are_read_and_exported(config: Path, tmp_path: Path) -> None:
    content = f"Number;Account Number\n{NUMBER};4711\n{OTHER};\n+12025550102;-5\n"
    assert "3 added" in imported(config, tmp_path / "list.csv", content)
    assert "0 added, 3 there already" in imported(config, tmp_path / "list.csv", content)
    accounts = {record["number"]: record["accountNumber"] for record in listed(config)}
    assert accounts == {NUMBER: "4711", OTHER: None, "+12025550102": "-5"}
    file = tmp_path / "export.csv"
    assert command("do-not-call", "export", "--output", str(file), "--config", str(config)).exit_code == 0
    other = a_database(_folder(tmp_path / "other"))
    assert "3 added" in imported(other, file, file.read_bytes())
    assert {record["number"]: record["accountNumber"] for record in listed(other)} == accounts


def test_a_number_that_is_listed_is_listed_again_for_an_account_that_is_not(config: Path, tmp_path: Path) -> None:
    assert "1 added" in imported(config, tmp_path / "a.csv", f"{NUMBER}\n")
    assert "1 added" in imported(config, tmp_path / "a.csv", f"number,account\n{NUMBER},4711\n")
    assert "0 added" in imported(config, tmp_path / "b.csv", f"number,account\n{NUMBER},4711\n")
    assert "0 added" in imported(config, tmp_path / "c.csv", f"{NUMBER}\n")
    assert "1 added" in imported(config, tmp_path / "c.csv", f"number,account\n{NUMBER},4712\n")


def test_an_account_that_is_too_long_is_rejected(config: Path, tmp_path: Path) -> None:
    assert "1 rejected" in imported(config, tmp_path / "a.csv", f"number,account\n{NUMBER},{'x' * 1025}\n", code=1)
    assert listed(config) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "911"), "emergency"),
        (("add", "rubbish"), "cannot be used"),
        (("add", NUMBER, "--until", "2020-01-01T00:00:00Z"), "--until must be in the future"),
        (("add", NUMBER, "--until", "2036-01-01T00:00:00"), "offset"),
        (("add", NUMBER, "--region", "XX"), "region"),
        (("add", NUMBER, "--campaign", " "), "campaign"),
        (("add", NUMBER, "--reason", "x" * 2000), "1024"),
        (("add", NUMBER, "--account", " "), "--account"),
        (("add", NUMBER, "--account", "x" * 1025), "1024"),
        (("remove", NUMBER), "--reason"),
        (("remove", NUMBER, "--reason", " "), "--reason"),
        (("import", "list.txt", "--column", "phone"), "no column phone"),
        (("import", "list.txt", "--column", "2"), "no column 2"),
        (("import", "list.txt", "--column", "0"), "no column 0"),
    ],
)
def test_what_cannot_be_is_refused_as_wrong_usage(
    arguments: tuple[str, ...], said: str, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("number\n+12025550100\n")
    result = command("do-not-call", *arguments, "--config", str(config))
    assert result.exit_code == 2
    assert said in result.stderr
    assert listed(config) == []


def test_of_several_tenants_one_is_named(tmp_path: Path) -> None:
    config = str(a_database(tmp_path, "north", "south"))
    result = command("do-not-call", "add", NUMBER, "--config", config)
    assert result.exit_code == 2
    assert "--tenant: north, south" in result.stderr
    assert command("do-not-call", "add", NUMBER, "--tenant", "South", "--config", config).exit_code == 0
    assert len(listed(Path(config), "--tenant", "south")) == 1
    assert listed(Path(config), "--tenant", "north") == []
    assert command("do-not-call", "list", "--tenant", "west", "--config", config).exit_code == 1


def test_a_file_with_a_byte_order_mark_crlf_and_rubbish_is_read_line_by_line(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    content = (
        b"\xef\xbb\xbfName;Phone;Reason\r\n"
        b"Ann;+1 202 555 0101;asked twice\r\n"
        b"Bob;rubbish;\r\n"
        b"\r\n"
        b'"O""Hara; Jr";(202) 555-0102;\r\n'
        b"Eve;911;\r\n"
        b"\x00\xff\xfe;;\r\n"
        b"Zoe;+1 202 555 0101;the same again\r\n" + b"x" * 10_000 + b";+12025550109;\r\n"
    )
    said = imported(config, file, content, "--reason", "old list", code=1)
    assert "2 added, 1 there already, 4 rejected" in said
    assert "manualdial: 4 lines were rejected; the first: line 3: " in said
    reasons = {record["number"]: record["content"]["reason"] for record in listed(config)}
    assert reasons == {"+12025550101": "asked twice", "+12025550102": "old list"}
    rejects = tmp_path / "list.csv.rejected"
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    with rejects.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["line"] for row in rows] == ["3", "6", "7", "9"]
    assert "emergency" in rows[1]["reason"]


@pytest.mark.parametrize(
    "content",
    [
        "+12025550101\n+12025550102",
        "12025550101\r\n(202) 555-0102\r\n",
        "202-555-0101\r202.555.0102\r",
        "\n\n  +1 202 555 0101 \n\n\t+1 202 555 0102\n",
        "number\n'+12025550101\n'+12025550102\n",
        "id\tmsisdn\n1\t+12025550101\n2\t+12025550102\n",
        "\ufeffPhone Number,Name\n+12025550101,Ann\n+12025550102,Bob\n".encode("utf-16-le"),
    ],
    ids=["bare", "national", "old-mac", "blanks", "apostrophes", "tabs", "utf-16"],
)
def test_lists_come_in_many_forms(content: str | bytes, config: Path, tmp_path: Path) -> None:
    imported(config, tmp_path / "list.txt", content)
    assert numbers(config) == ["+12025550101", "+12025550102"]
    assert not (tmp_path / "list.txt.rejected").exists()


def test_the_column_can_be_named_or_counted(config: Path, tmp_path: Path) -> None:
    imported(config, tmp_path / "a.csv", "number,evening\n+12025550101,+12025550102\n", "--column", "evening")
    imported(config, tmp_path / "b.csv", "x,+12025550103\n", "--column", "2")
    assert numbers(config) == ["+12025550102", "+12025550103"]


def test_a_second_import_adds_nothing(config: Path, tmp_path: Path) -> None:
    content = "".join(f"+1202555{number:04}\n" for number in range(100, 200))
    assert "100 added" in imported(config, tmp_path / "list.txt", content)
    assert "0 added, 100 there already" in imported(config, tmp_path / "list.txt", content)
    assert "0 added, 100 there already" in imported(config, tmp_path / "other.txt", content)
    assert "100 added" in imported(config, tmp_path / "list.txt", content, "--campaign", "spring")
    assert len(listed(config, "--all")) == 200


def test_an_import_larger_than_a_batch_is_taken_whole(config: Path, tmp_path: Path) -> None:
    content = "".join(f"+1202{number:07}\n" for number in range(5550000, 5552500))
    assert "2,500 added" in imported(config, tmp_path / "list.txt", content)
    result = command("do-not-call", "list", "--config", str(config))
    assert len(result.stdout.splitlines()) == 1001
    assert "export" in result.stderr


def test_a_number_that_was_removed_comes_back_only_where_that_is_said(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    imported(config, file, "+12025550101\n+12025550102\n")
    command("do-not-call", "remove", "+12025550101", "--reason", "a mistake", "--config", str(config))
    said = imported(config, file, "+12025550101\n+12025550102\n")
    assert "0 added, 1 there already" in said
    assert "1 withdrawn earlier" in said
    assert numbers(config) == ["+12025550102"]
    for added in (1, 0):
        said = imported(config, file, "+12025550101\n", "--again")
        assert f"{added} added" in said
    assert numbers(config) == ["+12025550101", "+12025550102"]


def test_an_end_that_is_later_than_the_one_on_record_is_written(config: Path, tmp_path: Path) -> None:
    imported(config, tmp_path / "a.txt", "+12025550101\n", "--until", "2101-01-01T00:00:00Z")
    assert "1 added" in imported(config, tmp_path / "b.txt", "+12025550101\n")
    assert "0 added" in imported(config, tmp_path / "c.txt", "+12025550101\n", "--until", "2101-01-01T00:00:00Z")


def test_an_export_is_private_and_can_be_imported(config: Path, tmp_path: Path) -> None:
    command("do-not-call", "add", "+12025550101", "--reason", "=HYPERLINK(1)\nx", "--config", str(config))
    command("do-not-call", "add", "+12025550102", "--campaign", "spring", "--config", str(config))
    file = tmp_path / "export.csv"
    file.write_text("was there, readable for all")
    file.chmod(0o644)
    assert command("do-not-call", "export", "--output", str(file), "--config", str(config)).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(newline="") as opened:
        rows = {row["number"]: row for row in csv.DictReader(opened)}
    assert rows["+12025550101"]["reason"] == "'=HYPERLINK(1)·x"
    assert rows["+12025550102"]["campaign"] == "spring"
    other = a_database(_folder(tmp_path / "other"))
    assert "2 added, 0 there already, 0 rejected" in imported(other, file, file.read_bytes())
    (record,) = listed(other, "--campaign", "spring")
    assert record["number"] == "+12025550102"


def test_an_export_without_a_file_goes_to_standard_output(config: Path) -> None:
    command("do-not-call", "add", NUMBER, "--config", str(config))
    result = command("do-not-call", "export", "--config", str(config))
    assert result.stdout.splitlines()[0].startswith("number,scope,campaign")
    assert len(result.stdout.splitlines()) == 2


def test_a_file_that_is_not_there_is_told_in_one_sentence(config: Path, tmp_path: Path) -> None:
    for name in ("nothing.csv", "."):
        result = command("do-not-call", "import", str(tmp_path / name), "--config", str(config))
        assert result.exit_code == 1
        assert "cannot be read" in result.stderr
        assert len(result.stderr.splitlines()) == 1


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_service_that_runs_refuses_the_number_at_once_and_writes_it_down(
    service: RunningService, tmp_path: Path
) -> None:
    number, options = "+12025550147", ("--config", str(service.config))
    assert command("do-not-call", "add", number, "--reason", "said so", *options).exit_code == 0
    dialled = command("dial", number, environment=service.environment("kit"))
    assert dialled.exit_code == 1
    assert "do-not-call.company" in dialled.output
    assert command("evidence", "verify", *options).exit_code == 0
    to = tmp_path / "export.json"
    assert command("evidence", "export", "--number", number, "--output", str(to), *options).exit_code == 0
    (link,) = json.loads(to.read_text())["links"]
    assert link["kind"] == "refusal"
    assert "said so" in to.with_suffix(".html").read_text()
