"""The export for an auditor about a number: its links as they were sealed, and all that they refer to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from manualdial import __version__
from manualdial.audit.chain import Placed, Proven, prove
from manualdial.audit.content import BEGINNINGS, content_of, items
from manualdial.evidence import Head, Sealed
from manualdial.law.records import Record, record_json
from manualdial.plain_text import part
from manualdial.ports import Person, Storage

FORMAT = "manualdial-evidence/1"
_PEOPLE_AT_ONCE = 100


class KeptPolicies(msgspec.Struct, frozen=True, kw_only=True):
    """The policies of a version, as far as verdicts refer to them."""

    name: str
    version: str
    sha256: str | None
    """Of the policies as they were kept; None: they are not there any more."""
    rules: Sequence[Mapping[str, Any]]
    """The rules that were run, as they stood then."""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one number, in a time."""

    tenant_id: str
    tenant: str
    number: str
    begins: datetime | None
    ends: datetime | None
    made_at: datetime
    links: Sequence[Placed]
    records: Sequence[Record]
    """About the number."""
    account_records: Sequence[Record]
    """About other numbers, of accounts that attempts named: those that counted for this number, too."""
    policies: Sequence[KeptPolicies]
    proof: Proven
    expected: Head | None
    """The end of the chain that the proof was held against: only so it shows that links were cut off at the end."""

    @property
    def attempts(self) -> int:
        """How many attempts, allowed or refused, it tells of."""
        return sum(each.link.kind in BEGINNINGS for each in self.links)


async def gather(
    store: Storage,
    tenant: tuple[str, str],
    *,
    number: str,
    begins: datetime | None,
    ends: datetime | None,
    at: datetime,
    expects: Head | None,
    progress: Callable[[int], None],
) -> Export:
    """Read all that there is about a number. Raises StoreUnavailable."""
    tenant_id, name = tenant
    within = f'"number":"{number}"'.encode()  # also where somebody has changed what stands beside the link

    def is_about(link: Sealed) -> bool:
        return link.number == number or within in link.body

    proven = await prove(store, tenant_id, expects=expects, collect=is_about, progress=progress)
    links = list(_within(proven.collected, begins, ends))
    cited = _cited(links)
    about, of_accounts = await _records(store, tenant_id, number, _accounts(links))
    return Export(
        tenant_id=tenant_id,
        tenant=name,
        number=number,
        begins=begins,
        ends=ends,
        made_at=at,
        links=links,
        records=about,
        account_records=of_accounts,
        policies=[await _kept(store, policy, cited[policy]) for policy in sorted(cited)],
        proof=proven,
        expected=expects,
    )


def compared(made: Export) -> str:
    """Whether the proof can know of links that were removed from the end of the chain."""
    if made.expected is None:
        return "Not compared with a seal that was kept elsewhere: links removed from the end do not show."
    return f"Compared with the seal that was kept elsewhere: {made.expected}."


def document(made: Export) -> dict[str, Any]:
    """The export as JSON."""
    return {
        "format": FORMAT,
        "madeBy": f"manualdial {__version__}",
        "madeAt": made.made_at.isoformat(),
        "tenant": {"id": made.tenant_id, "name": made.tenant},
        "number": made.number,
        "from": None if made.begins is None else made.begins.isoformat(),
        "until": None if made.ends is None else made.ends.isoformat(),
        "proof": {
            **made.proof.to_json(),
            "method": "seal = SHA-256(seal of the link before + body); before link 1 stand 32 zero bytes",
            "expected": None if made.expected is None else str(made.expected),
        },
        "links": [_link(each) for each in made.links],
        "records": [record_json(record) for record in made.records],
        "accountRecords": [record_json(record) for record in made.account_records],
        "policies": [msgspec.to_builtins(each) for each in made.policies],
    }


def _link(each: Placed) -> dict[str, Any]:
    link = each.link
    return {
        "seq": link.seq,
        "kind": str(link.kind),
        "at": link.at.isoformat(),
        "callId": link.call_id,
        "sealBefore": None if each.before is None else each.before.hex(),
        # Bytes that are no UTF-8 are none that this service has sealed.
        "body": link.body.decode(errors="replace"),
        "seal": link.seal.hex(),
        "content": content_of(link),
    }


def _within(links: Sequence[Placed], begins: datetime | None, ends: datetime | None) -> Iterator[Placed]:
    """The attempts of a time, with all that belongs to them; and what belongs to attempts that are there no more."""
    beginnings = {each.link.call_id: each.link for each in links if each.link.kind in BEGINNINGS}
    for each in links:
        link = each.link
        if link.kind not in BEGINNINGS and link.call_id is not None:
            link = beginnings.get(link.call_id, link)
        if _is_in(link.at, begins, ends):
            yield each


def _is_in(at: datetime, begins: datetime | None, ends: datetime | None) -> bool:
    return (begins is None or begins <= at) and (ends is None or at < ends)


def _accounts(links: Sequence[Placed]) -> list[str]:
    """The accounts that attempts named."""
    named = (content_of(each.link).get("accountNumber") for each in links if each.link.kind in BEGINNINGS)
    return sorted({account for account in named if isinstance(account, str)})


async def _records(
    store: Storage, tenant_id: str, number: str, accounts: Sequence[str]
) -> tuple[Sequence[Record], Sequence[Record]]:
    """The records about a number, and those that counted for it by accounts alone, each oldest first."""
    (about,) = await store.records(tenant_id, [Person(number=number)])
    found: list[Record] = []
    for start in range(0, len(accounts), _PEOPLE_AT_ONCE):
        some = accounts[start : start + _PEOPLE_AT_ONCE]
        people = [Person(number=number, account_number=account) for account in some]
        for records in await store.records(tenant_id, people):
            found += [record for record in records if record.number != number]
    return about, sorted(found, key=lambda record: (record.recorded_at, record.id))


def _cited(links: Sequence[Placed]) -> dict[tuple[str, str], set[str]]:
    """The policies that judged, by name and version, with the names of the rules that were run."""
    cited: dict[tuple[str, str], set[str]] = {}
    for each in links:
        verdict = content_of(each.link).get("verdict")
        name, version = part(verdict, "policy", "name"), part(verdict, "policy", "version")
        if isinstance(name, str) and isinstance(version, str):
            run = (part(rule, "rule") for rule in items(part(verdict, "rules")))
            cited.setdefault((name, version), set()).update(rule for rule in run if isinstance(rule, str))
    return cited


async def _kept(store: Storage, policy: tuple[str, str], rules: set[str]) -> KeptPolicies:
    name, version = policy
    data = await store.kept_policies(version)
    kept: object = None
    with suppress(msgspec.DecodeError):  # what another version of this service kept may have a form of its own
        kept = msgspec.json.decode(data or b"")
    found = [rule for each in items(part(kept, "policies")) for rule in items(part(each, "rules"))]
    return KeptPolicies(
        name=name,
        version=version,
        sha256=None if data is None else hashlib.sha256(data).hexdigest(),
        rules=[rule for rule in found if part(rule, "rule") in rules],
    )
