"""The page that an auditor reads: one file of HTML, without scripts and without anything from elsewhere (ADR 0021)."""

from __future__ import annotations

from shlex import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from manualdial import __version__
from manualdial.audit import content
from manualdial.audit.attempts import cases, left_over
from manualdial.audit.export import Export, compared
from manualdial.law.records import Record, content_json
from manualdial.plain_text import printable

_TEMPLATE = "evidence.html"


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
    templates.globals |= {"part": content.part, "items": content.items, "compared": compared}
    templates.filters |= {
        "plain": _plain,
        "pairs": content.pairs,
        "utc": content.utc,
        "utc_of": content.utc_of,
        "local": content.local,
        "record": _record,
    }
    return templates


def _plain(value: object) -> str:
    """The value as text. What a macro made of values is HTML already."""
    return value if isinstance(value, Markup) else content.plain(value)


def _record(record: Record) -> str:
    """A record in a line."""
    line = f"{content.pairs(content_json(record))}; recorded {content.utc(record.recorded_at)} by {record.recorded_by}"
    if record.until is not None:
        line += f"; until {content.utc(record.until)}"
    if record.withdrawn_at is not None:
        line += f"; withdrawn {content.utc(record.withdrawn_at)} by {record.withdrawn_by}"
        line += f": {record.withdrawn_reason}" if record.withdrawn_reason else ""
    return line
