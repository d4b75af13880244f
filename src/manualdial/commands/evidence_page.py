"""The page that an auditor reads: one file of HTML, without scripts and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from shlex import quote

from manualdial import __version__
from manualdial.commands.evidence_attempts import Case, attempt, cases, ending, left_over, told_of
from manualdial.commands.evidence_chain import head_told
from manualdial.commands.evidence_export import HOW_TO_RECOMPUTE, Export, content_of, end_told
from manualdial.commands.html_text import decision, grid, part, table, text, utc
from manualdial.commands.terminal import printable
from manualdial.screening.records import Record

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
section.attempt { border-top: 2px solid #1a1a1a; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; margin: .4rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem; border: 1px solid #c8c8c8;
  overflow-wrap: anywhere; }
th { background: #f2f2f2; font-weight: 600; } tbody th { width: 14rem; }
thead th, td span, td code { white-space: nowrap; }
.allow { color: #0b5d1e; } .warn { color: #7a4b00; } .block { color: #9b1111; font-weight: 600; }
.good { border-left: .4rem solid #0b5d1e; padding-left: .8rem; }
.bad { border-left: .4rem solid #9b1111; padding-left: .8rem; }
code, pre { font: 13px/1.4 ui-monospace, monospace; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.dim { color: #555; }
@media print { body { margin: 0; max-width: none; font-size: 11px; } section.attempt { break-before: page; }
  tr, h2, h3 { break-inside: avoid; } h2, h3 { break-after: avoid; } code, pre { font-size: 9px; } }
@page { margin: 15mm; }
"""
_OF_A_RULE = ("jurisdiction", "law", "source", "as_of")
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
"""


def page(made: Export, json_name: str) -> str:
    """The page. Whatever was written down by others stands in it as text, and as nothing else."""
    tried = cases(made.links)
    records = {record.id: record for record in (*made.records, *made.account_records)}
    title = f"Evidence about calls to {made.number}"
    parts = [_HEAD.format(title=text(title), style=_STYLE), f"<h1>{text(title)}</h1>", _about(made)]
    parts += [_proof_in_short(made), _overview(tried)]
    parts += [attempt(number, case, records) for number, case in enumerate(tried, 1)]
    parts += [
        left_over(made.links, tried),
        _records(made.records),
        _account_records(made.account_records),
        _rules(made),
        _proof(made, json_name),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _about(made: Export) -> str:
    begins = "the beginning" if made.begins is None else utc(made.begins)
    ends = "now" if made.ends is None else utc(made.ends)
    return table(
        [
            ("Caller (tenant)", made.tenant),
            ("Number", made.number),
            ("Attempts from", f"{begins} until {ends}"),
            ("Made", f"{utc(made.made_at)} by manualdial {__version__}"),
        ]
    )


def _proof_in_short(made: Export) -> str:
    broken = made.proof.broken
    if broken is None and not made.proof.count:
        return "<p>The chain of evidence has no link yet.</p>"
    if broken is None:
        said = (
            f"The chain of evidence is whole, from link {made.proof.first} to link {made.proof.head[0]}: nothing about "
            "this number was changed or left out in between. Links removed from the end show only against a seal that "
            f"was kept elsewhere. {end_told(made)}"
        )
        return f'<p class="good">{text(said)}</p>'
    said = f"The chain of evidence is broken at link {broken.seq}: {broken.reason}. What stands behind is not proven."
    return f'<p class="bad"><strong>{text(said)}</strong></p>'


def _overview(tried: Sequence[Case]) -> str:
    if not tried:
        return "<p>No attempt in this time.</p>"
    rows = []
    for number, case in enumerate(tried, 1):
        content = content_of(case.link)
        rows.append(
            (
                f'<a href="#attempt-{number}">{number}</a>',
                text(utc(case.link.at)),
                text(part(content, "agent", "name")),
                text(content.get("purpose")),
                decision(part(content, "verdict", "decision")),
                text(ending(case)),
            )
        )
    return "<h2>Attempts</h2>\n" + grid(("", "When", "Agent", "Purpose", "Verdict", "Ending"), rows)


def _records(records: Sequence[Record]) -> str:
    if not records:
        return "<h2>What is on record about the number</h2>\n<p>Nothing.</p>"
    rows = [(record.id, told_of(record)) for record in records]
    return "<h2>What is on record about the number</h2>\n" + table(rows)


def _account_records(records: Sequence[Record]) -> str:
    """These are told apart: they name other numbers."""
    if not records:
        return ""
    rows = [
        (record.id, f"account {record.account_number}, about {record.number}: {told_of(record)}") for record in records
    ]
    said = (
        "<p>Who asked on one phone not to be called, or said no, is not called on another phone of the same account. "
        "So these records about other numbers counted for this number where it was dialled under their account.</p>\n"
    )
    return "<h2>What counted by the accounts that attempts named</h2>\n" + said + table(rows)


def _rules(made: Export) -> str:
    parts = ["<h2>The rules, as they stood</h2>"]
    for policies in made.policies:
        parts.append(f"<h3>{text(f'{policies.name} {policies.version}')}</h3>")
        if policies.sha256 is None:
            parts.append("<p>The policies of this version are not kept in this database.</p>")
            continue
        parts.append(f'<p class="dim">SHA-256 of the policies as kept: <code>{policies.sha256}</code></p>')
        rows = [
            (f"<code>{text(rule.get('rule'))}</code>", *(text(rule.get(name)) for name in _OF_A_RULE))
            for rule in policies.rules
        ]
        heading = ("Rule", "Where", "Law", "Read at", "As of")
        parts.append(grid(heading, rows) if rows else "<p>No rule of these policies reached an attempt.</p>")
    return "\n".join(parts) if made.policies else ""


def _proof(made: Export, json_name: str) -> str:
    proof = made.proof
    begins = "the first link" if proof.first <= 1 else f"link {proof.first}; earlier ones were removed by the retention"
    rows = [
        ("Links that hold", f"{proof.count:,}, from {begins}"),
        ("Last link that holds", head_told(proof.head)),
        ("Kept elsewhere, and compared", "nothing" if made.expected is None else head_told(made.expected)),
        ("First broken link", "none" if proof.broken is None else f"{proof.broken.seq}: {proof.broken.reason}"),
    ]
    return "\n".join(
        [
            "<h2>The proof</h2>",
            "<p>Each record is a link of a chain. Its seal is SHA-256 over the seal of the link before and the link's "
            "own bytes, so that no link can be changed, left out or put in without breaking all that come after it. "
            "The links about this number are in the file "
            f"<code>{text(json_name)}</code>, byte for byte as they were sealed. To recompute their seals:</p>",
            f"<pre>{escape(HOW_TO_RECOMPUTE.format(file=quote(printable(json_name))))}</pre>",
            "<p>Every line says True. That the links between them hold too needs the whole chain: whoever has it runs "
            "<code>manualdial evidence verify --expect SEQ:SEAL</code> with an end of the chain that was kept "
            "elsewhere.</p>",
            table(rows),
        ]
    )
