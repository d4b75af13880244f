"""`manualdial evidence verify` beside the journal: calls that lack a link are named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from manualdial.audit.chain import Proven
from manualdial.audit.journal import Missing, missing_links
from manualdial.calls import Call
from manualdial.evidence import GENESIS, Head, Kind, Sealed, seal
from manualdial.ports import CallLinks, Storage
from tests.commands.a_database import a_database, in_store, put_evidence, tamper
from tests.commands.service import command, running_service
from tests.commands.written_attempts import AT, a_chain, an_attempt
from tests.contract.stores import record_whole_call
from tests.support.calls import a_call
from tests.support.screening import facts_about

HOUR = timedelta(hours=1)
BEFORE_EVIDENCE = b'{"decision":"allow","rules":[],"overridable":false,"policy":{"name":"built-in","version":"1"}}'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A database with a chain of four links, the first of them at AT, and no call."""
    config = a_database(tmp_path)
    put_evidence(config, a_chain)
    return config


def press(config: Path, call_id: str, at: datetime, *, with_link: bool, ended: bool = False, **fields: Any) -> None:
    """Write a call into the journal."""

    async def work(store: Storage, tenant_id: str) -> None:
        call = called(tenant_id, call_id, at, **fields)
        evidence = an_attempt(tenant_id, call_id=call_id, at=at) if with_link else None
        await store.record_press(call, evidence=evidence)
        if ended:
            record_whole_call(store, call)
            await store.flush()

    in_store(config, work)


def called(tenant_id: str, call_id: str, at: datetime, **fields: Any) -> Call:
    number = facts_about("+12025550100").number
    ids = {"id": call_id, "tenant_id": tenant_id, "request_id": call_id}
    return a_call(**ids, number=number, requested_at=at, at=at, **fields)


def verified(config: Path) -> tuple[int, Sequence[dict[str, Any]], str]:
    result = command("evidence", "verify", "--json", "--config", str(config))
    proof: dict[str, Any] = json.loads(result.stdout)
    return result.exit_code, proof["missingLinks"], result.stderr


def test_calls_that_were_written_with_their_links_are_not_named(config: Path) -> None:
    press(config, "call-8", AT + HOUR, with_link=True)
    press(config, "call-9", AT + 2 * HOUR, with_link=True, ended=True)
    assert verified(config) == (0, [], "")


def test_a_call_without_a_link_is_named(config: Path) -> None:
    press(config, "call-8", AT + HOUR, with_link=True)
    press(config, "call-9", AT + 2 * HOUR, with_link=False, ended=True)
    code, missing, said = verified(config)
    assert (code, missing) == (1, [{"kind": "attempt", "count": 1, "first": ["call-9"]}])
    assert said == "manualdial: one: 1 call in the journal has no link `attempt`: call-9.\n"


def test_a_call_that_is_over_without_its_outcome_is_named(config: Path) -> None:
    press(config, "call-8", AT + HOUR, with_link=True)
    press(config, "call-9", AT + 2 * HOUR, with_link=True, ended=True)
    tamper(config, "DELETE FROM evidence WHERE call_id = 'call-9' AND kind = 'outcome'")
    code, missing, said = verified(config)
    assert (code, missing) == (1, [{"kind": "outcome", "count": 1, "first": ["call-9"]}])
    assert said == "manualdial: one: 1 call in the journal has no link `outcome`: call-9.\n"


def test_of_many_calls_without_a_link_the_oldest_are_named(config: Path) -> None:
    for number in range(10, 17):
        press(config, f"call-{number}", AT + number * HOUR, with_link=False)
    code, (missing,), said = verified(config)
    assert (code, missing["count"]) == (1, 7)
    assert (
        "7 calls in the journal have no link `attempt`: call-10, call-11, call-12, call-13, call-14 and 2 more." in said
    )


def test_where_all_links_were_deleted_the_calls_are_named_and_nothing_is_called_whole(config: Path) -> None:
    press(config, "call-8", AT + HOUR, with_link=True, ended=True)
    tamper(config, "DELETE FROM evidence")
    code, missing, _ = verified(config)
    assert (code, missing) == (1, [{"kind": "attempt", "count": 1, "first": ["call-8"]}])
    result = command("evidence", "verify", "--config", str(config))
    assert (result.exit_code, result.stdout) == (1, "")


def test_links_that_were_cut_off_at_the_end_are_missed_where_the_journal_has_their_calls(config: Path) -> None:
    for number in (7, 8, 9):
        press(config, f"call-{number}", AT + number * HOUR, with_link=True)
    tamper(config, "DELETE FROM evidence WHERE seq > 5")
    assert verified(config)[:2] == (1, [{"kind": "attempt", "count": 2, "first": ["call-8", "call-9"]}])


def test_a_chain_that_was_begun_anew_lacks_the_earlier_calls(config: Path) -> None:
    press(config, "call-8", AT + HOUR, with_link=True)
    tamper(config, "DELETE FROM evidence")
    press(config, "call-9", AT + 2 * HOUR, with_link=True)
    assert verified(config)[:2] == (1, [{"kind": "attempt", "count": 1, "first": ["call-8"]}])


def test_a_link_that_stands_before_the_chain_counts_for_nothing(config: Path) -> None:
    press(config, "call-8", AT + HOUR, with_link=True)
    tamper(config, "UPDATE evidence SET seq = -5 WHERE call_id = 'call-8'")
    assert verified(config)[:2] == (1, [{"kind": "attempt", "count": 1, "first": ["call-8"]}])


