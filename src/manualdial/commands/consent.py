"""`manualdial consent`: who agreed to be called, to whom, for what, in which form. Works on the database itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from manualdial.commands.configuration import ConfigFile, configuration, for_tenant
from manualdial.commands.failure import CommandFailed, WronglyCalled, group
from manualdial.commands.record_options import (
    Account,
    By,
    Json,
    Number,
    OfAccount,
    Region,
    Tenant,
    Until,
    account_of,
    moment,
    number_of,
    past,
    reason_of,
    recorder,
    records_about,
    text_of,
)
from manualdial.commands.record_views import add_record, show_about
from manualdial.commands.terminal import say
from manualdial.law.records import Consent, ConsentForm
from manualdial.ports import Storage

application = group("Who agreed to be called.")

_PAGE = 1000


@application.command(
    epilog="Example: manualdial consent add +12025550100 --form written --given-at 2026-11-02T10:00:00-05:00 "
    "--proof https://crm.example/forms/4711"
)
def add(
    number: Number,
    form: Annotated[ConsentForm, typer.Option(help="How it was given; the laws tell them apart.")],
    given_at: Annotated[str, typer.Option(metavar="TIME", help="When; ISO 8601 with offset.")],
    given_by: Annotated[str, typer.Option(metavar="TEXT", help="The person.")] = "",
    given_to: Annotated[str, typer.Option(metavar="TEXT", help="The seller. Default: the tenant.")] = "",
    campaign: Annotated[
        str | None, typer.Option(metavar="ID", help="What it is for. Default: every call of the tenant.")
    ] = None,
    proof: Annotated[str, typer.Option(metavar="TEXT", help="Where the proof is: a recording, a form.")] = "",
    slot_from: Annotated[
        str | None, typer.Option(metavar="TIME", help="The agreed time: the consent counts in that time alone.")
    ] = None,
    slot_until: Annotated[str | None, typer.Option(metavar="TIME", help="The end of the agreed time.")] = None,
    account: Account = None,
    until: Until = None,
    region: Region = None,
    tenant: Tenant = None,
    by: By = None,
    config: ConfigFile = None,
) -> None:
    """Write down that a person agreed to be called."""
    content = Consent(
        form=form,
        given_at=past(given_at, "--given-at", now=datetime.now(UTC)),
        given_by=text_of(given_by, "--given-by"),
        given_to=text_of(given_to, "--given-to"),
        campaign_id=None if campaign is None else text_of(campaign, "--campaign", needed=True),
        proof=text_of(proof, "--proof"),
        slot_from=None if slot_from is None else moment(slot_from, "--slot-from"),
        slot_until=None if slot_until is None else moment(slot_until, "--slot-until"),
    )
    _check_slot(content)
    new = add_record(
        content, number=number, account=account, until=until, region=region, tenant=tenant, by=by, config=config
    )
    say(f"The consent of {new.number} is on record as {new.id}.")


@application.command(epilog="Example: manualdial consent withdraw +12025550100 --reason 'wrote to us on 20 November'")
def withdraw(
    number: Annotated[
        str | None, typer.Argument(metavar="[NUMBER]", help="All consents of this number, or one by --id.")
    ] = None,
    consent_id: Annotated[str | None, typer.Option("--id", metavar="ID", help="This consent alone.")] = None,
    campaign: Annotated[
        str | None, typer.Option(metavar="ID", help="With a number: only what was given for this campaign.")
    ] = None,
    account: OfAccount = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, or how it was said.")] = "",
    region: Region = None,
    tenant: Tenant = None,
    by: By = None,
    config: ConfigFile = None,
) -> None:
    """End consents from now on. They stay readable for the calls that relied on them."""
    settings, now = configuration(config), datetime.now(UTC)
    if (number is None) == (consent_id is None):
        raise WronglyCalled("name a number, or one consent with --id.")
    if consent_id is not None and (campaign is not None or account is not None):
        raise WronglyCalled("--campaign and --account go with a number.")
    e164 = None if number is None else number_of(number, region, settings)
    who, of_account = recorder(by), account_of(account)

    async def work(store: Storage, tenant_id: str) -> int:
        ids = [] if consent_id is None else [consent_id]
        if e164 is not None:
            ids = [
                record.id
                for record in await records_about(store, tenant_id, e164, of_account)
                if isinstance(record.content, Consent)
                and record.counts_at(now)
                and campaign in (None, record.content.campaign_id)
            ]
        elif not await _is_consent(store, tenant_id, ids[0]):
            raise CommandFailed("There is no consent of this id.")
        return await store.withdraw_records(tenant_id, ids, by=who, at=now, reason=reason_of(reason)) if ids else 0

    ended = for_tenant(settings, tenant, work)
    if not ended:
        raise CommandFailed("There is no such consent that is not withdrawn.")
    say(f"Withdrawn: {ended}.")


@application.command(name="list", epilog="Example: manualdial consent list +12025550100")
def list_consents(
    number: Number,
    account: OfAccount = None,
    as_json: Json = False,
    region: Region = None,
    tenant: Tenant = None,
    config: ConfigFile = None,
) -> None:
    """List all consents of a number, oldest first, also those that were withdrawn or are over."""
    show_about(
        number,
        lambda record: isinstance(record.content, Consent),
        account=account,
        as_json=as_json,
        region=region,
        tenant=tenant,
        config=config,
        nothing="No consent is on record.",
    )


async def _is_consent(store: Storage, tenant_id: str, consent_id: str) -> bool:
    """Whether an id is that of a consent: nothing else is ended here."""
    after = None
    while page := await store.records_of_kind(tenant_id, "consent", after=after, limit=_PAGE):
        if any(record.id == consent_id for record in page):
            return True
        after = page[-1].id
    return False


def _check_slot(content: Consent) -> None:
    begins, ends = content.slot_from, content.slot_until
    if (begins is None) != (ends is None):
        raise WronglyCalled("--slot-from goes with --slot-until.")
    if begins is not None and ends is not None and ends <= begins:
        raise WronglyCalled("--slot-until is after --slot-from.")
