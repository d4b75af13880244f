"""Repetition: what is said again about a number does not pile up."""

from __future__ import annotations

from datetime import timedelta

from manualdial.law.records import Listing, Record, Refusal, Residence

_THE_SAME_MOMENT = timedelta(minutes=1)


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
