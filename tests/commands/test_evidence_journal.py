"""`manualdial evidence verify` beside the journal: calls that have no link are named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from manualdial.calls import Call
from manualdial.ports import Storage
from tests.commands.a_database import a_database, in_store, put_evidence, tamper
from tests.commands.service import command
from tests.commands.written_attempts import AT, a_chain, an_attempt
from tests.support.calls import a_call
from tests.support.screening import facts_about

HOUR = timedelta(hours=1)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A database with a chain of four links, the first of them at AT, and no call."""
    config = a_database(tmp_path)
    put_evidence(config, a_chain)
    return config


def press(config: Path, call_id: str, at: datetime, *, with_link: bool) -> None:
    """Write a call into the journal."""

    async def work(store: Storage, tenant_id: str) -> None:
        await store.record_press(
            called(tenant_id, call_id, at),
            evidence=an_attempt(tenant_id, call_id=call_id, at=at) if with_link else None,
        )

    in_store(config, work)


def called(tenant_id: str, call_id: str, at: datetime) -> Call:
    number = facts_about("+12025550100").number
    return a_call(id=call_id, tenant_id=tenant_id, request_id=call_id, number=number, requested_at=at, at=at)


def verified(config: Path) -> tuple[int, Sequence[str], str]:
    result = command("evidence", "verify", "--json", "--config", str(config))
    proof: dict[str, Any] = json.loads(result.stdout)
    return result.exit_code, proof["callsWithoutLink"], result.stderr


def test_calls_that_were_written_with_their_link_are_not_named(config: Path) -> None:
    press(config, "call-8", AT + HOUR, with_link=True)
    assert verified(config) == (0, [], "")


def test_a_call_without_a_link_is_named(config: Path) -> None:
    press(config, "call-8", AT + HOUR, with_link=True)
    press(config, "call-9", AT + 2 * HOUR, with_link=False)
    code, missing, said = verified(config)
    assert (code, missing) == (1, ["call-9"])
    assert said == "manualdial: one: 1 call in the journal has no link: call-9.\n"


def test_of_many_calls_without_a_link_the_newest_are_named(config: Path) -> None:
    for number in range(10, 17):
        press(config, f"call-{number}", AT + number * HOUR, with_link=False)
    code, missing, said = verified(config)
    assert (code, len(missing)) == (1, 7)
    assert "7 calls in the journal have no link: call-16, call-15, call-14, call-13, call-12 and 2 more." in said


def test_a_call_from_before_evidence_was_kept_does_not_count(config: Path) -> None:
    press(config, "call-9", AT - HOUR, with_link=False)
    assert verified(config)[:2] == (0, [])


def test_calls_whose_links_the_retention_has_removed_do_not_count(config: Path) -> None:
    press(config, "call-8", AT + 2 * HOUR, with_link=True)
    press(config, "call-9", AT + 9 * HOUR, with_link=True)

    async def prune(store: Storage, tenant_id: str) -> int:
        return await store.prune_evidence(tenant_id, before=AT + 3 * HOUR, limit=100)

    assert in_store(config, prune) == 5
    assert verified(config)[:2] == (0, [])


def test_a_chain_that_is_broken_is_not_compared(config: Path) -> None:
    press(config, "call-9", AT + HOUR, with_link=False)
    tamper(config, "UPDATE evidence SET seal = zeroblob(32) WHERE seq = 3")
    code, missing, said = verified(config)
    assert (code, missing) == (1, [])
    assert "broken at link 3" in said
