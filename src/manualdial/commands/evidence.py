"""`manualdial evidence`: the chain of evidence, its proof, and what an auditor gets. Works on the database itself."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from manualdial.audit.chain import is_link, prove
from manualdial.audit.export import Export, compared, document, gather
from manualdial.audit.journal import CheckedChain, fault, missing_links, sentence, shown, whole
from manualdial.audit.page import page
from manualdial.commands.configuration import ConfigFile, configuration, for_tenant, tenant_of, with_store
from manualdial.commands.evidence_list import LIST_EXAMPLE, list_links
from manualdial.commands.failure import CommandFailed, WronglyCalled, group
from manualdial.commands.progress import counter
from manualdial.commands.record_options import Json, Region, Tenant, number_of, span
from manualdial.commands.terminal import json_block, output, print_json_lines, say
from manualdial.config import Config
from manualdial.evidence import GENESIS, Head
from manualdial.imports.number_files import private_file
from manualdial.plain_text import counted, printable
from manualdial.ports import Storage

_HEAD = re.compile(r"(\d{1,18}):([0-9a-fA-F]{64})")

Expect = Annotated[
    str | None,
    typer.Option(metavar="SEQ:SEAL", help="The end of the chain as an earlier proof told it, kept elsewhere."),
]

application = group("The evidence of every attempt, and its proof.")
application.command(name="list", epilog=LIST_EXAMPLE)(list_links)


@application.command(epilog='Example: manualdial evidence verify --tenant acme --expect "$(tail -n 1 heads.txt)"')
def verify(
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="TENANT", help="Whose chain. Default: all of them.")
    ] = None,
    expect: Expect = None,
    as_json: Json = False,
    config: ConfigFile = None,
) -> None:
    """Prove that no link of a chain was changed, left out or put in. If one was: the first such link, and exit code 1.

    Links that are cut off at the end leave no trace in the chain: keep its end elsewhere, and hand it in by --expect.
    A whole chain is compared with the journal too: calls without their links are named, and the exit code is 1.
    """
    expects = None if expect is None else _head(expect)
    proofs = _proofs(configuration(config), tenant, expects)
    if not proofs:
        raise CommandFailed("There is no tenant yet; `manualdial user add` makes one.")
    for each in proofs:
        if as_json:
            print_json_lines([shown(each)])
        elif each.holds:
            output().print(whole(each), markup=False)
    faults = [f"{printable(each.tenant)}: {fault(each)}" for each in proofs if not each.holds]
    if faults:
        raise CommandFailed(" ".join(faults))


@application.command(epilog="Example: manualdial evidence head --tenant acme >> heads.txt")
def head(tenant: Tenant = None, config: ConfigFile = None) -> None:
    """Print SEQ:SEAL of a chain's last link, to be kept elsewhere. It proves nothing by itself: `verify` does."""
    found = for_tenant(configuration(config), tenant, lambda store, tenant_id: store.evidence_head(tenant_id))
    output().out(str(found))


@application.command(epilog="Example: manualdial evidence show 4711")
def show(
    seq: Annotated[int, typer.Argument(metavar="SEQ", min=1, help="The number of the link.")],
    tenant: Tenant = None,
    config: ConfigFile = None,
) -> None:
    """Show one link, with its seal and the one before it."""

    async def work(store: Storage, tenant_id: str) -> dict[str, Any]:
        links = await store.evidence(tenant_id, after=max(seq - 2, 0), limit=2)
        link = next((each for each in links if each.seq == seq), None)
        if link is None:
            raise CommandFailed(f"The chain has no link {seq}.")
        if not is_link(link.body, link.seal):
            raise CommandFailed(f"What is stored as link {seq} cannot be read as one.")
        before = next((each.seal for each in links if each.seq == seq - 1), GENESIS if seq == 1 else None)
        try:
            body: Any = link.to_json()
        except ValueError:
            body = {"body": link.body.decode(errors="replace")}
        seals = {"sealBefore": None if before is None else before.hex(), "seal": link.seal.hex()}
        return {"link": body, **seals}

    output().out(json_block(for_tenant(configuration(config), tenant, work)))


