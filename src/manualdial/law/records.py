"""Records about a person: dated statements, each with who wrote it down.

A record is never changed. It ends by its own date, or by being withdrawn, and stays readable for old evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, get_args

import msgspec

_THE_SAME_MOMENT = timedelta(minutes=1)


class RecordContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """The statement of a record."""

    of_the_person: ClassVar[bool] = False
    """Whether it also counts for the other numbers of its account. Only what restricts calls does: what lifts a rule
    was said about one number, and else whoever dials a stranger would only have to name a customer's account."""


class ListScope(StrEnum):
    """Whose do-not-call list a number is on."""

    COMPANY = "company"
    """The company's own: it blocks every purpose (contract §5)."""
    CAMPAIGN = "campaign"


class Listing(RecordContent, frozen=True, kw_only=True, tag="do-not-call"):
    """The person asked not to be called."""

    of_the_person = True

    scope: ListScope = ListScope.COMPANY
    campaign_id: str | None = None
    """With the scope `campaign`: which one."""
    reason: str = ""


class Refusal(RecordContent, frozen=True, kw_only=True, tag="refusal"):
    """The person said no in a talk: some laws then give a time of silence. It is no listing by itself."""

    of_the_person = True

    refused_at: datetime
    campaign_id: str | None = None


class ConsentForm(StrEnum):
    """How consent was given, the weakest first."""

    ORAL = "oral"
    EXPRESS = "express"
    """Express, and on record."""
    WRITTEN = "written"
    """Signed, also electronically."""


class Consent(RecordContent, frozen=True, kw_only=True, tag="consent"):
    """The person agreed to be called."""

    form: ConsentForm
    given_at: datetime
    given_by: str = ""
    """The person, in the caller's words or as an id of the CRM."""
    given_to: str = ""
    """The seller to whom it was given; empty: the tenant."""
    campaign_id: str | None = None
    """Its purpose; None: everything."""
    proof: str = ""
    """Where the proof is: a recording, a form."""
    slot_from: datetime | None = None
    slot_until: datetime | None = None
    """The agreed time, where one was agreed: the consent then counts in that time alone."""


class RelationshipType(StrEnum):
    """A tie between the person and the seller."""

    PURCHASE = "purchase"
    INQUIRY = "inquiry"
    CONTRACT = "contract"


class Relationship(RecordContent, frozen=True, kw_only=True, tag="relationship"):
    """The person is, or was, a customer."""

    type: RelationshipType
    on: date
    """The day of the purchase (or the last payment), of the inquiry, or of the contract's beginning."""
    ended_on: date | None = None
    """The last day of a contract; None: it runs."""


class Residence(RecordContent, frozen=True, kw_only=True, tag="residence"):
    """Where the person is."""

    jurisdiction: str | None = None
    """ISO 3166, as `US-FL` or `FR`."""
    zip_code: str | None = None
    zone: str | None = None
    """An IANA time zone."""
    stated: bool = False
    """Said by the person in a call, and not the contact's record."""


class LineType(StrEnum):
    """The kind of line, where the numbering plan does not tell."""

    FIXED = "fixed"
    MOBILE = "mobile"


class Line(RecordContent, frozen=True, kw_only=True, tag="line"):
    """The kind of line, from a source better than the numbering plan."""

    type: LineType
    source: str


class Business(RecordContent, frozen=True, kw_only=True, tag="business"):
    """The number is a business's line. Only ever a stated fact with a source: without one everybody is a consumer."""

    source: str


class RegistryAnswer(RecordContent, frozen=True, kw_only=True, tag="registry-answer"):
    """The answer of a registry that hands out no list, when it was asked for this number."""

    registry: str
    listed: bool
    answered_at: datetime
    valid_until: datetime


AnyContent = Listing | Refusal | Consent | Relationship | Residence | Line | Business | RegistryAnswer
KINDS: Mapping[str, type[RecordContent]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyContent)}
"""The kinds of records by their name in files."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One statement about one number, and about the person whose number it is."""

    id: str
    """A UUID."""
    tenant_id: str
    number: str
    """E.164."""
    account_number: str | None = None
    """The account that the number belonged to; what is `of_the_person` counts whatever number of it is dialled."""
    content: AnyContent
    recorded_at: datetime
    recorded_by: str
    """A login name, or the import that brought it."""
    until: datetime | None = None
    """From then on it no longer counts; None: for ever."""
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_reason: str | None = None
    """Why; None where nothing was said."""
    used_at: datetime | None = None
    """When a call last relied on it."""

    def counts_at(self, moment: datetime) -> bool:
        """Whether it is in force at that moment."""
        if self.withdrawn_at is not None and self.withdrawn_at <= moment:
            return False
        return self.until is None or moment < self.until


def content_json(record: Record) -> dict[str, Any]:
    """The statement of a record, as it is written in files, with its `kind`."""
    content: dict[str, Any] = msgspec.to_builtins(record.content)
    return content


def record_json(record: Record) -> dict[str, Any]:
    """A record as JSON."""
    return {
        "id": record.id,
        "number": record.number,
        "accountNumber": record.account_number,
        "content": content_json(record),
        "recordedAt": _time(record.recorded_at),
        "recordedBy": record.recorded_by,
        "until": _time(record.until),
        "withdrawnAt": _time(record.withdrawn_at),
        "withdrawnBy": record.withdrawn_by,
        "withdrawnReason": record.withdrawn_reason,
        "usedAt": _time(record.used_at),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def covers(there: Record, new: Record) -> bool:
    """Whether a record of the same number that counts now says all of the new one: it need not be written again.

    A listing does so for as long as it lasts; a refusal for a minute, because the silence that follows it begins anew.
    """
    if new.account_number not in (None, there.account_number) or there.until is not None:
        return False
    match there.content, new.content:
        case Listing() as old, Listing() as said:
            return (old.scope, old.campaign_id) == (said.scope, said.campaign_id)
        case Refusal() as old, Refusal() as said:
            return old.campaign_id == said.campaign_id and said.refused_at - old.refused_at < _THE_SAME_MOMENT
        case _:
            return False


def is_replaced(there: Record, new: Record) -> bool:
    """Whether a record of the same number that counts now says where the person is, and the new one says it anew.

    Only what lasts as long as the new one, and so came the same way: never the contact's own record. What the person
    has not stated, only by the same place: a place whose law blocks is not taken away by naming another one.
    """
    old, said = there.content, new.content
    if not isinstance(old, Residence) or not isinstance(said, Residence):
        return False
    if there.until is None or new.until is None or there.until - there.recorded_at != new.until - new.recorded_at:
        return False
    return old.stated == said.stated and (said.stated or old == said)
