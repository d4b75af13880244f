"""Evidence: what is written down of each attempt, and how the records are chained.

A tenant's records are links of one chain. The seal of a link is SHA-256 over the seal before it and the link's own
bytes, so no link can be changed, left out or put in without breaking all that come after it. Nothing rings before the
link of its attempt is on disk.

    attempt      a press that was allowed, with its verdict and everything that it stood on
    refusal      a press that was refused by the screening, in the same form
    outcome      how an attempt ended, with the times of every leg, as soon as the legs are gone; one for each attempt
    retraction   an attempt that was written down but never asked of the engine: nothing rang
    pruned       the chain begins later than it did: up to which link, and that link's seal
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from manualdial.calls import Call, CallState

GENESIS = bytes(32)
"""The seal before the first link."""


class Head(NamedTuple):
    """The end of a chain: its last link. As text it is SEQ:SEAL, to be kept elsewhere."""

    seq: int = 0
    """0 where there is no link yet."""
    seal: bytes = GENESIS

    def __str__(self) -> str:
        return f"{self.seq}:{self.seal.hex()}"


class Kind(StrEnum):
    """The subject of a link."""

    ATTEMPT = "attempt"
    REFUSAL = "refusal"
    OUTCOME = "outcome"
    RETRACTION = "retraction"
    PRUNED = "pruned"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A link before it is sealed: its place in the chain is not known yet."""

    tenant_id: str
    kind: Kind
    at: datetime
    number: str
    """E.164; empty for what is about no number."""
    call_id: str | None
    content: bytes
    """A JSON object: what this kind of link tells."""

    def body(self, seq: int) -> bytes:
        """The bytes that are sealed: JSON, with the place in the chain in it."""
        head = {
            "seq": seq,
            "tenant": self.tenant_id,
            "kind": self.kind.value,
            "at": self.at.isoformat(),
            "number": self.number,
            "callId": self.call_id,
        }
        return msgspec.json.encode(head)[:-1] + b',"content":' + self.content + b"}"


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A link of a chain."""

    tenant_id: str
    seq: int
    """Counts from 1."""
    kind: Kind
    at: datetime
    number: str
    call_id: str | None
    body: bytes
    seal: bytes
    """SHA-256 over the seal before, and the body."""

    def to_json(self) -> dict[str, Any]:
        """The body, read."""
        read: dict[str, Any] = msgspec.json.decode(self.body)
        return read


def seal(draft: Draft, *, seq: int, before: bytes) -> Sealed:
    """The draft as the link of that number, behind the link with the seal `before`."""
    body = draft.body(seq)
    return Sealed(
        tenant_id=draft.tenant_id,
        seq=seq,
        kind=draft.kind,
        at=draft.at,
        number=draft.number,
        call_id=draft.call_id,
        body=body,
        seal=_sealed(before, body),
    )


class LegState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One change of one leg of a call."""

    leg: str
    state: str
    at: datetime


_GONE = (CallState.WRAP_UP, CallState.ENDED)
"""The states of a call whose legs are gone."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The content of an `outcome`."""

    by: str
    cause: str
    q850: int | None = None
    sip: int | None = None
    rang_at: datetime | None = None
    answered_at: datetime | None = None
    over_at: datetime
    talk_seconds: float
    """From the customer's answer to the end of the legs; 0 where nobody answered."""
    legs: Sequence[LegState]


def outcome(call: Call, legs: Sequence[LegState]) -> Draft:
    """The link about how an attempt ended: the same whether the wrap-up has begun or is over by now.

    `legs` are changes of the call, oldest first: at least all until the legs are gone.
    """
    ending = call.ending
    # Wrap-up begins when the legs are gone; a call without one is over when it ends.
    over_at = next((one.at for one in legs if one.state in _GONE), call.at)
    in_wrap_up = any(one.state == CallState.WRAP_UP for one in legs)
    legs = [one for one in legs if not (in_wrap_up and one.state == CallState.ENDED)]
    talked = (over_at - call.answered_at).total_seconds() if call.answered_at else 0.0
    content = Outcome(
        by=ending.by if ending else "system",
        cause=ending.cause if ending else "unknown",
        q850=ending.q850 if ending else None,
        sip=ending.sip if ending else None,
        rang_at=call.rang_at,
        answered_at=call.answered_at,
        over_at=over_at,
        talk_seconds=max(talked, 0.0),
        legs=legs,
    )
    return _about(call, Kind.OUTCOME, over_at, content)


def retraction(call: Call, at: datetime) -> Draft:
    """The link that takes back an attempt of which the engine was asked nothing."""
    return _about(call, Kind.RETRACTION, at, {"requestedAt": call.requested_at})