@application.command(epilog="Example: manualdial evidence export --number +12025550100 --output for-the-auditor/")
def export(
    number: Annotated[str, typer.Option(metavar="NUMBER", help="With its plus, or as it is dialled in the region.")],
    to: Annotated[
        Path, typer.Option("--output", metavar="PATH", help="A folder, or the name of the .json or .html file.")
    ],
    begins: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Attempts from then on; ISO 8601 with offset.")
    ] = None,
    ends: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Attempts before then.")] = None,
    expect: Expect = None,
    region: Region = None,
    tenant: Tenant = None,
    config: ConfigFile = None,
) -> None:
    """Write what an auditor gets about a number: JSON to be recomputed, and a page to be read.

    The whole chain is proved on the way, against the end that --expect hands in. Where it is broken both files say so,
    and the exit code is 1.
    """
    settings, now = configuration(config), datetime.now(UTC)
    e164 = number_of(number, region, settings)
    since, until = span(begins, ends)
    files, expects = _files(to, e164), None if expect is None else _head(expect)

    async def work(store: Storage) -> Export:
        whose = await tenant_of(store, tenant)
        with counter("proving the chain", "links") as progress:
            return await gather(
                store, whose, number=e164, begins=since, ends=until, at=now, expects=expects, progress=progress
            )

    made = with_store(settings, work)
    try:
        _write(made, files)
    except OSError as error:
        raise CommandFailed(f"{error.filename or to} cannot be written: {error.strerror}.") from None
    attempts, links = counted(made.attempts, "attempt"), counted(len(made.links), "link")
    say(f"{attempts} in {links}: {files[0]} and {files[1].name}.")
    say(compared(made))
    if made.proof.broken is not None:
        raise CommandFailed(sentence(made.proof))


def _proofs(settings: Config, tenant: str | None, expects: Head | None) -> list[CheckedChain]:
    async def work(store: Storage) -> list[CheckedChain]:
        if tenant is not None or expects is not None:
            tenants = [await tenant_of(store, tenant)]
        else:
            tenants = sorted(await store.tenants(), key=lambda each: each[1])
        proofs = []
        for tenant_id, name in tenants:
            with counter("proving the chain", "links") as progress:
                proven = await prove(store, tenant_id, expects=expects, progress=progress)
            with counter("comparing it with the journal", "calls") as progress:
                missing = await missing_links(store, tenant_id, proven, progress=progress) if proven.whole else ()
            proofs.append(CheckedChain(tenant=name, proven=proven, missing=missing))
        return proofs

    return with_store(settings, work)


def _files(to: Path, number: str) -> tuple[Path, Path]:
    """Where the JSON and the page go. Raises WronglyCalled for the name of a file of another kind."""
    if not to.is_dir():
        if to.suffix.lower() in (".json", ".html"):
            return to.with_suffix(".json"), to.with_suffix(".html")
        if to.suffix:
            raise WronglyCalled("--output is a folder, or the name of a .json or .html file.")
    name = f"evidence-{number.lstrip('+')}"
    return to / f"{name}.json", to / f"{name}.html"


def _write(made: Export, files: tuple[Path, Path]) -> None:
    json_file, html_file = files
    if not json_file.parent.exists():
        os.makedirs(json_file.parent, mode=0o700)
    data = json_block(document(made))
    for file, text in ((json_file, data + "\n"), (html_file, page(made, json_file.name))):
        with private_file(file) as opened:
            opened.write(text)


def _head(text: str) -> Head:
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise WronglyCalled("--expect is SEQ:SEAL as `evidence head` prints it.")
    return Head(int(found[1]), bytes.fromhex(found[2]))
