"""`manualdial evidence list`: the chain of a tenant, a line a link. Nothing is proved on the way."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer

from manualdial.audit.chain import is_link
from manualdial.audit.content import BEGINNINGS, content_of, items
from manualdial.commands.configuration import ConfigFile, configuration, for_tenant
from manualdial.commands.record_options import Json, Tenant, span, time_shown
from manualdial.commands.terminal import output, print_json_lines, say
from manualdial.evidence import Sealed
from manualdial.plain_text import part, printable
from manualdial.ports import Storage

LIST_EXAMPLE = "Example: manualdial evidence list --overridden --from 2026-11-01T00:00:00-04:00"

_PAGE = 1000
_HEADING = ("SEQ", "WHEN", "KIND", "NUMBER", "AGENT", "DECISION", "RULES, OR ENDING")
_WIDTHS = (7, 25, 10, 16, 16, 8)


class Listed(StrEnum):
    """The kinds of links that can be asked for."""

    ATTEMPT = "attempt"
    REFUSAL = "refusal"
    OUTCOME = "outcome"
    RETRACTION = "retraction"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which links are listed."""

    begins: datetime | None
    ends: datetime | None
    kind: str | None
    agent: str | None
    """Login name, in small letters; links that name no agent are left out then."""
    overridden: bool

    def has(self, link: Sealed, content: dict[str, Any]) -> bool:
        """Whether a link is one of them."""
        if (self.begins is not None and link.at < self.begins) or (self.ends is not None and self.ends <= link.at):
            return False
        if self.kind is not None and link.kind != self.kind:
            return False
        if self.agent is not None and _agent(content).casefold() != self.agent:
            return False
        return bool(_overridden(content)) if self.overridden else True


def list_links(
    begins: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Links from then on; ISO 8601 with offset.")
    ] = None,
    ends: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Links before then.")] = None,
    kind: Annotated[Listed | None, typer.Option(metavar="KIND", help=f"Only these: {', '.join(Listed)}.")] = None,
    agent: Annotated[
        str | None, typer.Option(metavar="LOGIN", help="Attempts and refusals of this agent: the login name.")
    ] = None,
    overridden: Annotated[
        bool, typer.Option("--overridden", help="Attempts that a rule was overridden for, and no others.")
    ] = False,
    as_json: Json = False,
    tenant: Tenant = None,
    config: ConfigFile = None,
) -> None:
    """List the links of a chain, oldest first, with the rules that blocked or were overridden.

    Nothing is proved on the way: that is the work of `evidence verify`.
    """
    since, until = span(begins, ends)
    wanted = Wanted(
        begins=since,
        ends=until,
        kind=kind,
        agent=None if agent is None else agent.strip().casefold(),
        overridden=overridden,
    )

    async def work(store: Storage, tenant_id: str) -> int:
        after = count = 0
        while links := await store.evidence(tenant_id, after=after, limit=_PAGE):
            after = links[-1].seq
            for link in links:
                content = content_of(link) if is_link(link.body, link.seal) else {}
                if wanted.has(link, content):
                    _print(link, content, as_json=as_json, first=count == 0)
                    count += 1
        return count

    if not for_tenant(configuration(config), tenant, work):
        say("No link.")


def _print(link: Sealed, content: dict[str, Any], *, as_json: bool, first: bool) -> None:
    if as_json:
        print_json_lines([_shown(link, content)])
        return
    if first:
        output().print(_line(_HEADING), markup=False)
    names = _blocking(content) + [f"{name} (overridden)" for name in _overridden(content)]
    last = ", ".join(names) if link.kind in BEGINNINGS else _ending(content)
    cells = (str(link.seq), time_shown(link.at), link.kind, link.number, _agent(content), _decision(content), last)
    output().print(_line(tuple(map(printable, cells))), markup=False)


def _line(cells: tuple[str, ...]) -> str:
    """The columns; a cell that is wider than its column moves the others."""
    wide = [cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=False)]
    return "  ".join((*wide, cells[-1])).rstrip()


def _shown(link: Sealed, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "seq": link.seq,
        "at": link.at.isoformat(),
        "kind": str(link.kind),
        "number": link.number,
        "callId": link.call_id,
        "agent": _agent(content) or None,
        "decision": _decision(content) or None,
        "blocking": _blocking(content),
        "overridden": _overridden(content),
        "ending": _ending(content) or None,
    }


def _agent(content: dict[str, Any]) -> str:
    return str(part(content, "agent", "loginName") or "")


def _decision(content: dict[str, Any]) -> str:
    return str(part(content, "verdict", "decision") or "")


def _blocking(content: dict[str, Any]) -> list[str]:
    """The rules that refused the call: those that warn do so until they are overridden."""
    return [str(part(rule, "rule")) for rule in _rules(content) if part(rule, "decision") in ("block", "warn")]


def _overridden(content: dict[str, Any]) -> list[str]:
    """The rules that would have refused it, had nobody with the right to it wished otherwise."""
    return [
        str(part(rule, "rule"))
        for rule in _rules(content)
        if part(rule, "decision") == "allow" and part(rule, "evidence", "override")
    ]


def _ending(content: dict[str, Any]) -> str:
    cause = part(content, "cause")
    return f"{cause}, by {part(content, 'by')}" if cause else ""


def _rules(content: dict[str, Any]) -> list[Any]:
    return items(part(content, "verdict", "rules"))
