"""The proof of a chain and its comparison with the journal: in a sentence, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from manualdial.audit.chain import Proven
from manualdial.audit.journal import Missing
from manualdial.plain_text import counted, listed, printable

_NAMED = 5
"""So many calls without a link are named; --json has more."""


class CheckedChain(msgspec.Struct, frozen=True, kw_only=True):
    """One chain, proved and compared with the journal."""

    tenant: str
    proven: Proven
    missing: Sequence[Missing]
    """Links that calls of the journal do not have. A chain that is broken is not compared."""

    @property
    def holds(self) -> bool:
        """Whether there is nothing to tell."""
        return self.proven.whole and not self.missing


def whole(each: CheckedChain) -> str:
    """A line about a chain that holds, with its end."""
    name, proven = printable(each.tenant), each.proven
    if not proven.count:
        return f"{name}: the chain has no link yet."
    begins = "" if proven.first == 1 else f", from {proven.first} on; those before were removed by the retention"
    links = counted(proven.count, "link")
    return f"{name}: whole, {links}{begins}. Its end, to be kept elsewhere: {proven.head}"


def fault(each: CheckedChain) -> str:
    """A sentence about what does not hold: the chain, or its agreement with the journal."""
    if each.proven.broken is not None:
        return sentence(each.proven)
    return " ".join(map(_missing, each.missing))


def _missing(missing: Missing) -> str:
    ids, have = listed(missing.first, most=_NAMED, of=missing.count), "has" if missing.count == 1 else "have"
    return f"{counted(missing.count, 'call')} in the journal {have} no link `{missing.kind}`: {printable(ids)}."


def sentence(proven: Proven) -> str:
    """Which link is broken, and why; nothing where none is."""
    broken = proven.broken
    return "" if broken is None else f"the chain is broken at link {broken.seq}: {broken.reason}."


def shown(each: CheckedChain) -> dict[str, Any]:
    """As JSON."""
    missing = [msgspec.to_builtins(missing) for missing in each.missing]
    return {"tenant": each.tenant, **each.proven.to_json(), "missingLinks": missing}