@pytest.mark.parametrize("links", ["some", "none"])
def test_a_call_from_before_there_was_evidence_does_not_count(links: str, config: Path) -> None:
    press(config, "call-9", AT - HOUR, with_link=False, ended=True, verdict=BEFORE_EVIDENCE)
    if links == "none":
        tamper(config, "DELETE FROM evidence")
    assert verified(config) == (0, [], "")


@pytest.mark.parametrize("verdict", [b"", b"{}", b"\xff", b'{"policy":"built-in"}'])
def test_a_verdict_that_nobody_can_read_excuses_no_call(verdict: bytes, config: Path) -> None:
    press(config, "call-9", AT - HOUR, with_link=False, verdict=verdict)
    assert verified(config)[0] == 1


def test_a_press_that_was_taken_back_does_not_count(config: Path) -> None:
    async def take_back(store: Storage, tenant_id: str) -> None:
        call = called(tenant_id, "call-9", AT + HOUR)
        await store.record_press(call, evidence=an_attempt(tenant_id, call_id=call.id, at=call.requested_at))
        await store.retract_press(call)

    in_store(config, take_back)
    assert verified(config) == (0, [], "")


def test_calls_whose_links_the_retention_has_removed_do_not_count(config: Path) -> None:
    press(config, "call-8", AT + 2 * HOUR, with_link=True, ended=True)
    press(config, "call-9", AT + 9 * HOUR, with_link=True)
    press(config, "call-10", AT + 10 * HOUR, with_link=False)

    async def prune(store: Storage, tenant_id: str) -> int:
        return await store.prune_evidence(tenant_id, before=AT + 3 * HOUR, limit=100)

    assert in_store(config, prune) == 6
    assert verified(config)[:2] == (1, [{"kind": "attempt", "count": 1, "first": ["call-10"]}])


def test_a_chain_that_is_broken_is_not_compared(config: Path) -> None:
    press(config, "call-9", AT + HOUR, with_link=False)
    tamper(config, "UPDATE evidence SET seal = zeroblob(32) WHERE seq = 3")
    code, missing, said = verified(config)
    assert (code, missing) == (1, [])
    assert "broken at link 3" in said


def test_what_a_service_writes_agrees_with_its_journal(tmp_path: Path) -> None:
    busy, customer_hangs_up, agent_does_not_answer, engine_refuses = "0101", "0106", "0108", "0111"
    with running_service(tmp_path, purpose=None) as service:
        for number in (busy, customer_hangs_up, agent_does_not_answer, engine_refuses, busy):
            dial = ("dial", f"+1 202 555 {number}", "--purpose", "service")
            assert "CALL_REFUSED" not in command(*dial, environment=service.environment()).output
        assert verified(service.config) == (0, [], "")
    assert verified(service.config) == (0, [], "")
    outcomes = command("evidence", "list", "--kind", "outcome", "--json", "--config", str(service.config))
    assert len(outcomes.stdout.splitlines()) == 5


# ── page by page ────────────────────────────────────────────────────────────────────────────────────────────────────


class Unlinked:
    """A store with many calls, an hour apart, that have no link; the retention removes links while they are read."""

    def __init__(self, count: int, *, begins_later: datetime | None = None) -> None:
        self.pages: list[int] = []
        self._begins = begins_later
        self._calls = [
            CallLinks(
                call_id=f"call-{number:05d}",
                requested_at=AT + number * HOUR,
                is_over=True,
                has_attempt=False,
                has_ending=False,
                verdict=b"",
            )
            for number in range(count)
        ]

    async def call_links(
        self, tenant_id: str, *, after: tuple[datetime, str] | None = None, limit: int = 1000
    ) -> Sequence[CallLinks]:
        rest = [call for call in self._calls if after is None or (call.requested_at, call.call_id) > after]
        self.pages.append(len(rest[:limit]))
        return rest[:limit]

    async def evidence(self, tenant_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Sealed]:
        if self._begins is None:
            return []
        return [seal(an_attempt("one", at=self._begins), seq=9, before=GENESIS)]

    @property
    def as_storage(self) -> Storage:
        """Seen as the port, of which no more than this is used."""
        return cast("Storage", self)


A_CHAIN = Proven(count=5, first=2, begins=AT, head=Head(6, GENESIS), broken=None, collected=())
NO_CHAIN = Proven(count=0, first=0, begins=None, head=Head(0, GENESIS), broken=None, collected=())


async def test_any_number_of_calls_is_read_a_thousand_at_a_time_and_a_hundred_are_kept() -> None:
    store, read = Unlinked(2_500), list[int]()
    (missing,) = await missing_links(store.as_storage, "one", NO_CHAIN, progress=read.append)
    assert store.pages == [1_000, 1_000, 500, 0]
    assert read == [1_000, 2_000, 2_500]
    assert (missing.kind, missing.count, len(missing.first)) == (Kind.ATTEMPT, 2_500, 100)


async def test_calls_whose_links_the_retention_removes_meanwhile_do_not_count() -> None:
    store = Unlinked(10, begins_later=AT + 7 * HOUR)
    assert await missing_links(store.as_storage, "one", A_CHAIN) == [
        Missing(kind=Kind.ATTEMPT, count=2, first=["call-00008", "call-00009"])
    ]
