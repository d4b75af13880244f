"""What came of the proof of a chain, and of its comparison with the journal: in a sentence, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from manualdial.commands.evidence_chain import Proven, head_told
from manualdial.commands.terminal import counted, printable

_NAMED = 5
"""So many calls without a link are named; --json has all."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the proof of one chain, and of its comparison with the journal."""

    tenant: str
    proven: Proven
    without_link: Sequence[str]
    """Calls of the journal. A chain that is broken is not compared."""

    @property
    def holds(self) -> bool:
        """Whether there is nothing to tell."""
        return self.proven.whole and not self.without_link


def whole(each: Checked) -> str:
    """A line about a chain that holds, with its end."""
    name, proven = printable(each.tenant), each.proven
    if not proven.count:
        return f"{name}: the chain has no link yet."
    begins = "" if proven.first == 1 else f", from {proven.first} on; those before were removed by the retention"
    links = counted(proven.count, "link")
    return f"{name}: whole, {links}{begins}. Its end, to be kept elsewhere: {head_told(proven.head)}"


def fault(each: Checked) -> str:
    """A sentence about what does not hold: the chain, or its agreement with the journal."""
    if each.proven.broken is not None:
        return sentence(each.proven)
    ids, more = each.without_link[:_NAMED], len(each.without_link) - _NAMED
    told = ", ".join(map(printable, ids)) + (f" and {more:,} more" if more > 0 else "")
    have = "has" if len(each.without_link) == 1 else "have"
    return f"{counted(len(each.without_link), 'call')} in the journal {have} no link: {told}."


def sentence(proven: Proven) -> str:
    """Which link is broken, and why; nothing where none is."""
    broken = proven.broken
    return "" if broken is None else f"the chain is broken at link {broken.seq}: {broken.reason}."


def shown(each: Checked) -> dict[str, Any]:
    """As JSON."""
    proven, broken = each.proven, each.proven.broken
    return {
        "tenant": each.tenant,
        "whole": proven.whole,
        "links": proven.count,
        "first": proven.first,
        "head": head_told(proven.head),
        "broken": None if broken is None else {"seq": broken.seq, "reason": broken.reason},
        "callsWithoutLink": list(each.without_link),
    }
