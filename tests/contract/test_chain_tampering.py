"""Whatever somebody changes in the evidence of a database: a proof names the first link that does not hold."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import Connection, text

from tests.contract.chains import a_refusal, all_links, an_attempt, broken
from tests.contract.stores import Lab, WholeStore, a_call, opened, record_whole_call

LENGTH = 12


def execute(statements: str, connection: Connection) -> None:
    for statement in statements.split(";"):
        connection.execute(text(statement)).close()


@pytest.mark.parametrize(
    ("statements", "first_broken"),
    [
        ("UPDATE evidence SET body = '{}' WHERE seq = 5", 5),
        ("UPDATE evidence SET body = (SELECT body FROM evidence WHERE seq = 6) WHERE seq = 5", 5),
        ("UPDATE evidence SET seal = (SELECT seal FROM evidence WHERE seq = 6) WHERE seq = 5", 5),
        ("UPDATE evidence SET seal = '' WHERE seq = 5", 5),
        ("UPDATE evidence SET number = '+12025550199' WHERE seq = 5", 5),
        ("UPDATE evidence SET number = '' WHERE seq = 5", 5),
        ("UPDATE evidence SET kind = 'retraction' WHERE seq = 5", 5),
        ("UPDATE evidence SET kind = 'nothing' WHERE seq = 5", 5),
        ("UPDATE evidence SET call_id = 'another' WHERE seq = 5", 5),
        ("UPDATE evidence SET at = '2031-05-06 12:00:01.000000' WHERE seq = 5", 5),
        ("UPDATE evidence SET seq = 99 WHERE seq = 5", 6),
        ("UPDATE evidence SET tenant_id = 'south' WHERE seq = 5", 6),
        ("DELETE FROM evidence WHERE seq = 5", 6),
        ("DELETE FROM evidence WHERE seq <= 5", 6),
        ("DELETE FROM evidence WHERE seq >= 5", 5),
        ("DELETE FROM evidence", 1),
        (
            "UPDATE evidence SET seq = 99 WHERE seq = 5; UPDATE evidence SET seq = 5 WHERE seq = 6;"
            "UPDATE evidence SET seq = 6 WHERE seq = 99",
            5,
        ),
        (
            "INSERT INTO evidence SELECT tenant_id, 13, at, kind, number, NULL, body, seal FROM evidence WHERE seq = 5",
            13,
        ),
    ],
)
async def test_the_first_link_that_was_tampered_with_is_named(
    lab: Lab, store: WholeStore, statements: str, first_broken: int
) -> None:
    for minute in range(LENGTH // 3):
        call = a_call(minute=minute)
        await store.record_press(call, evidence=an_attempt(call))
        store.record_evidence(a_refusal())
        record_whole_call(store, call)
    links = await all_links(store)
    newest = (LENGTH, links[-1].seal)
    assert len(links) == LENGTH
    assert broken(links, expects=newest) is None
    async with opened(lab.url) as place:
        await place.write(partial(execute, statements))
    found = broken(await all_links(store), expects=newest)
    assert found is not None
    assert found.seq == first_broken


async def test_text_that_is_replaced_within_a_link_is_found(lab: Lab, store: WholeStore) -> None:
    for _ in range(3):
        store.record_evidence(a_refusal())
    await store.flush()
    replaced = {
        "sqlite": "UPDATE evidence SET body = replace(body, 'block', 'allow') WHERE seq = 2",
        "postgresql": "UPDATE evidence SET body = convert_to(replace(convert_from(body, 'UTF8'), 'block', 'allow'), "
        "'UTF8') WHERE seq = 2",
    }
    async with opened(lab.url) as place:
        await place.write(partial(execute, replaced[place.dialect]))
    found = broken(await all_links(store))
    assert found is not None
    assert found.seq == 2
