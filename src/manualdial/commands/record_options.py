"""The options about a record: whose it is, about which number, from when until when, by whom."""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from manualdial import moments, numbers
from manualdial.commands.failure import WronglyCalled
from manualdial.config import Config
from manualdial.errors import ManualDialError
from manualdial.imports.record_lines import LONGEST_ACCOUNT
from manualdial.law.records import Record
from manualdial.plain_text import printable
from manualdial.ports import Person, Storage

Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="TENANT", help="Whose; needed where there is more than one.")
]
Region = Annotated[
    str | None,
    typer.Option(
        "--region", metavar="CODE", help="ISO 3166 region of national numbers. Default: that of the settings."
    ),
]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says so. Default: the user of this machine.")]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="From then on it no longer counts; ISO 8601 with offset.")
]
Column = Annotated[
    str | None, typer.Option("--column", metavar="NAME", help="The column with the numbers: its heading, or 1, 2, 3 …")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="With its plus, or as it is dialled in the region.")]
Account = Annotated[
    str | None,
    typer.Option("--account", metavar="ID", help="The account; a stop or refusal counts for all its numbers."),
]
OfAccount = Annotated[
    str | None, typer.Option("--account", metavar="ID", help="Also what is on record for this account.")
]

_LONGEST_NAME = 256
_LONGEST_TEXT = 1024


def region_of(region: str | None, config: Config) -> str:
    """The region in which national numbers are read. Raises WronglyCalled."""
    found = (region or config.dialing.default_region).strip().upper()
    if not numbers.is_region(found):
        raise WronglyCalled("a region is an ISO 3166 code.")
    return found


def number_of(typed: str, region: str | None, config: Config) -> str:
    """The number that was typed, as E.164. Raises WronglyCalled."""
    where = region_of(region, config)
    try:
        return numbers.parse(typed, region=where).e164
    except ManualDialError as error:
        raise WronglyCalled(f"{printable(typed)} cannot be used: {error.message}.") from None


def moment(text: str, option: str) -> datetime:
    """A moment in ISO 8601 with an offset, in UTC. Raises WronglyCalled."""
    try:
        return moments.moment(text, option).astimezone(UTC)
    except ValueError as fault:
        raise WronglyCalled(f"{fault}.") from None


def end_of(text: str | None, *, now: datetime) -> datetime | None:
    """The moment of `--until`. Raises WronglyCalled where it is over already."""
    if text is None:
        return None
    found = moment(text, "--until")
    if found <= now:
        raise WronglyCalled("--until must be in the future.")
    return found


def day(text: str, option: str) -> date:
    """A date in ISO 8601. Raises WronglyCalled."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WronglyCalled(f"{option} is a date: 2026-11-24.") from None


def span(begins: str | None, ends: str | None) -> tuple[datetime | None, datetime | None]:
    """The moments of `--from` and `--until`. Raises WronglyCalled where the end is not after the beginning."""
    first = None if begins is None else moment(begins, "--from")
    after = None if ends is None else moment(ends, "--until")
    if first is not None and after is not None and after <= first:
        raise WronglyCalled("--until must be after --from.")
    return first, after


def past(text: str, option: str, *, now: datetime) -> datetime:
    """A moment that is not still to come. Raises WronglyCalled."""
    found = moment(text, option)
    if found > now:
        raise WronglyCalled(f"{option} is still to come.")
    return found


def recorder(by: str | None) -> str:
    """Who writes it down: whoever was named, else the user of this machine. Raises WronglyCalled."""
    if by is not None:
        if not by.strip() or len(by) > _LONGEST_NAME:
            raise WronglyCalled(f"--by names somebody in at most {_LONGEST_NAME} characters.")
        return by.strip()
    try:
        return f"{pwd.getpwuid(os.getuid()).pw_name} (command line)"
    except KeyError:  # a container may run as a user whom nothing names
        return f"user {os.getuid()} (command line)"


def reason_of(text: str) -> str | None:
    """The text of `--reason`; None where it was not given."""
    return text.strip() or None


def account_of(text: str | None) -> str | None:
    """The id of `--account`. Raises WronglyCalled."""
    if text is None:
        return None
    if not text.strip() or len(text) > LONGEST_ACCOUNT:
        raise WronglyCalled(f"--account names an account in at most {LONGEST_ACCOUNT} characters.")
    return text.strip()


def text_of(text: str, option: str, *, needed: bool = False) -> str:
    """The text of an option. Raises WronglyCalled where it is too long, or `needed` and empty."""
    text = text.strip()
    if len(text) > _LONGEST_TEXT:
        raise WronglyCalled(f"{option} has at most {_LONGEST_TEXT} characters.")
    if needed and not text:
        raise WronglyCalled(f"{option} is empty.")
    return text


async def records_about(store: Storage, tenant_id: str, number: str, account: str | None) -> Sequence[Record]:
    """All records about a number, oldest first; with an account, all that count where it is named and this dialled."""
    (found,) = await store.records(tenant_id, [Person(number=number, account_number=account)])
    return found


def time_shown(moment: datetime | None) -> str:
    """A moment for a table."""
    return "" if moment is None else moment.isoformat(timespec="seconds")
