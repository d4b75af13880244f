"""What the tests of evidence need: drafts, and proofs of whole chains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from manualdial.calls import Call
from manualdial.evidence import Broken, Draft, Kind, Proof, Sealed
from manualdial.ports import AttemptsSeen, EvidenceStore, Person
from tests.contract.stores import NOON

LONG_AGO = NOON - timedelta(days=365)


def an_attempt(call: Call) -> Draft:
    """The evidence of a press."""
    return Draft(
        tenant_id=call.tenant_id,
        kind=Kind.ATTEMPT,
        at=call.requested_at,
        number=call.number.e164,
        call_id=call.id,
        content=b'{"verdict":"allow"}',
    )


def a_refusal(number: str = "+12025550100", *, tenant_id: str = "north", at: datetime = NOON) -> Draft:
    """The evidence of a press that was refused."""
    return Draft(
        tenant_id=tenant_id,
        kind=Kind.REFUSAL,
        at=at,
        number=number,
        call_id=None,
        content=b'{"verdict":"block"}',
    )


def person_of(call: Call) -> Person:
    """Whom a call is to."""
    return Person(number=call.number.e164, account_number=call.account_number)


def seen(call: Call, count: int, *, since: datetime = LONG_AGO) -> AttemptsSeen:
    """A verdict has counted so many attempts to reach whom the call is to."""
    return AttemptsSeen(person=person_of(call), since=since, count=count)


async def all_links(store: EvidenceStore, tenant_id: str = "north") -> list[Sealed]:
    """The chain of a tenant, page by page."""
    links: list[Sealed] = []
    while page := await store.evidence(tenant_id, after=links[-1].seq if links else 0, limit=7):
        links += page
    return links


def broken(links: Sequence[Sealed], *, expects: tuple[int, bytes] | None = None) -> Broken | None:
    """The first link of a chain that does not hold."""
    proof = Proof("north", expects=expects)
    return proof.follow(links) or proof.end()


async def whole_chain(store: EvidenceStore, tenant_id: str = "north") -> list[Sealed]:
    """The chain of a tenant, which holds, and has no two links of one kind about one call."""
    links = await all_links(store, tenant_id)
    proof = Proof(tenant_id)
    assert (proof.follow(links) or proof.end()) is None
    about = Counter((link.call_id, link.kind) for link in links if link.call_id is not None)
    assert [name for name, count in about.items() if count > 1] == []
    return links


def kinds(links: Sequence[Sealed], call: Call | None = None) -> list[Kind]:
    """The kinds of the links, in their order; of those about a call where one is given."""
    return [link.kind for link in links if call is None or link.call_id == call.id]


def content_of(link: Sealed) -> dict[str, object]:
    """What a link tells."""
    content: dict[str, object] = msgspec.json.decode(link.body)["content"]
    return content
