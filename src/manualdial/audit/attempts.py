"""One attempt of an export: the link that it begins with, and those about what became of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from manualdial.audit.chain import Placed
from manualdial.audit.content import BEGINNINGS, Content, content_of, items, part, plain
from manualdial.evidence import Kind, Sealed


class AuditedAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt, or a refusal, and what became of it."""

    begin: Placed
    others: Sequence[Placed]
    """The links about its outcome."""

    @property
    def link(self) -> Sealed:
        """The link that it begins with."""
        return self.begin.link

    @property
    def content(self) -> Content:
        """The content of that link."""
        return content_of(self.link)

    @property
    def is_refused(self) -> bool:
        """Whether nothing was dialled because the screening refused it."""
        return self.link.kind is Kind.REFUSAL

    @property
    def zones(self) -> list[str]:
        """The time zones in which the called party may be."""
        places = items(part(self.content, "located", "places"))
        zones = [zone for place in places for zone in items(part(place, "zones")) if isinstance(zone, str)]
        return list(dict.fromkeys(zones))

    @property
    def legs(self) -> list[object]:
        """The changes of its legs, with their times."""
        return items(part(self._content_of(Kind.OUTCOME), "legs"))

    @property
    def length(self) -> str:
        """How long the talk was. Without the link `outcome` it may go on still."""
        outcome = self._content_of(Kind.OUTCOME)
        if outcome is None:
            taken_back = self._content_of(Kind.RETRACTION) is not None
            return "no talk" if taken_back or self.is_refused else "length not known yet"
        talked = outcome.get("talkSeconds")
        return f"{plain(talked)} seconds of talk" if talked else "no talk"

    @property
    def ending(self) -> str:
        """How it ended, in a few words."""
        if self.is_refused:
            return "refused, nothing was dialled"
        if self._content_of(Kind.RETRACTION) is not None:
            return "taken back before anything rang"
        outcome = self._content_of(Kind.OUTCOME)
        if outcome is None:
            return "not known yet"
        answered = "answered" if outcome.get("answeredAt") else "not answered"
        codes = [f"{name} {plain(outcome[key])}" for name, key in (("Q.850", "q850"), ("SIP", "sip")) if key in outcome]
        how = f"{answered}, {plain(outcome.get('cause'))}, ended by {plain(outcome.get('by'))}"
        return how + (f" ({', '.join(codes)})" if codes else "")

    def _content_of(self, kind: Kind) -> Content | None:
        """The content of the link of that kind, where there is one."""
        return next((content_of(each.link) for each in self.others if each.link.kind is kind), None)


def cases(links: Sequence[Placed]) -> list[AuditedAttempt]:
    """The attempts that some links are about, in their order."""
    of_calls: dict[str, list[Placed]] = {}
    for each in links:
        if each.link.call_id is not None and each.link.kind not in BEGINNINGS:
            of_calls.setdefault(each.link.call_id, []).append(each)
    return [
        AuditedAttempt(begin=each, others=of_calls.get(each.link.call_id or "", []))
        for each in links
        if each.link.kind in BEGINNINGS
    ]


def left_over(links: Sequence[Placed], tried: Sequence[AuditedAttempt]) -> list[Placed]:
    """The links about attempts that are not among them."""
    shown = {each.link.seq for case in tried for each in (case.begin, *case.others)}
    return [each for each in links if each.link.seq not in shown]
