"""`manualdial check`: may a number be called, and why or why not, as the running service judges it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from manualdial.client.bus_client import SignIn, connected
from manualdial.client.messages import Message, checked
from manualdial.commands.failure import FAILED, single
from manualdial.commands.record_options import moment
from manualdial.commands.signing_in import DEFAULT_URL, URL, LoginName, PasswordFromStdin, login
from manualdial.commands.terminal import json_line, output, say
from manualdial.commands.verdict import explained
from manualdial.law.facts import of_postal_code
from manualdial.law.verdict import Decision, Purpose
from manualdial.plain_text import part, printable

_EXAMPLE = "Example: manualdial check '+1 305 555 0100' --purpose sales --at 2026-11-24T20:30-05:00 --user ann"
ADDRESS = "LCM/Webservice/CheckPhoneNumber"

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="As typed: E.164, national, or a tel: URI.")]
At = Annotated[
    str | None, typer.Option(metavar="TIME", help="The moment asked about; ISO 8601 with offset. Default: now.")
]
ForPurpose = Annotated[Purpose | None, typer.Option(help="Why is called. Default: the tenant's.")]
ZipCode = Annotated[str | None, typer.Option("--zip", metavar="CODE", help="The postal code of the person.")]
Region = Annotated[str | None, typer.Option(metavar="CODE", help="ISO 3166 region in which a national number is read.")]
Campaign = Annotated[str | None, typer.Option(metavar="ID", help="The campaign: debt, offer or matter.")]
Account = Annotated[str | None, typer.Option(metavar="ID", help="The account of the person, whose attempts count.")]


def check(
    number: Number,
    at: At = None,
    purpose: ForPurpose = None,
    zip_code: ZipCode = None,
    region: Region = None,
    campaign: Campaign = None,
    account: Account = None,
    url: URL = DEFAULT_URL,
    user: LoginName = None,
    password_stdin: PasswordFromStdin = False,
    as_json: Annotated[bool, typer.Option("--json", help="The verdict as it is, as JSON.")] = False,
) -> None:
    """Ask the service whether a number may be called, and show the verdict with its reasons.

    Nothing rings, and nothing is counted. Exit code 0 when the number may be called, 1 otherwise.
    """
    asked_at = datetime.now(UTC) if at is None else moment(at, "--at")
    data: Message = {
        "PhoneNumber": number,
        "At": None if at is None else asked_at.isoformat(),
        "Purpose": None if purpose is None else purpose.value,
        "ZipCode": zip_code,
        "Region": region,
        "CampaignID": campaign,
        "AccountNumber": account,
    }
    who = login(url, user, from_stdin=password_stdin)
    said = asyncio.run(_ask(who, {name: value for name, value in data.items() if value is not None}))
    answer = checked(said)
    warn_of_zip_code(zip_code, e164=answer.number.e164)
    if as_json:
        output().out(json_line(part(said, "message", "dial", "verdict")))
    else:
        output().print(explained(answer, at=asked_at))
    if answer.verdict.decision != Decision.ALLOW:
        raise typer.Exit(FAILED)


def warn_of_zip_code(zip_code: str | None, *, e164: str | None = None) -> None:
    """Say on standard error that a postal code counts as left out, where it does."""
    if zip_code is None:
        return
    if of_postal_code(zip_code) is None:
        say(f"{printable(zip_code)} is no postal code that is known; it counts as left out.")
    elif e164 is not None and not e164.startswith("+1"):
        say("A postal code is read for numbers of +1 alone; it counts as left out.")


async def _ask(who: SignIn, data: Message) -> Message:
    async with connected(who) as client:
        return (await client.ask(ADDRESS, data)).message


application = single(check, example=_EXAMPLE)
