"""`manualdial record`: statements about numbers, from a file of JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from manualdial.imports.record_writing import write_records
from manualdial.law.records import Listing
from manualdial.ports import ContactHistory, Person
from tests.commands.a_database import a_database, told
from tests.commands.service import command
from tests.support.memory_store import MemoryStore
from tests.support.screening import TUESDAY_NOON_IN_NEW_YORK, a_record

NUMBER = "+12025550100"
PAGE = Path(__file__).parents[2] / "docs" / "records.md"
EVERY_KIND: list[dict[str, Any]] = [
    {"kind": "consent", "form": "express", "given_at": "2026-02-01T10:00:00-05:00", "proof": "recording 1"},
    {"kind": "relationship", "type": "purchase", "on": "2026-01-15"},
    {"kind": "residence", "jurisdiction": "US-FL", "zip_code": "33101"},
    {"kind": "line", "type": "mobile", "source": "porting data"},
    {"kind": "business", "source": "trade register"},
    {
        "kind": "registry-answer",
        "registry": "au-register",
        "listed": False,
        "answered_at": "2026-02-01T10:00:00+11:00",
        "valid_until": "2026-03-01T10:00:00+11:00",
    },
    {"kind": "do-not-call", "reason": "asked in writing"},
    {"kind": "refusal", "refused_at": "2026-02-01T10:00:00Z"},
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database into which nothing is written."""
    return a_database(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return a_database(tmp_path)


def records(config: Path, *options: str) -> list[dict[str, Any]]:
    return told("record", "list", NUMBER, *options, config=config)


def a_file(folder: Path, *lines: object) -> str:
    file = folder / "records.jsonl"
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    file.write_bytes(b"\n".join(texts))
    return str(file)


def test_every_kind_of_record_is_taken_and_listed(config: Path, tmp_path: Path) -> None:
    file = a_file(tmp_path, *({"number": "(202) 555-0100", **said} for said in EVERY_KIND))
    result = command("record", "import", file, "--by", "sue", "--config", str(config))
    assert result.exit_code == 0, result.output
    assert "8 added" in result.stderr
    found = records(config)
    assert {record["content"]["kind"] for record in found} == {said["kind"] for said in EVERY_KIND}
    assert {record["recordedBy"] for record in found} == {"sue, import of records.jsonl"}
    (residence,) = records(config, "--kind", "residence")
    assert residence["content"] == {"kind": "residence", "jurisdiction": "US-FL", "zip_code": "33101"}
    table = command("record", "list", NUMBER, "--config", str(config)).stdout
    assert "porting data" in table


def test_a_second_import_adds_nothing_and_brings_nothing_back(config: Path, tmp_path: Path) -> None:
    file = a_file(tmp_path, *({"number": NUMBER, **said} for said in EVERY_KIND))
    options = ("--config", str(config))
    assert command("record", "import", file, *options).exit_code == 0
    (consent,) = records(config, "--kind", "consent")
    assert command("record", "withdraw", consent["id"], "--reason", "typed wrongly", *options).exit_code == 0
    again = command("record", "import", file, *options)
    assert "0 added, 7 there already" in again.stderr
    assert "1 withdrawn earlier" in again.stderr
    (consent,) = records(config, "--kind", "consent")
    assert consent["withdrawnBy"].endswith("(command line)")
    assert consent["withdrawnReason"] == "typed wrongly"
    table = command("record", "list", NUMBER, *options).stdout.splitlines()
    assert table[0].split()[-4:] == ["ID", "WITHDRAWN", "BY", "WHY"]
    assert [line for line in table if line.endswith("typed wrongly")]
    assert command("record", "withdraw", consent["id"], *options).exit_code == 1


def test_an_id_an_end_and_a_region_can_be_given(config: Path, tmp_path: Path) -> None:
    own = {"id": "6F0D1C3E-8A55-4A5E-9F65-0D2B1B7C2F10", "until": "2101-01-01T00:00:00+01:00", "region": "GB"}
    file = a_file(tmp_path, {"number": "020 7946 0018", **own, "kind": "business", "source": "its website"})
    assert command("record", "import", file, "--config", str(config)).exit_code == 0
    (record,) = told("record", "list", "+442079460018", config=config)
    assert record["id"] == own["id"].lower()
    assert record["until"] == "2100-12-31T23:00:00+00:00"


def test_a_record_of_an_account_is_listed_with_the_other_numbers_of_it(config: Path, tmp_path: Path) -> None:
    of_account = ({"number": "+12025550101", "account_number": " 4711 ", **said} for said in EVERY_KIND)
    file = a_file(tmp_path, *of_account, {"number": "+12025550101", **EVERY_KIND[0]})
    for added in (9, 0):
        result = command("record", "import", file, "--config", str(config))
        assert f"{added} added" in result.stderr, result.output
    assert records(config) == []
    found = records(config, "--account", "4711")
    kinds = {record["content"]["kind"] for record in found}
    assert kinds == {"do-not-call", "refusal"}
    assert {(record["number"], record["accountNumber"]) for record in found} == {("+12025550101", "4711")}
    assert command("record", "list", NUMBER, "--account", " ", "--config", str(config)).exit_code == 2


CONSENT = {"kind": "consent", "form": "oral", "given_at": "2026-02-01T10:00:00Z"}
ANSWER = EVERY_KIND[5]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 20_000, "no JSON"),
        (b'"' + b"x" * 70_000 + b'"', "too long"),
        ([1], "no JSON object"),
        ({"number": NUMBER}, "kind is one of do-not-call, refusal, consent"),
        ({"number": NUMBER, "kind": ["consent"]}, "kind is one of"),
        ({"number": NUMBER, "kind": "blessing"}, "kind is one of"),
        ({"number": 12025550100, **CONSENT}, "PhoneNumber is a string"),
        ({"number": "911", **CONSENT}, "emergency"),
        (CONSENT, "PhoneNumber is missing"),
        ({"number": NUMBER, **CONSENT, "proofs": "x"}, "consent has no proofs"),
        ({"number": NUMBER, **CONSENT, "form": "spoken"}, "spoken"),
        ({"number": NUMBER, **CONSENT, "form": 1}, "form"),
        ({"number": NUMBER, **CONSENT, "given_at": "2026-02-01T10:00:00"}, "given_at has no offset"),
        ({"number": NUMBER, **CONSENT, "given_at": 1_770_000_000}, "given_at"),
        ({"number": NUMBER, **CONSENT, "given_at": "2199-02-01T10:00:00Z"}, "still to come"),
        ({"number": NUMBER, **CONSENT, "slot_from": "2026-02-01T10:00:00Z"}, "slot_until"),
        ({"number": NUMBER, **CONSENT, "until": "2101-01-01"}, "until"),
        ({"number": NUMBER, **CONSENT, "until": 7}, "until is a text"),
        ({"number": NUMBER, **CONSENT, "until": "2026-02-02T00:00:00Z"}, "until is past"),
        ({"number": NUMBER, "kind": "relationship", "type": "purchase", "on": "2199-02-03"}, "on is still to come"),
        ({"number": NUMBER, **CONSENT, "account_number": 4711}, "account_number is a text"),
        ({"number": NUMBER, **CONSENT, "account_number": " "}, "account_number is empty"),
        ({"number": NUMBER, **CONSENT, "account_number": "x" * 1025}, "account_number is longer"),
        ({"number": NUMBER, **CONSENT, "id": "x"}, "UUID"),
        ({"number": NUMBER, **CONSENT, "region": "XX"}, "region"),
        ({"number": NUMBER, "kind": "residence"}, "no known place"),
        ({"number": NUMBER, "kind": "residence", "jurisdiction": "Atlantis"}, "no known place"),
        ({"number": NUMBER, "kind": "residence", "zone": "Mars/Olympus"}, "no IANA time zone"),
        ({"number": NUMBER, "kind": "residence", "zip_code": 33101}, "zip_code"),
        ({"number": NUMBER, "kind": "business", "source": " "}, "source is empty"),
        ({"number": NUMBER, "kind": "line", "type": "satellite", "source": "x"}, "satellite"),
        ({"number": NUMBER, "kind": "do-not-call", "campaign_id": "spring"}, "campaign_id and scope"),
        ({"number": NUMBER, "kind": "do-not-call", "scope": "campaign"}, "campaign_id and scope"),
        ({"number": NUMBER, "kind": "relationship", "type": "contract", "on": "2026-02-30"}, "on"),
        (
            {
                "number": NUMBER,
                "kind": "relationship",
                "type": "contract",
                "on": "2026-02-03",
                "ended_on": "2026-02-01",
            },
            "ended_on is before on",
        ),
        ({"number": NUMBER, **ANSWER, "registry": "au-dncr"}, "no policy names the registry au-dncr"),
        ({"number": NUMBER, **ANSWER, "listed": "no"}, "listed"),
        ({"number": NUMBER, **ANSWER, "valid_until": "2026-01-01T00:00:00Z"}, "valid_until is not after"),
    ],
)
def test_a_line_that_is_no_record_is_rejected_with_its_place_and_the_reason(
    line: object, reason: str, shared: Path, tmp_path: Path
) -> None:
    file = a_file(tmp_path, b"", line)
    result = command("record", "import", file, "--config", str(shared))
    assert result.exit_code == 1
    assert "0 added" in result.stderr
    assert "the first: line 2: " in result.stderr
    with (tmp_path / "records.jsonl.rejected").open(newline="") as opened:
        (rejected,) = csv.DictReader(opened)
    assert rejected["line"] == "2"
    assert reason in rejected["reason"]


