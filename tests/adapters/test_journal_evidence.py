"""How the journal puts evidence to the chains when the database fails, or another process writes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection, text

from manualdial.calls import Call, CallState, Change, Leg
from manualdial.evidence import Draft, Head, Kind, Proof, Sealed
from manualdial.ports import StoreUnavailable
from manualdial.storage.batch import NewPress
from manualdial.storage.chains import ChainMoved, heads_of, sealed, write_links
from manualdial.storage.database import Database
from manualdial.storage.journal import Journal
from manualdial.storage.links import links_after
from tests.adapters.watched_database import PATIENT, QUICK, WatchedDatabase, held, writing
from tests.contract.chains import a_refusal, an_attempt, kinds
from tests.contract.stores import LIMIT, a_call, opened


@pytest.fixture
async def watched(tmp_path: Path) -> WatchedDatabase:
    return WatchedDatabase(tmp_path / "journal.sqlite3")


async def whole_chain(database: Database) -> list[Sealed]:
    links = await database.read(lambda connection: links_after(connection, "north", after=0, limit=10_000))
    proof = Proof("north")
    assert (proof.follow(links) or proof.end()) is None
    return links


def with_evidence(call: Call) -> NewPress:
    return NewPress(call, evidence=an_attempt(call))


def ended(call: Call) -> Change:
    return Change(call=msgspec.structs.replace(call, step=1, state=CallState.ENDED), leg=Leg.AGENT, event="Dropped")


async def put_beside(database: Database, *drafts: Draft) -> None:
    """Another process puts links to the chain."""

    def work(connection: Connection) -> None:
        write_links(connection, sealed(drafts, heads_of(connection, ["north"], known={})))

    await database.write(work)


# ── faults ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_committed_and_not_answered_is_not_put_to_the_chain_twice(watched: WatchedDatabase) -> None:
    call = a_call()
    async with writing(watched, pacing=PATIENT) as journal:
        await journal.record_press(with_evidence(call))
        journal.record_evidence(a_refusal("+12025550101"))
        journal.record_evidence(a_refusal("+12025550101"))
        journal.record_change(ended(call))
        for _ in range(3):
            watched.lost_answers = 1
            with pytest.raises(StoreUnavailable):
                await journal.flush()
            journal.record_evidence(a_refusal("+12025550102"))
        await journal.flush()
        links = await whole_chain(watched)
    assert kinds(links, call) == [Kind.ATTEMPT, Kind.OUTCOME]
    numbers = [link.number for link in links if link.kind is Kind.REFUSAL]
    assert numbers == ["+12025550101"] * 2 + ["+12025550102"] * 3


async def test_evidence_keeps_its_order_over_failures(watched: WatchedDatabase) -> None:
    numbers = [f"+1202{number:07d}" for number in range(30)]
    async with writing(watched, pacing=PATIENT) as journal:
        for place, number in enumerate(numbers):
            journal.record_evidence(a_refusal(number))
            if place % 3:
                watched.faults, watched.lost_answers = place % 2, 1 - place % 2
                with pytest.raises(StoreUnavailable):
                    await journal.flush()
        await journal.flush()
        assert [link.number for link in await whole_chain(watched)] == numbers


async def test_evidence_is_tried_again_by_itself(watched: WatchedDatabase) -> None:
    async with writing(watched, pacing=QUICK) as journal:
        watched.faults = 4
        journal.record_evidence(a_refusal())
        async with asyncio.timeout(LIMIT):
            while not watched.commits:  # noqa: ASYNC110  # the clock alone starts these writes
                await asyncio.sleep(0.005)
        assert kinds(await whole_chain(watched)) == [Kind.REFUSAL]


async def test_an_attempt_whose_commit_was_not_answered_is_taken_back_with_a_retraction(
    watched: WatchedDatabase,
) -> None:
    call, next_one = a_call(), a_call()
    async with writing(watched, pacing=PATIENT) as journal:
        await journal.record_press(with_evidence(a_call()))
        watched.lost_answers = 1
        with pytest.raises(StoreUnavailable):
            await journal.record_press(with_evidence(call))
        watched.lost_answers = 1
        with pytest.raises(StoreUnavailable):
            await journal.retract_press(call)
        await journal.retract_press(call)
        await journal.record_press(with_evidence(next_one))
        links = await whole_chain(watched)
    assert kinds(links, call) == [Kind.ATTEMPT, Kind.RETRACTION]
    assert kinds(links) == [Kind.ATTEMPT, Kind.ATTEMPT, Kind.RETRACTION, Kind.ATTEMPT]


async def test_where_too_much_evidence_waits_the_newest_is_not_taken_and_the_log_says_so(
    watched: WatchedDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    async with writing(watched, pacing=PATIENT, room=100) as journal:
        for number in range(30):
            journal.record_evidence(a_refusal(f"+1202{number:07d}"))
        await journal.flush()
        links = await whole_chain(watched)
    assert [link.number for link in links] == [f"+1202{number:07d}" for number in range(10)]
    told = [line for line in capsys.readouterr().out.splitlines() if "lost" in line]
    assert len(told) == 2
    assert "links=20" in told[1]


async def test_evidence_that_cannot_be_written_holds_up_nothing(
    watched: WatchedDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    call = a_call()
    async with writing(watched, pacing=PATIENT) as journal:
        journal.record_evidence(a_refusal("+12025550101"))
        journal.record_evidence(a_refusal("\ud800"))  # it is no text of any encoding
        journal.record_evidence(a_refusal("+12025550102"))
        await journal.record_press(with_evidence(call))
        await journal.flush()
        assert not journal.is_failing
        links = await whole_chain(watched)
    assert {link.number for link in links} == {call.number.e164, "+12025550101", "+12025550102"}
    assert "evidence is lost" in capsys.readouterr().out


async def test_a_press_whose_evidence_cannot_be_written_fails_alone(watched: WatchedDatabase) -> None:
    good, bad, gone = a_call(), a_call(), a_call()
    async with writing(watched, pacing=PATIENT) as journal:
        await journal.record_press(with_evidence(gone))
        await journal.retract_press(gone)
        outcomes = await asyncio.gather(
            journal.record_press(with_evidence(good)),
            journal.record_press(NewPress(bad, evidence=msgspec.structs.replace(an_attempt(bad), number="\ud800"))),
            # The same call once more: it would be the second attempt of its name.
            journal.record_press(with_evidence(gone)),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [type(None), StoreUnavailable, StoreUnavailable]
        assert {link.call_id for link in await whole_chain(watched)} == {good.id, gone.id}


# ── other processes ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_press_finds_the_end_of_a_chain_that_another_process_has_moved(watched: WatchedDatabase) -> None:
    calls = [a_call() for _ in range(6)]
    async with writing(watched, pacing=PATIENT) as journal:
        for call in calls:
            await journal.record_press(with_evidence(call))
            await put_beside(watched, a_refusal(), a_refusal())
            journal.record_change(held(call, 1))
        await journal.flush()
        links = await whole_chain(watched)
    assert kinds(links) == [Kind.ATTEMPT, Kind.REFUSAL, Kind.REFUSAL] * 6


async def test_links_behind_a_stale_end_are_refused(url: str) -> None:
    stale = Head(seq=1, seal=bytes(32))

    def put_behind(connection: Connection) -> None:
        write_links(connection, sealed([a_refusal()], {"north": stale}))

    async with opened(url) as place:
        await put_beside(place, a_refusal(), a_refusal(), a_refusal())
        with pytest.raises(ChainMoved):
            await place.write(put_behind)
        # Also where the link of the next number was removed since.
        await place.write(lambda connection: connection.execute(text("DELETE FROM evidence WHERE seq < 3")).close())
        with pytest.raises(ChainMoved):
            await place.write(put_behind)


async def test_who_is_overtaken_for_ever_gives_up_and_tries_later(watched: WatchedDatabase) -> None:
    async with writing(watched, pacing=PATIENT) as journal:
        await journal.record_press(with_evidence(a_call()))
        watched.overtaken = True
        with pytest.raises(StoreUnavailable):
            await journal.record_press(with_evidence(a_call()))
        journal.record_evidence(a_refusal())
        with pytest.raises(StoreUnavailable):
            await journal.flush()
        with pytest.raises(StoreUnavailable):
            await journal.retract_press(a_call())
        assert watched.attempts < 100
        watched.overtaken = False
        await journal.flush()
        assert kinds(await whole_chain(watched)) == [Kind.ATTEMPT, Kind.REFUSAL]


async def test_a_chain_cannot_be_pruned_by_a_journal_that_is_closed(watched: WatchedDatabase) -> None:
    journal = Journal(watched, pacing=QUICK, room=10)
    with pytest.raises(StoreUnavailable):
        await journal.prune("north", before=a_call().at, limit=1)
