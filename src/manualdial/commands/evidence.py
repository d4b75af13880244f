"""`manualdial evidence`: the chain of evidence, its proof, and what an auditor gets. Works on the database itself."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manualdial.commands.configuration import ConfigFile, configuration
from manualdial.commands.database import existing_store
from manualdial.commands.evidence_chain import Head, head_of, head_told, is_link, prove
from manualdial.commands.evidence_checked import Checked, fault, sentence, shown, whole
from manualdial.commands.evidence_journal import missing_links
from manualdial.commands.evidence_list import LIST_EXAMPLE, list_links
from manualdial.commands.failure import CommandFailed, CommandGroup, WronglyCalled
from manualdial.commands.number_files import private_file
from manualdial.commands.record_options import Json, Region, Tenant, for_tenant, moment, number_of, region_of, tenant_of
from manualdial.commands.terminal import counted, json_block, json_line, notices, output, printable
from manualdial.config import Config
from manualdial.evidence import GENESIS
from manualdial.ports import Storage

if TYPE_CHECKING:
    from manualdial.commands.evidence_export import Export

_HEAD = re.compile(r"(\d{1,18}):([0-9a-fA-F]{64})")

Expect = Annotated[
    str | None,
    typer.Option(metavar="SEQ:SEAL", help="The end of the chain as an earlier proof told it, kept elsewhere."),
]

evidence = typer.Typer(cls=CommandGroup, no_args_is_help=True, help="The evidence of every attempt, and its proof.")
evidence.command(name="list", epilog=LIST_EXAMPLE)(list_links)


@evidence.command(epilog='Example: manualdial evidence verify --tenant acme --expect "$(tail -n 1 heads.txt)"')
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
    proofs = asyncio.run(_proofs(configuration(config), tenant, expects))
    if not proofs:
        raise CommandFailed("There is no tenant yet; `manualdial user add` makes one.")
    for each in proofs:
        if as_json:
            output().out(json_line(shown(each)))
        elif each.holds:
            output().print(whole(each), markup=False)
    faults = [f"{printable(each.tenant)}: {fault(each)}" for each in proofs if not each.holds]
    if faults:
        raise CommandFailed(" ".join(faults))


@evidence.command(epilog="Example: manualdial evidence head --tenant acme >> heads.txt")
def head(tenant: Tenant = None, config: ConfigFile = None) -> None:
    """Print SEQ:SEAL of a chain's last link, to be kept elsewhere. It proves nothing by itself: `verify` does."""
    output().out(head_told(for_tenant(configuration(config), tenant, head_of)))


@evidence.command(epilog="Example: manualdial evidence show 4711")
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
            told: Any = link.told()
        except ValueError:
            told = {"body": link.body.decode(errors="replace")}
        seals = {"sealBefore": None if before is None else before.hex(), "seal": link.seal.hex()}
        return {"link": told, **seals}

    output().out(json_block(for_tenant(configuration(config), tenant, work)))


@evidence.command(epilog="Example: manualdial evidence export --number +12025550100 --output for-the-auditor/")
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

    from manualdial.commands.evidence_export import end_told

    settings, now = configuration(config), datetime.now(UTC)
    e164 = number_of(number, region_of(region, settings)).e164
    since = None if begins is None else moment(begins, "--from")
    until = None if ends is None else moment(ends, "--until")
    if since is not None and until is not None and until <= since:
        raise WronglyCalled("--until must be after --from.")
    files, expects = _files(to, e164), None if expect is None else _head(expect)
    made = asyncio.run(_exported(settings, tenant, number=e164, begins=since, ends=until, at=now, expects=expects))
    try:
        _write(made, files)
    except OSError as error:
        raise CommandFailed(f"{error.filename or to} cannot be written: {error.strerror}.") from None
    attempts, links = counted(made.attempts, "attempt"), counted(len(made.links), "link")
    notices().print(f"{attempts} in {links}: {files[0]} and {files[1].name}.", markup=False)
    notices().print(end_told(made), markup=False)
    if made.proof.broken is not None:
        raise CommandFailed(sentence(made.proof))


async def _proofs(settings: Config, tenant: str | None, expects: Head | None) -> list[Checked]:
    async with existing_store(settings) as store:
        if tenant is not None or expects is not None:
            tenants = [await tenant_of(store, tenant)]
        else:
            tenants = sorted(await store.tenants(), key=lambda each: each[1])
        proofs = []
        for tenant_id, name in tenants:
            with _counter("proving the chain", "links") as progress:
                proven = await prove(store, tenant_id, expects=expects, progress=progress)
            with _counter("comparing it with the journal", "calls") as progress:
                missing = await missing_links(store, tenant_id, proven, progress=progress) if proven.whole else ()
            proofs.append(Checked(tenant=name, proven=proven, missing=missing))
        return proofs


async def _exported(
    settings: Config,
    tenant: str | None,
    *,
    number: str,
    begins: datetime | None,
    ends: datetime | None,
    at: datetime,
    expects: Head | None,
) -> Export:
    from manualdial.commands.evidence_export import gather

    async with existing_store(settings) as store:
        whose = await tenant_of(store, tenant)
        with _counter("proving the chain", "links") as progress:
            return await gather(
                store, whose, number=number, begins=begins, ends=ends, at=at, expects=expects, progress=progress
            )


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
    from manualdial.commands.evidence_export import document
    from manualdial.commands.evidence_page import page

    json_file, html_file = files
    if not json_file.parent.exists():
        os.makedirs(json_file.parent, mode=0o700)
    data = json_block(document(made))
    for file, text in ((json_file, data + "\n"), (html_file, page(made, json_file.name))):
        with private_file(file) as opened:
            opened.write(text)


@contextmanager
def _counter(doing: str, things: str) -> Iterator[Callable[[int], None]]:
    """What shows how many things are read: on a terminal, nothing anywhere else."""
    console = notices()
    if not console.is_terminal:
        yield lambda count: None
        return
    with console.status(doing) as status:
        yield lambda count: status.update(f"{doing}: {count:,} {things}")


def _head(text: str) -> Head:
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise WronglyCalled("--expect is SEQ:SEAL as `evidence head` prints it.")
    return int(found[1]), bytes.fromhex(found[2])
