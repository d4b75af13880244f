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
from manualdial.commands.evidence_chain import Head, Proven, head_of, is_link, prove
from manualdial.commands.failure import CommandFailed, CommandGroup, WronglyCalled
from manualdial.commands.number_files import private_file
from manualdial.commands.record_options import Json, Region, Tenant, for_tenant, moment, number_of, region_of, tenant_of
from manualdial.commands.terminal import json_block, json_line, notices, output, printable
from manualdial.config import Config
from manualdial.evidence import GENESIS
from manualdial.ports import Storage

if TYPE_CHECKING:
    from manualdial.commands.evidence_export import Export

_HEAD = re.compile(r"(\d{1,18}):([0-9a-fA-F]{64})")

evidence = typer.Typer(cls=CommandGroup, no_args_is_help=True, help="The evidence of every attempt, and its proof.")


@evidence.command(epilog="Example: manualdial evidence verify --expect 4711:9f86d081884c7d65…")
def verify(
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="TENANT", help="Whose chain. Default: all of them.")
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(metavar="SEQ:SEAL", help="The end of the chain as an earlier proof told it, kept elsewhere."),
    ] = None,
    as_json: Json = False,
    config: ConfigFile = None,
) -> None:
    """Prove that no link of a chain was changed, left out or put in. If one was: the first such link, and exit code 1.

    Links that are cut off at the end leave no trace in the chain: keep its end elsewhere, and hand it in by --expect.
    """
    expects = None if expect is None else _head(expect)
    proofs = asyncio.run(_proofs(configuration(config), tenant, expects))
    for name, proven in proofs:
        if as_json:
            output().out(json_line({"tenant": name, **_shown(proven)}))
        elif proven.broken is None:
            output().print(_whole(name, proven), markup=False)
    broken = [f"{printable(name)}: {_sentence(proven)}" for name, proven in proofs if proven.broken is not None]
    if broken:
        raise CommandFailed(" ".join(broken))
    if not proofs:
        notices().print("There is no tenant yet.", markup=False)


@evidence.command(epilog="Example: manualdial evidence head >> /mnt/elsewhere/heads.txt")
def head(tenant: Tenant = None, config: ConfigFile = None) -> None:
    """Print SEQ:SEAL of a chain's last link, to be kept elsewhere. It proves nothing by itself: `verify` does."""
    output().out(_told(for_tenant(configuration(config), tenant, head_of)))


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
    region: Region = None,
    tenant: Tenant = None,
    config: ConfigFile = None,
) -> None:
    """Write what an auditor gets about a number: JSON to be recomputed, and a page to be read.

    The whole chain is proved on the way. Where it is broken both files say so, and the exit code is 1.
    """
    settings, now = configuration(config), datetime.now(UTC)
    e164 = number_of(number, region_of(region, settings)).e164
    since = None if begins is None else moment(begins, "--from")
    until = None if ends is None else moment(ends, "--until")
    if since is not None and until is not None and until <= since:
        raise WronglyCalled("--until is after --from.")
    made = asyncio.run(_exported(settings, tenant, number=e164, begins=since, ends=until, at=now))
    files = _files(to, e164)
    try:
        _write(made, files)
    except OSError as error:
        raise CommandFailed(f"{error.filename or to} cannot be written: {error.strerror}.") from None
    told = f"{made.attempts:,} attempts in {len(made.links):,} links: {files[0]} and {files[1].name}."
    notices().print(told, markup=False)
    if made.proof.broken is not None:
        raise CommandFailed(_sentence(made.proof))


async def _proofs(settings: Config, tenant: str | None, expects: Head | None) -> list[tuple[str, Proven]]:
    from manualdial.app import store_for

    async with store_for(settings) as store:
        if tenant is not None or expects is not None:
            tenants = [await tenant_of(store, tenant)]
        else:
            tenants = sorted(await store.tenants(), key=lambda each: each[1])
        proofs = []
        for tenant_id, name in tenants:
            with _counter() as progress:
                proofs.append((name, await prove(store, tenant_id, expects=expects, progress=progress)))
        return proofs


async def _exported(
    settings: Config,
    tenant: str | None,
    *,
    number: str,
    begins: datetime | None,
    ends: datetime | None,
    at: datetime,
) -> Export:
    from manualdial.app import store_for
    from manualdial.commands.evidence_export import gather

    async with store_for(settings) as store:
        whose = await tenant_of(store, tenant)
        with _counter() as progress:
            return await gather(store, whose, number=number, begins=begins, ends=ends, at=at, progress=progress)


def _files(to: Path, number: str) -> tuple[Path, Path]:
    """Where the JSON and the page go."""
    if to.suffix in (".json", ".html") and not to.is_dir():
        return to.with_suffix(".json"), to.with_suffix(".html")
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
def _counter() -> Iterator[Callable[[int], None]]:
    """What shows how many links are read: on a terminal, nothing anywhere else."""
    console = notices()
    if not console.is_terminal:
        yield lambda count: None
        return
    with console.status("proving the chain") as status:
        yield lambda count: status.update(f"proving the chain: {count:,} links")


def _head(text: str) -> Head:
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise WronglyCalled("--expect is SEQ:SEAL as `evidence head` prints it.")
    return int(found[1]), bytes.fromhex(found[2])


def _told(head: Head) -> str:
    return f"{head[0]}:{head[1].hex()}"


def _whole(name: str, proven: Proven) -> str:
    if not proven.count:
        return f"{printable(name)}: the chain has no link yet."
    begins = "" if proven.first == 1 else f", from {proven.first} on; those before were removed by the retention"
    return (
        f"{printable(name)}: whole, {proven.count:,} links{begins}. Its end, to be kept elsewhere: {_told(proven.head)}"
    )


def _sentence(proven: Proven) -> str:
    broken = proven.broken
    return "" if broken is None else f"the chain is broken at link {broken.seq}: {broken.reason}."


def _shown(proven: Proven) -> dict[str, Any]:
    broken = proven.broken
    return {
        "whole": proven.whole,
        "links": proven.count,
        "first": proven.first,
        "head": _told(proven.head),
        "broken": None if broken is None else {"seq": broken.seq, "reason": broken.reason},
    }