def test_good_lines_are_taken_beside_bad_ones(config: Path, tmp_path: Path) -> None:
    good = {"number": NUMBER, **CONSENT}
    file = a_file(
        tmp_path, b"\xef\xbb\xbf" + json.dumps(good).encode() + b"\r", b"rubbish", good, {**good, "proof": "2"}
    )
    result = command("record", "import", file, "--config", str(config))
    assert result.exit_code == 1
    assert "2 added, 1 there already, 1 rejected" in result.stderr
    assert len(records(config)) == 2


def test_a_kind_that_is_none_is_wrong_usage(shared: Path) -> None:
    result = command("record", "list", NUMBER, "--kind", "blessing", "--config", str(shared))
    assert result.exit_code == 2
    assert "registry-answer" in result.stderr


def test_the_examples_of_the_documentation_are_good(config: Path, tmp_path: Path) -> None:
    lines = PAGE.read_text(encoding="utf-8").partition("```json\n")[2].partition("```")[0].splitlines()
    result = command("record", "import", a_file(tmp_path, *map(str.encode, lines)), "--config", str(config))
    assert result.exit_code == 0, result.output
    assert f"{len(lines)} added" in result.stderr


class Unscreened(MemoryStore):
    """A store that is not to be asked what a verdict asks: it would read every dial to each of the numbers."""

    async def contact_history(
        self, tenant_id: str, people: Sequence[Person], *, attempts_since: datetime
    ) -> Sequence[ContactHistory]:
        raise AssertionError("nobody dials here")


async def test_records_are_written_without_a_look_at_the_dials() -> None:
    store, now = Unscreened(), TUESDAY_NOON_IN_NEW_YORK
    record = a_record(Listing())
    for added in (1, 0):
        assert (await write_records(store, record.tenant_id, [record], now=now)).added == added
