"""One attempt on the page that an auditor reads: who, when, why, on which law, with what ending."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from manualdial.commands import record_views
from manualdial.commands.evidence_chain import Placed
from manualdial.commands.evidence_export import content_of
from manualdial.commands.html_text import (
    decision,
    grid,
    items,
    local,
    moment,
    moment_told,
    pairs,
    part,
    plain,
    table,
    text,
    utc,
)
from manualdial.evidence import Kind, Sealed
from manualdial.screening.records import Record

Content = Mapping[str, Any]


_BEGINNINGS = (Kind.ATTEMPT, Kind.REFUSAL)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt, or a refusal, and what became of it."""

    begin: Placed
    others: Sequence[Placed]
    """The links about its outcome."""

    @property
    def link(self) -> Sealed:
        """The link that it begins with."""
        return self.begin.link

    def told_by(self, kind: Kind) -> Content | None:
        """What the link of that kind tells, where there is one."""
        found = (content_of(each.link) for each in self.others if each.link.kind is kind)
        return next(found, None)


def cases(links: Sequence[Placed]) -> list[Case]:
    """The attempts that some links tell of, in their order."""
    of_calls: dict[str, list[Placed]] = {}
    for each in links:
        if each.link.call_id is not None and each.link.kind not in _BEGINNINGS:
            of_calls.setdefault(each.link.call_id, []).append(each)
    return [
        Case(begin=each, others=of_calls.get(each.link.call_id or "", []))
        for each in links
        if each.link.kind in _BEGINNINGS
    ]


def left_over(links: Sequence[Placed], tried: Sequence[Case]) -> str:
    """The links about attempts that are not among them; nothing where there is none."""
    shown = {each.link.seq for case in tried for each in (case.begin, *case.others)}
    rest = [each for each in links if each.link.seq not in shown]
    return "<h2>Links about attempts that are not in the chain any more</h2>\n" + _seals(rest) if rest else ""


