"""The chain of evidence: what a link tells, and that no byte of a chain can be changed without breaking it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from manualdial.calls import Call, CallSignal, CallState, Cause, EndedBy, Ending, Report
from manualdial.evidence import GENESIS, Broken, Draft, Kind, LegState, Proof, Sealed, outcome, pruned, retraction, seal
from tests.support.calls import TO_CONNECTED, a_call, a_report, after

NOON = datetime(2031, 5, 6, 12, 0, 0, 123456, tzinfo=UTC)

Links = list[Sealed]


def a_draft(number: int, **fields: Any) -> Draft:
    draft = Draft(
        tenant_id="north",
        kind=Kind.REFUSAL,
        at=NOON + timedelta(minutes=number),
        number=f"+1202555{number:04d}",
        call_id=None,
        content=b'{"press":%d}' % number,
    )
    return msgspec.structs.replace(draft, **fields)


def chained(*drafts: Draft, seq: int = 1, before: bytes = GENESIS) -> Links:
    links: Links = []
    for draft in drafts:
        links.append(seal(draft, seq=seq, before=before))
        seq, before = seq + 1, links[-1].seal
    return links


def a_chain(length: int = 6) -> Links:
    return chained(*(a_draft(number) for number in range(1, length + 1)))


def proven(links: Sequence[Sealed], *, expects: tuple[int, bytes] | None = None) -> Broken | None:
    proof = Proof("north", expects=expects)
    return proof.follow(links) or proof.end()


def changed(place: int, **fields: Any) -> Callable[[Links], Links]:
    """Change what stands in or beside a link."""

    def change(links: Links) -> Links:
        return [
            msgspec.structs.replace(link, **fields) if number == place else link
            for number, link in enumerate(links, start=1)
        ]

    return change


def test_a_chain_that_nobody_has_touched_holds() -> None:
    links = a_chain()
    assert proven(links) is None
    assert proven([]) is None
    assert [link.to_json()["seq"] for link in links] == [1, 2, 3, 4, 5, 6]
    assert links[2].to_json()["content"] == {"press": 3}


def test_a_proof_can_be_made_in_parts_and_ends_with_the_newest_link() -> None:
    links = a_chain()
    proof = Proof("north")
    for link in links:
        assert proof.follow([link]) is None
    assert proof.end() is None
    assert (proof.seq, proof.seal, proof.count) == (6, links[-1].seal, 6)


@pytest.mark.parametrize(
    ("tamper", "first_broken"),
    [
        (lambda links: [*links[:2], *links[3:]], 4),
        (lambda links: [links[0], links[2], links[1], *links[3:]], 3),
        (lambda links: [*links[:3], links[2], *links[3:]], 3),
        (lambda links: links[2:], 3),
        (changed(4, tenant_id="south"), 4),
        (changed(4, kind=Kind.ATTEMPT), 4),
        (changed(4, at=NOON), 4),
        (changed(4, at=datetime(2031, 5, 6)), 4),  # noqa: DTZ001  # a column may have lost its zone
        (changed(4, number="+12025550000"), 4),
        (changed(4, call_id="c1"), 4),
        (changed(4, seal=bytes(32)), 4),
        (changed(4, body=a_draft(9).body(4)), 4),
        (changed(1, body=b"[]"), 1),
        (changed(1, body=b"{}"), 1),
        (changed(1, body=b'{"at":1}'), 1),
        (changed(1, body=b'{"at":"\xff"}'), 1),
        (changed(1, body=b""), 1),
    ],
)
def test_the_first_link_that_was_tampered_with_is_named(tamper: Callable[[Links], Links], first_broken: int) -> None:
    found = proven(tamper(a_chain()))
    assert found is not None
    assert found.seq == first_broken


def test_the_chain_of_another_tenant_proves_nothing() -> None:
    found = proven(chained(a_draft(1, tenant_id="south")))
    assert found is not None
    assert found.seq == 1


def test_no_bit_of_a_link_can_be_changed() -> None:
    links = a_chain(3)
    body = links[1].body
    for place in range(len(body)):
        other = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        found = proven(changed(2, body=other)(links))
        assert found is not None
        assert found.seq == 2


def test_a_link_sealed_anew_breaks_the_next_one() -> None:
    links = a_chain()
    forged = seal(a_draft(9), seq=3, before=links[1].seal)
    assert proven([*links[:2], forged, *links[3:]]) == Broken(
        seq=4, reason="the seal does not fit the link and the one before it"
    )


def test_links_removed_from_the_end_are_missed_by_who_kept_the_newest_seal() -> None:
    links = a_chain()
    newest = (6, links[-1].seal)
    assert proven(links, expects=newest) is None
    assert proven([*links, *chained(a_draft(7), seq=7, before=links[-1].seal)], expects=newest) is None
    missing = proven(links[:4], expects=newest)
    assert missing is not None
    assert missing.seq == 5
    assert proven([], expects=newest) is not None
    # A chain that somebody has sealed anew as a whole holds by itself.
    forged = chained(*(a_draft(number, content=b"{}") for number in range(1, 7)))
    assert proven(forged) is None
    assert proven(forged, expects=newest) == Broken(seq=6, reason="the seal is not the one that was expected")


# ── pruning ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def cut(links: Links, through: int) -> Links:
    """The chain without its oldest links, as the store leaves it."""
    last = links[through - 1]
    said = pruned(last, at=NOON, count=through)
    return [*links[through:], seal(said, seq=links[-1].seq + 1, before=links[-1].seal)]


def test_a_chain_that_was_pruned_holds() -> None:
    links = cut(a_chain(), 3)
    assert [link.seq for link in links] == [4, 5, 6, 7]
    assert proven(links) is None
    assert proven(cut(a_chain(), 6)) is None


def test_more_than_was_pruned_is_missed() -> None:
    found = proven(cut(a_chain(), 3)[1:])
    assert found is not None
    assert found.seq == 5


def test_of_what_was_pruned_the_last_seal_alone_can_be_compared() -> None:
    links = a_chain()
    left = cut(links, 3)
    assert proven(left, expects=(3, links[2].seal)) is None
    assert proven(left, expects=(3, bytes(32))) == Broken(seq=3, reason="the seal is not the one that was expected")
    gone = proven(left, expects=(2, links[1].seal))
    assert gone is not None
    assert (gone.seq, "cannot be compared" in gone.reason) == (2, True)
    assert proven(left, expects=(0, GENESIS)) is None
    twice = [*left[2:], seal(pruned(left[1], at=NOON, count=2), seq=8, before=left[-1].seal)]
    for seq in (3, 5):
        assert proven(twice, expects=(seq, links[seq - 1].seal)) is None
    assert proven(twice, expects=(4, links[3].seal)) is not None


def test_of_a_chain_of_which_nothing_was_pruned_nothing_is_expected_before_its_first_link() -> None:
    assert proven(a_chain(), expects=(0, GENESIS)) is None
    assert proven([], expects=(0, GENESIS)) is None


@pytest.mark.parametrize("place", [1, 2, 4])
def test_what_is_left_of_a_pruned_chain_cannot_be_changed(place: int) -> None:
    links = cut(a_chain(), 3)
    found = proven(changed(place, body=a_draft(9).body(links[place - 1].seq))(links))
    assert found is not None
    assert found.seq == links[place - 1].seq


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"through":3,"seal":"zz"}', b'{"through":3,"seal":5}', b'"x"'])
def test_a_link_that_says_nothing_of_what_was_pruned_proves_nothing(content: bytes) -> None:
    links = a_chain()
    said = a_draft(7, kind=Kind.PRUNED, content=content)
    left = [*links[3:], seal(said, seq=7, before=links[-1].seal)]
    found = proven(left)
    assert found is not None
    assert found.seq == 4


# ── what links tell ─────────────────────────────────────────────────────────────────────────────────────────────────


def told(draft: Draft) -> dict[str, Any]:
    content: dict[str, Any] = seal(draft, seq=1, before=GENESIS).to_json()["content"]
    return content


def leg(state: CallState, at: datetime) -> LegState:
    return LegState(leg="agent", state=state, at=at)


def later(call: Call, signal: CallSignal, seconds: int, ending: Ending | None = None) -> Call:
    return after(call, Report(call_id=call.id, signal=signal, at=call.at + timedelta(seconds=seconds), ending=ending))


def test_an_outcome_tells_how_long_was_talked_and_not_how_long_was_written_up() -> None:
    connected = after(a_call(), *TO_CONNECTED)
    wrap_up = later(connected, CallSignal.ENDED, 42, Ending(by=EndedBy.CUSTOMER, cause=Cause.NORMAL, q850=16))
    over = msgspec.structs.replace(wrap_up, state=CallState.ENDED, at=wrap_up.at + timedelta(seconds=30))
    legs = [leg(each.state, each.at) for each in (connected, wrap_up, over)]
    draft = outcome(over, legs)
    content = told(draft)
    assert (draft.kind, draft.call_id, draft.number, draft.at) == (Kind.OUTCOME, over.id, "+12025550100", wrap_up.at)
    assert (content["by"], content["cause"], content["q850"]) == ("customer", "normal", 16)
    assert content["talkSeconds"] == 42.0
    assert datetime.fromisoformat(content["overAt"]) == wrap_up.at
    assert [each["state"] for each in content["legs"]] == ["connected", "wrap_up"]
    assert outcome(wrap_up, legs[:2]) == draft


def test_an_outcome_of_a_call_that_nobody_answered_tells_no_talk() -> None:
    call = a_call()
    over = after(call, a_report(call, CallSignal.ENDED, Ending(by=EndedBy.AGENT, cause=Cause.NO_ANSWER)))
    content = told(outcome(over, [leg(over.state, over.at)]))
    assert content["talkSeconds"] == 0.0
    assert "answeredAt" not in content
    assert "rangAt" not in content


def test_an_outcome_without_an_ending_is_the_systems() -> None:
    over = a_call(state=CallState.ENDED)
    content = told(outcome(over, []))
    assert (content["by"], content["cause"]) == ("system", "unknown")
    assert datetime.fromisoformat(content["overAt"]) == over.at


def test_a_retraction_tells_when_the_press_was() -> None:
    call = a_call()
    draft = retraction(call, NOON)
    assert (draft.kind, draft.call_id, draft.at) == (Kind.RETRACTION, call.id, NOON)
    assert datetime.fromisoformat(told(draft)["requestedAt"]) == call.requested_at
