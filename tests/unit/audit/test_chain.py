"""Reading a chain while others write to it, cut it off, or the database fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import cast

import pytest

from manualdial.audit.chain import prove
from manualdial.evidence import GENESIS, Draft, Kind, Sealed, pruned, seal
from manualdial.ports import Health, Storage, StoreUnavailable

NOON = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)


def a_chain(length: int) -> list[Sealed]:
    links: list[Sealed] = []
    for number in range(1, length + 1):
        draft = Draft(tenant_id="north", kind=Kind.REFUSAL, at=NOON, number="+1", call_id=None, content=b"{}")
        links.append(seal(draft, seq=number, before=links[-1].seal if links else GENESIS))
    return links


def cut(links: Sequence[Sealed], count: int) -> list[Sealed]:
    """The chain after the retention has removed so many."""
    last = links[count - 1]
    end = seal(pruned(last, at=NOON, count=count), seq=links[-1].seq + 1, before=links[-1].seal)
    return [*links[count:], end]


class PagesOfTwo:
    """A store that hands out two links at a time, and does something before each page."""

    def __init__(
        self, links: Sequence[Sealed], *, before_page: Callable[[PagesOfTwo, int], None] | None = None
    ) -> None:
        self.links = list(links)
        self.pages = 0
        self.well = True
        self._before_page = before_page

    async def evidence(self, tenant_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Sealed]:
        self.pages += 1
        if self._before_page is not None:
            self._before_page(self, self.pages)
        return [link for link in self.links if link.seq > after][: min(limit, 2)]

    async def health(self) -> Health:
        return Health(ok=self.well)

    @property
    def as_storage(self) -> Storage:
        """Seen as the port, of which no more than this is used."""
        return cast("Storage", self)


async def test_links_that_come_meanwhile_are_proved_too() -> None:
    links = a_chain(9)

    def grow(store: PagesOfTwo, page: int) -> None:
        store.links = links[: 5 + page]

    proven = await prove(PagesOfTwo(links[:5], before_page=grow).as_storage, "north")
    assert proven.whole
    assert proven.head == (9, links[-1].seal)


async def test_a_chain_that_the_retention_cuts_off_meanwhile_is_read_anew() -> None:
    links = a_chain(9)

    def cut_off(store: PagesOfTwo, page: int) -> None:
        if page == 2:
            store.links = cut(links, 6)

    proven = await prove(PagesOfTwo(links, before_page=cut_off).as_storage, "north", collect=lambda link: True)
    assert proven.whole
    assert (proven.first, proven.count) == (7, 4)
    assert [placed.before for placed in proven.collected] == [link.seal for link in links[5:]]


async def test_a_gap_is_no_work_of_the_retention() -> None:
    links = a_chain(9)
    store = PagesOfTwo([*links[:3], *links[4:]])
    proven = await prove(store.as_storage, "north")
    assert proven.broken is not None
    assert proven.broken.seq == 5


async def test_a_link_that_cannot_be_read_is_the_broken_one_and_what_follows_is_collected() -> None:
    def fail(store: PagesOfTwo, page: int) -> None:
        if page in (2, 3):
            raise StoreUnavailable("a time that is none")

    proven = await prove(PagesOfTwo(a_chain(5), before_page=fail).as_storage, "north", collect=lambda link: True)
    assert proven.broken is not None
    assert proven.broken.seq == 3
    assert [placed.link.seq for placed in proven.collected] == [1, 2, 4, 5]
    assert [placed.before is None for placed in proven.collected] == [False, False, True, False]


async def test_a_database_that_is_away_breaks_no_chain() -> None:
    def away(store: PagesOfTwo, page: int) -> None:
        store.well = page != 2
        if not store.well:
            raise StoreUnavailable("the database is not there")

    with pytest.raises(StoreUnavailable):
        await prove(PagesOfTwo(a_chain(5), before_page=away).as_storage, "north")