def attempt(number: int, case: Case, records: Mapping[str, Record]) -> str:
    """A section of the page. `records` are by their ids."""
    content = content_of(case.link)
    zones = _zones(content)
    refused = " (refused: nothing was dialled)" if case.link.kind is Kind.REFUSAL else ""
    parts = [
        f'<section class="attempt" id="attempt-{number}">',
        f"<h2>Attempt {number}{refused}</h2>",
        table(_facts(case, content, zones)),
        "<h3>The verdict</h3>",
        _verdict(content),
        _overrides(content),
        _relied_on(content, records),
        _in_force(content),
        "<h3>The ten items of 16 CFR 310.5(a)(2)</h3>",
        table(_ten_items(case, content)),
        _legs(case, zones),
        _links(case),
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _facts(case: Case, content: Content, zones: Sequence[str]) -> list[tuple[str, str]]:
    agent, typed = content.get("agent"), part(content, "number", "typed")
    roles = "".join(f", {plain(role)}" for role in items(part(agent, "roles")))
    software = content.get("software")
    return [
        ("When, where the called party is", local(case.link.at, zones) or "not known"),
        ("When, UTC", utc(case.link.at)),
        ("Agent", f"{plain(part(agent, 'name'))} ({plain(part(agent, 'loginName'))}){roles}"),
        ("Agent's phone", plain(part(agent, "extension"))),
        ("Number as entered", f"{plain(typed)}, entered: {plain(content.get('entry')) or 'not told'}"),
        ("Number as dialled", f"{case.link.number}, {plain(part(content, 'number', 'type'))}"),
        ("Kind of line", plain(content.get("line"))),
        ("Purpose", plain(content.get("purpose"))),
        ("Campaign", plain(content.get("campaignId"))),
        ("Account", plain(content.get("accountNumber"))),
        ("Where the called party is", _whereabouts(content.get("located"))),
        ("Where the number belongs", _whereabouts(content.get("numbered"))),
        ("Press", f"{plain(content.get('requestId')) or 'without requestId'}, call {case.link.call_id or 'none'}"),
        ("Telephony", f"{plain(content.get('engine'))}, channel {plain(content.get('connector'))}"),
        ("Ending", ending(case)),
        ("Software and its data", pairs(software)),
    ]


def _verdict(content: Content) -> str:
    verdict = content.get("verdict")
    policy = f"{plain(part(verdict, 'policy', 'name'))} {plain(part(verdict, 'policy', 'version'))}"
    told = f"<p>{decision(part(verdict, 'decision'))}, by the policies {text(policy)}, judged {text(_when(content))}"
    if allowed_from := plain(part(verdict, "nextPermittedAt")):
        told += f"; next permitted from {text(allowed_from)}"
    rows = [
        (
            f"<code>{text(part(rule, 'rule'))}</code>",
            decision(part(rule, "decision")),
            text(part(rule, "reason")),
            text(part(rule, "law")),
            text(pairs(part(rule, "evidence"))),
        )
        for rule in items(part(verdict, "rules"))
    ]
    return f"{told}.</p>\n" + grid(("Rule", "Decision", "Reason", "Law", "Evidence"), rows)


def _overrides(content: Content) -> str:
    wishes = items(content.get("overrides"))
    if not wishes:
        return "<p>No override was asked for.</p>"
    rows = [(plain(part(wish, "rule")), plain(part(wish, "reason"))) for wish in wishes]
    return "<h3>Overrides that were asked for, and why</h3>\n" + table(rows)


def _relied_on(content: Content, records: Mapping[str, Record]) -> str:
    ids = [plain(each) for each in items(content.get("reliedOn"))]
    if not ids:
        return "<p>The verdict relied on no record of consent, relationship or answer of a registry.</p>"
    rows = [(each, told_of(records[each]) if each in records else "no longer in the database") for each in ids]
    return "<h3>Records that the verdict relied on</h3>\n" + table(rows)


def _in_force(content: Content) -> str:
    ids = [plain(each) for each in items(content.get("records"))]
    return f"<p>On record about the called party, and in force then: {text(', '.join(ids))}.</p>" if ids else ""


def _ten_items(case: Case, content: Content) -> list[tuple[str, str]]:
    calling = plain(content.get("callerId")) or "that of the engine"
    called = f"from {calling} to {case.link.number}, {utc(case.link.at)}, {_length(case)}"
    return [
        ("(i) Telemarketer", plain(content.get("telemarketer")) or "not told in the settings"),
        ("(ii) Seller", plain(content.get("seller")) or "not told in the settings"),
        ("(iii) Goods, services or purpose", plain(content.get("goods")) or "not told in the settings"),
        ("(iv) Consumer or business", plain(content.get("calledParty"))),
        ("(v) Outbound", "yes" if content.get("outbound") else "no"),
        ("(vi) Prerecorded message", "yes" if content.get("prerecorded") else "no"),
        ("(vii) Numbers, date, time, length", called),
        ("(viii) Script", plain(content.get("script")) or "not told in the settings"),
        ("(ix) Caller ID, and the right to it", f"{calling}; {plain(content.get('callerIdRight'))}"),
        ("(x) Disposition", f"{ending(case)}; this service transfers no call"),
    ]


def _length(case: Case) -> str:
    """How long the talk was. Without the link `outcome` it may go on still."""
    outcome = case.told_by(Kind.OUTCOME)
    if outcome is None:
        taken_back = case.told_by(Kind.RETRACTION) is not None
        return "no talk" if taken_back or case.link.kind is Kind.REFUSAL else "length not known yet"
    talked = outcome.get("talkSeconds")
    return f"{plain(talked)} seconds of talk" if talked else "no talk"


def ending(case: Case) -> str:
    """How it ended, in a few words."""
    if case.link.kind is Kind.REFUSAL:
        return "refused, nothing was dialled"
    if case.told_by(Kind.RETRACTION) is not None:
        return "taken back before anything rang"
    outcome = case.told_by(Kind.OUTCOME)
    if outcome is None:
        return "not known yet"
    answered = "answered" if outcome.get("answeredAt") else "not answered"
    codes = [f"{name} {plain(outcome[key])}" for name, key in (("Q.850", "q850"), ("SIP", "sip")) if key in outcome]
    told = f"{answered}, {plain(outcome.get('cause'))}, ended by {plain(outcome.get('by'))}"
    return told + (f" ({', '.join(codes)})" if codes else "")


def _legs(case: Case, zones: Sequence[str]) -> str:
    outcome = case.told_by(Kind.OUTCOME)
    legs = items(part(outcome, "legs"))
    if not legs:
        return ""
    rows = [
        (
            text(part(leg, "leg")),
            text(part(leg, "state")),
            text(moment_told(part(leg, "at"))),
            text(local(moment(part(leg, "at")), zones)),
        )
        for leg in legs
    ]
    heading = ("Leg", "State", "UTC", "Where the called party is")
    return "<h3>The times of each leg</h3>\n" + grid(heading, rows)


def _links(case: Case) -> str:
    return "<h3>Its links in the chain</h3>\n" + _seals((case.begin, *case.others))


def _seals(links: Iterable[Placed]) -> str:
    rows = [
        (f"link {each.link.seq}, {each.link.kind}", f"{utc(each.link.at)}, seal {each.link.seal.hex()}")
        for each in links
    ]
    return table(rows)


def _whereabouts(value: object) -> str:
    places = [
        f"{plain(part(place, 'jurisdiction'))} ({', '.join(map(plain, items(part(place, 'zones'))))})"
        for place in items(part(value, "places"))
    ]
    return f"by {plain(part(value, 'source'))}: {'; '.join(places) or 'nowhere'}" if value else ""


def _zones(content: Content) -> list[str]:
    places = items(part(content, "located", "places"))
    zones = [zone for place in places for zone in items(part(place, "zones")) if isinstance(zone, str)]
    return list(dict.fromkeys(zones))


def _when(content: Content) -> str:
    return moment_told(content.get("judgedAt"))


def told_of(record: Record) -> str:
    """A record in a line."""
    line = f"{pairs(record_views.content_of(record))}; recorded {utc(record.recorded_at)} by {record.recorded_by}"
    if record.until is not None:
        line += f"; until {utc(record.until)}"
    if record.withdrawn_at is not None:
        line += f"; withdrawn {utc(record.withdrawn_at)} by {record.withdrawn_by}"
        line += f": {record.withdrawn_reason}" if record.withdrawn_reason else ""
    return line
