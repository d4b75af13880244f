"""What is said on the command line about a record: whose it is, about which number, from when until when, by whom."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer

from manualdial import numbers
from manualdial.commands.database import existing_store
from manualdial.commands.failure import CommandFailed, WronglyCalled
from manualdial.commands.terminal import printable
from manualdial.config import Config
from manualdial.errors import ManualDialError
from manualdial.numbers import PhoneNumber
from manualdial.ports import Person, Storage
from manualdial.screening.records import Record

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
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="With its plus, or as it is dialled in the region.")]
Account = Annotated[
    str | None,
    typer.Option("--account", metavar="ID", help="The account; a stop or refusal counts for all its numbers."),
]
OfAccount = Annotated[
    str | None, typer.Option("--account", metavar="ID", help="Also what is on record for this account.")
]

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_LONGEST_NAME = 256
LONGEST_ACCOUNT = 1024
"""As in the requests: a press can name no longer one."""

Result = TypeVar("Result")


def for_tenant(config: Config, tenant: str | None, work: Callable[[Storage, str], Awaitable[Result]]) -> Result:
    """Do the work with the store of the configuration and the id of the tenant that is meant.

    Raises CommandFailed where there is no database: it would have no tenant either.
    """

    async def opened() -> Result:
        async with existing_store(config) as store:
            tenant_id, _ = await tenant_of(store, tenant)
            return await work(store, tenant_id)

    return asyncio.run(opened())


async def tenant_of(store: Storage, name: str | None) -> tuple[str, str]:
    """Id and name of the tenant that is meant. Raises WronglyCalled where that is not clear, or there is none."""
    known = await store.tenants()
    if name is None:
        if len(known) == 1:
            return known[0]
        if not known:
            raise CommandFailed("There is no tenant yet; `manualdial user add` makes one.")
        names = ", ".join(sorted(printable(each) for _, each in known))
        raise WronglyCalled(f"say which tenant with --tenant: {names}.")
    for tenant_id, each in known:
        if each.casefold() == name.strip().casefold():
            return tenant_id, each
    raise CommandFailed(f"There is no tenant {printable(name)}.")


def region_of(region: str | None, config: Config) -> str:
    """The region in which national numbers are read. Raises WronglyCalled."""
    found = (region or config.dialing.default_region).strip().upper()
    if not numbers.is_region(found):
        raise WronglyCalled("a region is an ISO 3166 code.")
    return found


def number_of(typed: str, region: str) -> PhoneNumber:
    """The number that was typed. Raises WronglyCalled."""
    try:
        return numbers.parse(typed, region=region)
    except ManualDialError as error:
        raise WronglyCalled(f"{printable(typed)} cannot be used: {error.message}.") from None


def moment(text: str, option: str) -> datetime:
    """A moment in ISO 8601 with an offset, in UTC. Raises WronglyCalled."""
    example = f"{option} is a moment such as 2026-11-20T06:00:00-05:00"
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise WronglyCalled(f"{example}.") from None
    if found.tzinfo is None:
        raise WronglyCalled(f"{example}, with its offset from UTC.")
    if not _EARLIEST < found < _LATEST:
        raise WronglyCalled(f"{option} is no moment of our time.")
    return found.astimezone(UTC)


def end_of(text: str | None, *, now: datetime) -> datetime | None:
    """What `--until` says. Raises WronglyCalled where it is over already."""
    if text is None:
        return None
    found = moment(text, "--until")
    if found <= now:
        raise WronglyCalled("--until must be in the future.")
    return found


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
    """What `--reason` says; nothing where it was not given."""
    return text.strip() or None


def account_of(text: str | None) -> str | None:
    """What `--account` says. Raises WronglyCalled."""
    if text is None:
        return None
    if not text.strip() or len(text) > LONGEST_ACCOUNT:
        raise WronglyCalled(f"--account names an account in at most {LONGEST_ACCOUNT} characters.")
    return text.strip()


async def records_about(store: Storage, tenant_id: str, number: str, account: str | None) -> Sequence[Record]:
    """All records about a number, oldest first; with an account, all that count where it is named and this dialled."""
    (found,) = await store.records(tenant_id, [Person(number=number, account_number=account)])
    return found


def standing(record: Record, *, now: datetime) -> str:
    """Whether a record counts, in one word."""
    if record.withdrawn_at is not None and record.withdrawn_at <= now:
        return "withdrawn"
    return "counts" if record.counts_at(now) else "over"


def counting(records: Sequence[Record], *, now: datetime) -> list[Record]:
    """Those that count."""
    return [record for record in records if record.counts_at(now)]


def time_shown(moment: datetime | None) -> str:
    """A moment for a table."""
    return "" if moment is None else moment.isoformat(timespec="seconds")