def pruned(last: Sealed, *, at: datetime, count: int) -> Draft:
    """The link that says how far a chain was cut off: `last` is the last link that was removed."""
    content = {"through": last.seq, "seal": last.seal.hex(), "count": count}
    return Draft(
        tenant_id=last.tenant_id,
        kind=Kind.PRUNED,
        at=at,
        number="",
        call_id=None,
        content=msgspec.json.encode(content),
    )


def _about(call: Call, kind: Kind, at: datetime, content: Any) -> Draft:
    return Draft(
        tenant_id=call.tenant_id,
        kind=kind,
        at=at,
        number=call.number.e164,
        call_id=call.id,
        content=msgspec.json.encode(content),
    )


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """The first link that does not hold."""

    seq: int
    reason: str


class Proof:
    """Proves a chain, link by link: feed it all links in their order, then ask for the `end`.

    Links that were removed from the chain's end leave no trace in it: keep `seq` and `seal` of a proof somewhere else,
    and hand them in as `expects` the next time.
    """

    def __init__(self, tenant_id: str, *, expects: tuple[int, bytes] | None = None) -> None:
        self._tenant_id = tenant_id
        self._expects = expects
        self._first: Sealed | None = None
        """The first link, as long as the seal before it is not known."""
        self._cuts: dict[int, bytes] = {}
        """Links that were pruned and whose seals are known."""
        self.first = 0
        """The number of the first link that holds."""
        self.seq = 0
        """The number of the newest link that holds."""
        self.seal = GENESIS
        """Its seal."""
        self.count = 0
        """How many links hold."""

    def follow(self, links: Iterable[Sealed]) -> Broken | None:
        """Go on with the next links. Returns the first that does not hold."""
        for link in links:
            if (reason := self._broken(link)) is not None:
                return Broken(seq=link.seq, reason=reason)
            self.first = self.first or link.seq
            self.seq, self.seal = link.seq, link.seal
            self.count += 1
        return None

    def end(self) -> Broken | None:
        """The fault that can only be told after the last link.

        Of the links that were pruned the last one's seal is known; an `expects` of another cannot be compared.
        """
        if self._first is not None:
            return Broken(
                seq=self._first.seq, reason="links before this one are missing, and none says they were pruned"
            )
        seq, kept = self._expects or (0, GENESIS)
        if self.seq < seq:
            return Broken(seq=self.seq + 1, reason="links are missing from the end of the chain")
        if not 0 < seq < self.first or self._cuts.get(seq) == kept:
            return None
        if seq not in self._cuts:
            return Broken(seq=seq, reason="it was removed by the retention, so its seal cannot be compared any more")
        return Broken(seq=seq, reason=_NOT_EXPECTED)

    def _broken(self, link: Sealed) -> str | None:
        if self.count and link.seq != self.seq + 1:
            return f"the link before this one is not number {link.seq - 1}"
        follows = self.count > 0 or link.seq == 1
        # First the seal: a body that was changed says something else than what stands beside it, too.
        if follows and link.seal != _sealed(self.seal, link.body):
            return "the seal does not fit the link and the one before it"
        if link.tenant_id != self._tenant_id or not _agrees(link):
            return "what stands beside the link is not what is in it"
        if not follows:
            self._first = link
        if (cut := cut_of(link)) is not None:
            self._note_cut(*cut)
        if self._expects == (link.seq, link.seal) or self._expects is None or self._expects[0] != link.seq:
            return None
        return _NOT_EXPECTED

    def _note_cut(self, through: int, before: bytes) -> None:
        """The first link may stand behind this one, which was pruned."""
        self._cuts[through] = before
        first = self._first
        if first is not None and through == first.seq - 1 and first.seal == _sealed(before, first.body):
            self._first = None


_NOT_EXPECTED = "the seal is not the one that was expected"


class _Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a `pruned`, as far as a proof needs it."""

    through: int
    seal: str


def cut_of(link: Sealed) -> tuple[int, bytes] | None:
    """Up to which link a link `pruned` says that a chain was cut off, and that link's seal; None where it does not."""
    if link.kind is not Kind.PRUNED:
        return None
    try:
        content = msgspec.convert(link.to_json()["content"], _Pruned)
        return content.through, bytes.fromhex(content.seal)
    except (KeyError, TypeError, ValueError):
        return None  # it was put there by somebody else: this service writes both


def _sealed(before: bytes, body: bytes) -> bytes:
    return hashlib.sha256(before + body).digest()


def _agrees(link: Sealed) -> bool:
    """Whether what stands beside the body says what the body says."""
    try:
        told = link.to_json()
        at = datetime.fromisoformat(told["at"])
        within = [told[key] for key in ("seq", "tenant", "kind", "number", "callId")]
    except (KeyError, TypeError, ValueError):
        return False
    return at == link.at and within == [link.seq, link.tenant_id, link.kind, link.number, link.call_id]
