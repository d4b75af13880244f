"""The page that an auditor reads: one file of HTML, without scripts and without anything from elsewhere (ADR 0021)."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from manualdial import __version__
from manualdial.audit.chain import Placed
from manualdial.audit.content import BEGINNINGS, Content, content_of, items, local, pairs, plain, utc, utc_of
from manualdial.audit.export import Export, compared
from manualdial.evidence import Kind, Sealed
from manualdial.law.records import Record, content_json
from manualdial.plain_text import part, printable

_TEMPLATE = "evidence.html"


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


def page(made: Export, json_name: str) -> str:
    """The page. Whatever was written down by others stands in it as text, and as nothing else."""
    tried = cases(made.links)
    return (
        _templates()
        .get_template(_TEMPLATE)
        .render(
            made=made,
            version=__version__,
            json_name=json_name,
            quoted_json_name=quote(printable(json_name)),
            cases=tried,
            left_over=left_over(made.links, tried),
            records={record.id: record for record in (*made.records, *made.account_records)},
        )
    )


def _templates() -> Environment:
    """Every value is made plain and escaped where it is put into a page; a name that is not there is an error."""
    templates = Environment(
        loader=PackageLoader("manualdial.audit"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.globals |= {"part": part, "items": items, "compared": compared}
    templates.filters |= {
        "plain": _plain,
        "pairs": pairs,
        "utc": utc,
        "utc_of": utc_of,
        "local": local,
        "record": _record,
    }
    return templates


def _plain(value: object) -> str:
    """The value as text. What a macro made of values is HTML already."""
    return value if isinstance(value, Markup) else plain(value)


def _record(record: Record) -> str:
    """A record in a line."""
    line = f"{pairs(content_json(record))}; recorded {utc(record.recorded_at)} by {record.recorded_by}"
    if record.until is not None:
        line += f"; until {utc(record.until)}"
    if record.withdrawn_at is not None:
        line += f"; withdrawn {utc(record.withdrawn_at)} by {record.withdrawn_by}"
        line += f": {record.withdrawn_reason}" if record.withdrawn_reason else ""
    return line
