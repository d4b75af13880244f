"""`manualdial do-not-call`: the company's own list, and those of campaigns. Works on the database itself."""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer

from manualdial.commands.configuration import ConfigFile, configuration, for_tenant
from manualdial.commands.failure import CommandFailed, WronglyCalled, group
from manualdial.commands.progress import reading_bar
from manualdial.commands.record_options import (
    Account,
    By,
    Column,
    Json,
    Number,
    OfAccount,
    Region,
    Tenant,
    Until,
    account_of,
    end_of,
    number_of,
    reason_of,
    recorder,
    records_about,
    region_of,
    time_shown,
)
from manualdial.commands.record_views import add_record, show_import, show_records
from manualdial.commands.terminal import print_json_lines, say
from manualdial.imports.number_files import BEGINS_A_FORMULA, LineRefused, NumberLine, Rejects, account_in, private_file
from manualdial.imports.record_writing import WrittenRecords, import_numbers, of_account, record_id
from manualdial.law.records import Listing, ListScope, Record, record_json
from manualdial.plain_text import counted, printable
from manualdial.ports import Storage

_KIND = "do-not-call"
_PAGE = 1000
_MOST_SHOWN = 1000
_LONGEST_REASON = 1024
_COLUMNS = ("number", "scope", "campaign", "reason", "account", "recorded at", "recorded by", "until")

application = group("Who asked not to be called: the company's list and the campaigns'.")

Campaign = Annotated[
    str | None,
    typer.Option("--campaign", metavar="ID", help="The list of this campaign. Default: the company's, for every call."),
]
OfCampaign = Annotated[
    str | None, typer.Option("--campaign", metavar="ID", help="The list of this campaign only. Default: all lists.")
]


@application.command(epilog="Example: manualdial do-not-call add '+1 202 555 0100' --reason 'said so on the phone'")
def add(
    number: Number,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, in the caller's words.")] = "",
    campaign: Campaign = None,
    account: Account = None,
    until: Until = None,
    region: Region = None,
    tenant: Tenant = None,
    by: By = None,
    config: ConfigFile = None,
) -> None:
    """Put a number on a list. Dials of it are refused from then on."""
    listing = _listing(campaign, reason)
    added = add_record(
        listing, number=number, account=account, until=until, region=region, tenant=tenant, by=by, config=config
    )
    say(f"{added.number} is on the list {_name(listing)}.")


@application.command(
    epilog="Example: manualdial do-not-call remove +12025550100 --reason 'asked for an offer in writing'"
)
def remove(
    number: Number,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stays readable.")],
    campaign: Campaign = None,
    account: OfAccount = None,
    region: Region = None,
    tenant: Tenant = None,
    by: By = None,
    config: ConfigFile = None,
) -> None:
    """Take a number off a list. The record is withdrawn, not erased: it stays readable, with the reason."""
    settings, now = configuration(config), datetime.now(UTC)
    if not reason.strip():
        raise WronglyCalled("say why with --reason.")
    e164 = number_of(number, region, settings)
    listing, who, of_person = _listing(campaign, reason), recorder(by), account_of(account)

    async def work(store: Storage, tenant_id: str) -> set[str]:
        listed = [
            (record.id, _name(record.content))
            for record in await records_about(store, tenant_id, e164, of_person)
            if isinstance(record.content, Listing) and record.counts_at(now)
        ]
        meant = [record_id for record_id, name in listed if name == _name(listing)]
        if not meant:
            raise CommandFailed(f"{e164} is not on the list {_name(listing)}.")
        await store.withdraw_records(tenant_id, meant, by=who, at=now, reason=reason_of(reason))
        return {name for record_id, name in listed if record_id not in meant}

    others = for_tenant(settings, tenant, work)
    say(f"{e164} is no longer on the list {_name(listing)}.")
    for name in sorted(others):
        say(f"It is still on the list {name}.")


@application.command(name="list", epilog="Example: manualdial do-not-call list --campaign spring")
def list_numbers(
    campaign: OfCampaign = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were withdrawn or are over.")] = False,
    as_json: Json = False,
    tenant: Tenant = None,
    config: ConfigFile = None,
) -> None:
    """List the numbers. A table ends after 1,000; --json and `do-not-call export` have all."""
    now = datetime.now(UTC)

    async def work(store: Storage, tenant_id: str) -> tuple[list[Record], bool]:
        shown: list[Record] = []
        async for record in _listed(store, tenant_id, campaign=campaign, now=now, everything=everything):
            if as_json:
                print_json_lines([record_json(record)])
            elif len(shown) == _MOST_SHOWN:
                return shown, True
            else:
                shown.append(record)
        return shown, False

    records, more = for_tenant(configuration(config), tenant, work)
    if as_json:
        return
    records.sort(key=lambda record: (record.number, record.recorded_at))
    show_records(records, as_json=False, now=now, nothing="No number is on the list.")
    if more:
        say("… and more; `manualdial do-not-call export` has all.")


