"""`manualdial record`: what is on record about numbers. Works on the database itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from manualdial.app.adapters import policies_for
from manualdial.commands.configuration import ConfigFile, configuration, for_tenant
from manualdial.commands.failure import CommandFailed, WronglyCalled, group
from manualdial.commands.progress import reading_bar
from manualdial.commands.record_options import (
    By,
    Column,
    Json,
    Number,
    OfAccount,
    Region,
    Tenant,
    past,
    reason_of,
    recorder,
    region_of,
    time_shown,
)
from manualdial.commands.record_views import show_about, show_import
from manualdial.commands.terminal import say
from manualdial.imports.number_files import NumberLine, Rejects
from manualdial.imports.record_lines import LineReader, import_lines
from manualdial.imports.record_writing import WrittenRecords, content_id, import_numbers
from manualdial.imports.registry_answers import Answers, good_for, words
from manualdial.law.records import KINDS, Record
from manualdial.plain_text import printable
from manualdial.ports import Storage

application = group("What is on record about numbers.")

Again = Annotated[bool, typer.Option("--again", help="Also those that were withdrawn since.")]


@application.command(name="import", epilog="Example: manualdial record import contacts.jsonl")
def import_records(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="One JSON object a line: number, kind, and what it says.")
    ],
    again: Again = False,
    region: Region = None,
    tenant: Tenant = None,
    by: By = None,
    config: ConfigFile = None,
) -> None:
    """Write the records of a file. A second import adds nothing, and goes on where the first was cut off.

    Lines that are no record are counted and written to FILE.rejected, with their place and the reason; the others are
    taken. Exit code 1 where any was rejected.
    """
    settings, now = configuration(config), datetime.now(UTC)
    region_code, by_import = region_of(region, settings), f"{recorder(by)}, import of {file.name}"
    registries = policies_for(settings).names("do-not-call")

    async def work(store: Storage, tenant_id: str) -> tuple[WrittenRecords, Rejects]:
        reader = LineReader(
            tenant_id=tenant_id, region=region_code, registries=registries, recorded_by=by_import, now=now
        )
        return await import_lines(store, tenant_id, file, reader, now=now, again=again, bar=reading_bar)

    show_import(*for_tenant(settings, tenant, work))


@application.command(
    epilog="Example: manualdial record import-answers washed.csv --registry au-register "
    "--answered-at 2026-11-20T09:00:00+11:00"
)
def import_answers(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a column that says it, or a list of numbers.")],
    registry: Annotated[str, typer.Option(metavar="NAME", help="As the policies name it: au-register, it-rpo …")],
    answered_at: Annotated[str, typer.Option(metavar="TIME", help="When the registry answered; ISO 8601 with offset.")],
    valid_days: Annotated[
        int | None, typer.Option(min=1, metavar="DAYS", help="How long it is good. Default: as the policy says.")
    ] = None,
    all_listed: Annotated[bool, typer.Option("--listed", help="All numbers of the file are on the registry.")] = False,
    none_listed: Annotated[bool, typer.Option("--not-listed", help="No number of the file is.")] = False,
    listed_when: Annotated[
        str | None, typer.Option(metavar="WORDS", help="What the column says of a listed number: Y,R.")
    ] = None,
    not_listed_when: Annotated[
        str | None, typer.Option(metavar="WORDS", help="What it says of one that is not: N,U.")
    ] = None,
    column: Column = None,
    again: Again = False,
    region: Region = None,
    tenant: Tenant = None,
    by: By = None,
    config: ConfigFile = None,
) -> None:
    """Write down what a registry answered that hands out no list. A second import adds nothing.

    A row that does not say clearly whether its number is listed is rejected: it counts as not asked, and is not called.
    Exit code 1 where any was rejected; the others are taken.
    """
    settings, now = configuration(config), datetime.now(UTC)
    if all_listed and none_listed:
        raise WronglyCalled("say one of --listed and --not-listed.")
    if (listed_when is None) != (not_listed_when is None):
        raise WronglyCalled("--listed-when goes with --not-listed-when.")
    if words(listed_when) & words(not_listed_when):
        raise WronglyCalled("a word says one thing: --listed-when and --not-listed-when share one.")
    answered = past(answered_at, "--answered-at", now=now)
    answers = Answers(
        registry=registry,
        answered_at=answered,
        valid_until=answered + good_for(policies_for(settings), registry, valid_days),
        whole=all_listed if all_listed or none_listed else None,
        listed_words=words(listed_when),
        not_listed_words=words(not_listed_when),
    )
    region_code, by_import = region_of(region, settings), f"{recorder(by)}, import of {file.name}"

    async def work(store: Storage, tenant_id: str) -> tuple[WrittenRecords, Rejects]:
        def read(number: str, line: NumberLine) -> Record:
            content = answers.answer(line)
            return Record(
                id=content_id(tenant_id, number, content, None),
                tenant_id=tenant_id,
                number=number,
                content=content,
                recorded_at=now,
                recorded_by=by_import,
            )

        return await import_numbers(
            store, tenant_id, file, read, region=region_code, column=column, now=now, again=again, bar=reading_bar
        )

    done = for_tenant(settings, tenant, work)
    if answers.valid_until <= now:
        say(f"These answers were good until {time_shown(answers.valid_until)}: they do not count any more.")
    show_import(*done)


@application.command(name="list", epilog="Example: manualdial record list +12025550100")
def list_records(
    number: Number,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only these: " + ", ".join(KINDS))] = None,
    account: OfAccount = None,
    as_json: Json = False,
    region: Region = None,
    tenant: Tenant = None,
    config: ConfigFile = None,
) -> None:
    """List all that is on record about a number, oldest first, also what was withdrawn or is over.

    With --account also what is on record about the account's other numbers and counts for the person.
    """
    if kind is not None and kind not in KINDS:
        raise WronglyCalled(f"a kind is one of {', '.join(KINDS)}.")
    show_about(
        number,
        lambda record: kind is None or isinstance(record.content, KINDS[kind]),
        account=account,
        as_json=as_json,
        region=region,
        tenant=tenant,
        config=config,
        nothing="Nothing is on record.",
    )


@application.command(
    epilog="Example: manualdial record withdraw 6f0d1c3e-8a55-4a5e-9f65-0d2b1b7c2f10 --reason 'typed wrongly'"
)
def withdraw(
    record_id: Annotated[str, typer.Argument(metavar="ID", help="As `record list` shows it.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stays readable.")] = "",
    tenant: Tenant = None,
    by: By = None,
    config: ConfigFile = None,
) -> None:
    """End a record from now on. It stays readable for the calls that relied on it."""
    who, ids, now = recorder(by), [record_id.strip()], datetime.now(UTC)

    async def work(store: Storage, tenant_id: str) -> int:
        return await store.withdraw_records(tenant_id, ids, by=who, at=now, reason=reason_of(reason))

    if not for_tenant(configuration(config), tenant, work):
        raise CommandFailed(f"There is no record {printable(record_id)} that is not withdrawn.")
    say("Withdrawn.")
