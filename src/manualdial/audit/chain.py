"""A tenant's chain of evidence, read from its beginning to its end and proved on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from manualdial.evidence import Broken, Head, Proof, Sealed, cut_of
from manualdial.ports import Storage, StoreUnavailable

_PAGE = 1000
_TRIES = 3
_MOST_SKIPPED = 1000
_NOT_OURS = (ValueError, TypeError, KeyError)
"""Errors of reading a link that this service did not write."""


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A link, and the seal of the one before it."""

    link: Sealed
    before: bytes | None
    """None: that link is not there, and nothing says what its seal was."""


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a proof."""

    count: int
    """How many links hold."""
    first: int
    """The number of the first link; 0 where there is none."""
    begins: datetime | None
    """Its time."""
    head: Head
    """The last link that holds."""
    broken: Broken | None
    """The first that does not."""
    collected: Sequence[Placed]
    """The links that were asked for, also those behind a broken one."""

    @property
    def whole(self) -> bool:
        """Whether every link holds."""
        return self.broken is None

    def to_json(self) -> dict[str, Any]:
        """As JSON, without the links."""
        return {
            "whole": self.whole,
            "links": self.count,
            "first": self.first,
            "head": str(self.head),
            "broken": msgspec.to_builtins(self.broken),
        }


async def prove(
    store: Storage,
    tenant_id: str,
    *,
    expects: Head | None = None,
    collect: Callable[[Sealed], bool] = lambda link: False,
    progress: Callable[[int], None] = lambda count: None,
) -> Proven:
    """Read and prove a chain; `progress` is told how many links are read. Raises StoreUnavailable.

    Where the beginning of the chain is removed by the retention meanwhile, it is read anew.
    """
    proven = await _Reading(store, tenant_id, expects=expects, collect=collect, progress=progress).proven()
    for _ in range(_TRIES - 1):
        if proven.whole:
            break
        start = await store.evidence(tenant_id, limit=1) if proven.first else ()
        if not start or start[0].seq == proven.first:
            break
        proven = await _Reading(store, tenant_id, expects=expects, collect=collect, progress=progress).proven()
    return proven


def is_link(*stored: object) -> bool:
    """Whether body and seal came out of the database as bytes: SQLite keeps whatever somebody puts there."""
    return all(isinstance(each, bytes) for each in stored)


class _Reading:
    """One chain while it is read."""

    def __init__(
        self,
        store: Storage,
        tenant_id: str,
        *,
        expects: Head | None,
        collect: Callable[[Sealed], bool],
        progress: Callable[[int], None],
    ) -> None:
        self._store = store
        self._tenant_id = tenant_id
        self._collect = collect
        self._progress = progress
        self._proof = Proof(tenant_id, expects=expects)
        self._broken: Broken | None = None
        self._first: Sealed | None = None
        self._before: Head | None = Head()
        self._collected: list[Placed] = []
        self._cuts: dict[int, bytes] = {}
        """From links of the kind `pruned`: up to which link the chain was cut off, and that link's seal."""

    async def proven(self) -> Proven:
        """Read the chain to its end."""
        after, read = 0, 0
        while page := await self._page(after):
            for link in page:
                self._take(link)
            read += len(page)
            after = page[-1].seq
            self._progress(read)
        return Proven(
            count=self._proof.count,
            first=0 if self._first is None else self._first.seq,
            begins=None if self._first is None else self._first.at,
            head=Head(self._proof.seq, self._proof.seal),
            broken=self._broken or self._proof.end(),
            collected=[self._placed(each) for each in self._collected],
        )

    async def _page(self, after: int) -> Sequence[Sealed]:
        """The next links. A row that was changed so that it is no link any more is a broken one; it is left out."""
        limit, skipped = _PAGE, 0
        while True:
            try:
                return await self._store.evidence(self._tenant_id, after=after, limit=limit)
            except StoreUnavailable:
                # A row that somebody changed by hand may be unreadable; then the database is well all the same.
                if not (await self._store.health()).ok:
                    raise
            if limit > 1:
                limit = 1
                continue
            self._break(after + 1, "what is stored cannot be read as a link")
            skipped += 1
            if skipped == _MOST_SKIPPED:
                return ()
            after, limit = after + 1, _PAGE

    def _take(self, link: Sealed) -> None:
        if self._first is None:
            self._first = link
        if not is_link(link.body, link.seal):
            self._break(link.seq, "what is stored cannot be read as a link")
            return
        if self._broken is None:
            self._follow(link)
        if (cut := cut_of(link)) is not None:
            self._cuts[cut[0]] = cut[1]
        if self._collect(link):
            adjoins = self._before is not None and self._before.seq == link.seq - 1
            before = self._before.seal if adjoins and self._before is not None else None
            self._collected.append(Placed(link=link, before=before))
        self._before = Head(link.seq, link.seal)

    def _follow(self, link: Sealed) -> None:
        try:
            self._broken = self._proof.follow([link])
        except _NOT_OURS:  # the body is JSON, but not what this service writes
            self._break(link.seq, "what is in the link is not what this service writes")

    def _break(self, seq: int, reason: str) -> None:
        self._broken = self._broken or Broken(seq=seq, reason=reason)

    def _placed(self, each: Placed) -> Placed:
        """The first link of a chain that was cut off stands behind a link that a `pruned` tells of."""
        before = self._cuts.get(each.link.seq - 1)
        if each.before is not None or before is None:
            return each
        if hashlib.sha256(before + each.link.body).digest() != each.link.seal:
            return each
        return msgspec.structs.replace(each, before=before)
