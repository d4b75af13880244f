"""`manualdial evidence export` about a number that was dialled under accounts: what is on record about these."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from manualdial.evidence import Draft
from manualdial.law.records import Business, Consent, ConsentForm, Listing
from manualdial.ports import Storage
from tests.commands.a_database import a_database, in_store, put_evidence
from tests.commands.test_evidence_export import Elements, exported
from tests.commands.written_attempts import AT, IMAGE, NUMBER, an_attempt
from tests.support.screening import a_record

OTHER = "+12025550199"
HOUR = timedelta(hours=1)
STOP = a_record(Listing(reason="said so on the other phone"), id="stop", number=OTHER, account_number="4711")
RECORDS = [
    STOP,
    a_record(Listing(reason="on this one"), id="own", number=NUMBER, account_number="4711"),
    a_record(Listing(reason="of nobody"), id="stranger", number=OTHER, account_number="9"),
    a_record(Business(source="register"), id="line", number=OTHER, account_number="4711"),
    a_record(Consent(form=ConsentForm.ORAL, given_at=AT - HOUR), id="consent", number=OTHER, account_number="4711"),
    a_record(Listing(reason="of an image"), id="image", number=OTHER, account_number=IMAGE),
]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Attempts without an account, under the account 4711, and a day later under another."""
    config = a_database(tmp_path)

    def attempts(tenant_id: str) -> list[Draft]:
        return [
            an_attempt(tenant_id),
            an_attempt(tenant_id, call_id="call-2", at=AT + HOUR, account="4711", records=[STOP]),
            an_attempt(tenant_id, call_id="call-3", at=AT + 24 * HOUR, account=IMAGE),
            an_attempt(tenant_id, call_id="call-4", number=OTHER, account="9"),
        ]

    async def keep(store: Storage, tenant_id: str) -> None:
        await store.add_records([msgspec.structs.replace(each, tenant_id=tenant_id) for each in RECORDS])

    put_evidence(config, attempts)
    in_store(config, keep)
    return config


def ids(records: list[dict[str, Any]]) -> list[str]:
    return [record["id"] for record in records]


def test_what_counts_by_an_account_that_an_attempt_named_comes_along_and_is_told_apart(config: Path) -> None:
    document, page = exported(config)
    assert ids(document["records"]) == ["own"]
    assert ids(document["accountRecords"]) == ["image", "stop"]
    assert [record["number"] for record in document["accountRecords"]] == [OTHER, OTHER]
    assert [record["accountNumber"] for record in document["accountRecords"]] == [IMAGE, "4711"]
    text = Elements(page).text
    about_number, _, of_accounts = text.partition("What is on record about the number")[2].partition(
        "What counted by the accounts that attempts named"
    )
    assert "on this one" in about_number
    assert "said so on the other phone" not in about_number
    assert f"account 4711, about {OTHER}" in of_accounts
    assert "said so on the other phone" in of_accounts


def test_what_counts_for_its_own_number_alone_or_by_another_account_stays_out(config: Path) -> None:
    document, page = exported(config)
    assert {"line", "consent", "stranger"}.isdisjoint(ids(document["records"] + document["accountRecords"]))
    assert "of nobody" not in json.dumps(document) + page


def test_the_accounts_are_those_of_the_attempts_in_the_time(config: Path) -> None:
    document, _ = exported(config, "--until", (AT + 2 * HOUR).isoformat())
    assert ids(document["accountRecords"]) == ["stop"]
    document, page = exported(config, "--until", (AT + timedelta(minutes=1)).isoformat())
    assert document["accountRecords"] == []
    assert "accounts that attempts named" not in page


def test_a_record_of_the_account_is_told_at_the_attempt_that_it_was_in_force_for(config: Path) -> None:
    _, first, second, third = exported(config)[1].split("<section")
    assert "in force then: stop." in second
    assert "in force then" not in first + third


def test_who_withdrew_a_record_and_why_is_told(config: Path) -> None:
    async def withdraw(store: Storage, tenant_id: str) -> int:
        return await store.withdraw_records(tenant_id, ["stop"], by="sue", at=AT + HOUR, reason="wants: tea")

    assert in_store(config, withdraw) == 1
    document, page = exported(config)
    (_, record) = document["accountRecords"]
    assert (record["withdrawnBy"], record["withdrawnReason"]) == ("sue", "wants: tea")
    assert "by sue: wants: tea" in Elements(page).text