@application.command(
    name="import", epilog="Example: manualdial do-not-call import list.csv --reason 'from the old CRM'"
)
def import_list(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or one number a line.")],
    campaign: Campaign = None,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why, where the file has no column `reason` or it is empty.")
    ] = "",
    until: Until = None,
    source: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the list is called. Default: the file's name.")
    ] = None,
    column: Column = None,
    again: Annotated[bool, typer.Option("--again", help="Also those that were taken off the list since.")] = False,
    region: Region = None,
    tenant: Tenant = None,
    by: By = None,
    config: ConfigFile = None,
) -> None:
    """Put all numbers of a file on a list. A second import adds nothing, and goes on where the first was cut off.

    Lines without a number that can be dialled are counted and written to FILE.rejected. Exit code 1 where any was; the
    others are taken.
    """
    settings, now = configuration(config), datetime.now(UTC)
    region_code, end, name = region_of(region, settings), end_of(until, now=now), (source or file.name).strip()
    by_import = f"{recorder(by)}, import of {name}"
    _listing(campaign, reason)

    async def work(store: Storage, tenant_id: str) -> tuple[WrittenRecords, Rejects]:
        def read(number: str, line: NumberLine) -> Record:
            try:
                listing = _listing(campaign or line.cells.get("campaign") or None, line.cells.get("reason") or reason)
                account = account_of(account_in(line))
            except WronglyCalled as error:
                raise LineRefused(str(error)) from None
            parts = (listing.scope, listing.campaign_id or "", name, *of_account(account))
            return Record(
                id=record_id(tenant_id, number, *parts),
                tenant_id=tenant_id,
                number=number,
                account_number=account,
                content=listing,
                recorded_at=now,
                recorded_by=by_import,
                until=end,
            )

        return await import_numbers(
            store, tenant_id, file, read, region=region_code, column=column, now=now, again=again, bar=reading_bar
        )

    show_import(*for_tenant(settings, tenant, work))


@application.command(epilog="Example: manualdial do-not-call export --output list.csv")
def export(
    file: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="A file that its owner alone can read.")
    ] = None,
    campaign: OfCampaign = None,
    tenant: Tenant = None,
    config: ConfigFile = None,
) -> None:
    """Write all numbers that are on a list as CSV; `do-not-call import` reads it."""
    now = datetime.now(UTC)

    async def work(store: Storage, tenant_id: str) -> int:
        count = 0
        with _written_to(file) as to:
            rows = csv.writer(to, lineterminator="\n")
            rows.writerow(_COLUMNS)
            async for record in _listed(store, tenant_id, campaign=campaign, now=now):
                rows.writerow(_csv_row(record))
                count += 1
        return count

    try:
        count = for_tenant(configuration(config), tenant, work)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {error.strerror}.") from None
    if file is not None:
        say(f"{counted(count, 'number')} in {file}.")


async def _listed(
    store: Storage, tenant_id: str, *, campaign: str | None, now: datetime, everything: bool = False
) -> AsyncIterator[Record]:
    """All listings of a tenant, by id."""
    after = None
    while page := await store.records_of_kind(tenant_id, _KIND, after=after, limit=_PAGE):
        for record in page:
            listing = record.content
            if not isinstance(listing, Listing) or not (everything or record.counts_at(now)):
                continue
            if campaign is None or listing.campaign_id == campaign:
                yield record
        after = page[-1].id


def _listing(campaign: str | None, reason: str) -> Listing:
    if len(reason) > _LONGEST_REASON:
        raise WronglyCalled(f"a reason has at most {_LONGEST_REASON} characters.")
    if campaign is None:
        return Listing(reason=reason.strip())
    if not campaign.strip():
        raise WronglyCalled("a campaign has an id.")
    return Listing(scope=ListScope.CAMPAIGN, campaign_id=campaign.strip(), reason=reason.strip())


def _name(listing: Listing) -> str:
    return "of the company" if listing.scope is ListScope.COMPANY else f"of the campaign {listing.campaign_id}"


@contextmanager
def _written_to(file: Path | None) -> Iterator[TextIO]:
    if file is None:
        yield sys.stdout
        return
    with private_file(file) as opened:
        yield opened


def _csv_row(record: Record) -> tuple[str, ...]:
    listing = record.content
    if not isinstance(listing, Listing):
        raise TypeError("a listing")
    said = (listing.scope.value, listing.campaign_id or "", listing.reason, record.account_number or "")
    times = (time_shown(record.recorded_at), record.recorded_by, time_shown(record.until))
    return (record.number, *map(_harmless, (*said, *times)))


def _harmless(cell: str) -> str:
    """A cell of one line that no spreadsheet takes for a formula."""
    cell = printable(cell)
    return f"'{cell}" if cell.startswith(BEGINS_A_FORMULA) else cell
