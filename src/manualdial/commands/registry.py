"""`manualdial registry`: the copies of national do-not-call registries that dials are judged by."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import TextColumn

from manualdial.app.adapters import policies_for
from manualdial.commands.configuration import ConfigFile, configuration
from manualdial.commands.failure import CommandFailed, WronglyCalled, group
from manualdial.commands.progress import progress_bar
from manualdial.commands.record_options import Json, time_shown
from manualdial.commands.registry_options import (
    area_codes_said,
    check_name,
    columns_said,
    covered,
    instant,
    plan_of,
    remarks_on,
)
from manualdial.commands.terminal import notices, output, print_json_lines, say, table
from manualdial.config import ConfigurationError
from manualdial.law.registry_look import RegistryUnreadable
from manualdial.plain_text import counted, printable
from manualdial.registries import HeldCopies
from manualdial.registries.area_codes import codes_of
from manualdial.registries.edition import Edition, ImportKind
from manualdial.registries.held_copies import registry_file
from manualdial.registries.importing import Doubtful, ImportFailed, Order, import_registry
from manualdial.registries.importing import Progress as ImportProgress
from manualdial.registries.sources import SourceUnreadable
from manualdial.registries.workspace import ImportRunning, rejects_file, remove_registry

_E164 = re.compile(r"\+[1-9][0-9]{3,14}")
_AROUND_DIGITS = re.compile(r"[\s().-]")
_MIB = 1 << 20

application = group("The held copies of national do-not-call registries.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The registry: us-national, ca-national, uk-tps, us-tx …")]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        metavar="FOLDER",
        help="Where the copies lie. Default: screening.registries_path of the settings.",
    ),
]


@application.command(
    name="import", epilog="Example: manualdial registry import us-national list.zip --as-of 2026-11-20 --all-area-codes"
)
def import_list(
    name: Name,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Text, gzip or zip; - is standard input.")],
    as_of: Annotated[
        str, typer.Option(metavar="INSTANT", help="When the registry made the list: 2026-11-20, or with time and zone.")
    ],
    edition: Annotated[str, typer.Option(metavar="TEXT", help="Its name in the evidence. Default: the instant.")] = "",
    changes: Annotated[bool, typer.Option("--changes", help="A change list, applied to the held copy.")] = False,
    columns: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Columns of a change list: operation, area-code, number; - is passed over."),
    ] = "",
    calling_code: Annotated[
        str, typer.Option(metavar="DIGITS", help="Of the numbers. Default: from the registry's name.")
    ] = "",
    area_codes: Annotated[str, typer.Option(metavar="CODES", help="The area codes that were bought: 202,703.")] = "",
    area_codes_from: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with the area codes that were bought.")
    ] = None,
    all_area_codes: Annotated[bool, typer.Option("--all-area-codes", help="All of the country were bought.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Take a list that looks like a mistake.")] = False,
    directory: Directory = None,
    as_json: Json = False,
    config: ConfigFile = None,
) -> None:
    """Import a list.

    The copy that is held is looked up until the new one is complete, and stays where the import is cut off. A list
    looks like a mistake where more than a tenth of its rows have no number, where it has no number of a code it is
    said to cover or that the copy that is held has numbers of, where it is older than that copy, or has less than half
    of its numbers. With --all-area-codes a tenth of the country's codes may have no number; they are not covered.
    """
    check_name(name)
    if len(set(files)) < len(files):
        raise WronglyCalled("a file is named twice.")
    plan = plan_of(name, calling_code)
    codes = area_codes_said(area_codes, file=area_codes_from, every=all_area_codes)
    order = Order(
        registry=name,
        edition=edition or as_of,
        as_of=instant(as_of),
        kind=ImportKind.CHANGES if changes else ImportKind.FULL,
        sources=tuple(files),
        plan=plan,
        covered=covered(name, codes, plan, changes=changes),
        columns=columns_said(columns, changes=changes),
        force=force,
    )
    made = _import(order, _directory(directory, config))
    if all_area_codes:
        _name_codes_without_numbers(made)
    if as_json:
        print_json_lines([_shown(made)])
    else:
        _report(made, _directory(directory, config))
    _remark(made, config)


@application.command(name="list", epilog="Example: manualdial registry list")
def list_copies(directory: Directory = None, as_json: Json = False, config: ConfigFile = None) -> None:
    """List the copies that are held. Exit code 1 where one cannot be read."""
    held = HeldCopies(_directory(directory, config))
    now = datetime.now(UTC)
    rows: list[tuple[str, ...]] = [("REGISTRY", "EDITION", "AS OF", "AGE", "NUMBERS", "COVERS", "SIZE")]
    faults = []
    for name in held.names():
        try:
            copy = held.copy(name)
        except RegistryUnreadable as fault:
            faults.append(f"{fault}.")
            continue
        if copy is None:
            continue
        if as_json:
            print_json_lines([_shown(copy.edition) | {"ageDays": _age(copy.edition, now), "bytes": copy.size}])
        rows.append(_row(copy.edition, copy.size, now))
    if not as_json and len(rows) > 1:
        output().print(table(rows, styles=("bold",)))
    if faults:
        raise CommandFailed(" ".join(faults))
    if len(rows) == 1:
        say("No copy is held yet; `manualdial registry import` makes one.")


@application.command(name="look-up", epilog="Example: manualdial registry look-up +12025550100")
def look_up(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="With its plus and calling code.")],
    registries: Annotated[
        list[str] | None,
        typer.Option("--registry", metavar="NAME", help="May be repeated. Default: all that are there."),
    ] = None,
    directory: Directory = None,
    as_json: Json = False,
    config: ConfigFile = None,
) -> None:
    """Look a number up in the held copies."""
    e164 = _AROUND_DIGITS.sub("", number)
    if not _E164.fullmatch(e164):
        raise WronglyCalled("a number is looked up with its plus and calling code, such as +12025550100.")
    held = HeldCopies(_directory(directory, config))
    rows = []
    for name in registries or held.names():
        check_name(name)
        try:
            look = held.look_up(name, e164)
        except RegistryUnreadable as fault:
            raise CommandFailed(f"{fault}.") from None
        standing = look.standing.value if look else "no copy is held"
        as_of = time_shown(look.as_of) if look else ""
        if as_json:
            of_copy = {"edition": look.edition, "asOf": look.as_of.isoformat()} if look else {}
            print_json_lines([{"registry": name, "standing": look and standing, **of_copy}])
        rows.append((name, standing, printable(look.edition) if look else "", as_of))
    if not rows:
        raise CommandFailed("No copy is held.")
    if not as_json:
        output().print(table(rows, styles=("bold",)))


@application.command(epilog="Example: manualdial registry remove us-tx --yes")
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    directory: Directory = None,
    config: ConfigFile = None,
) -> None:
    """Remove a copy. Dials that need it are refused from then on."""
    check_name(name)
    if not yes and not typer.confirm(f"Remove the copy of {name}?", err=True):
        raise CommandFailed("Nothing was removed.")
    try:
        removed = remove_registry(_directory(directory, config), name)
    except ImportRunning as error:
        raise CommandFailed(f"{error}.") from None
    except OSError as error:
        raise CommandFailed(f"The copy of {name} cannot be removed: {error.strerror}.") from None
    if not removed:
        raise CommandFailed(f"No copy of {name} is held.")
    say(f"The copy of {name} is gone.")


# ── the work, and what is told of it ─────────────────────────────────────────────────────────────────────────────────


def _import(order: Order, directory: Path) -> Edition:
    try:
        with _bar() as progress:
            return import_registry(order, directory, now=datetime.now(UTC), progress=progress)
    except Doubtful as doubt:
        raise CommandFailed(f"Nothing was changed: {doubt}. If that is right, say --force.") from None
    except (ImportFailed, SourceUnreadable, ImportRunning) as error:
        raise CommandFailed(f"Nothing was changed: {error}.") from None
    except RegistryUnreadable as fault:
        raise CommandFailed(f"Nothing was changed: {fault}. Import the full list.") from None
    except OSError as error:
        raise CommandFailed(f"Nothing was changed: {error.strerror or error} ({directory}).") from None
    except KeyboardInterrupt:
        raise CommandFailed("Stopped. Nothing was changed.") from None


@contextmanager
def _bar() -> Iterator[Callable[[ImportProgress], None]]:
    """A bar of the progress on a terminal, nothing anywhere else."""
    console = notices()
    if not console.is_terminal:
        yield lambda now: None
        return
    with progress_bar(console, TextColumn("{task.fields[numbers]:,} numbers")) as shown:
        tasks: dict[str, Any] = {}

        def progress(now: ImportProgress) -> None:
            if now.stage not in tasks:
                tasks[now.stage] = shown.add_task(now.stage.value, total=now.total, numbers=now.numbers)
            shown.update(tasks[now.stage], completed=now.done, numbers=now.numbers)

        yield progress


def _report(made: Edition, directory: Path) -> None:
    counts = made.counts
    changes = f", {counts.added:,} added and {counts.removed:,} removed" if made.changed_sha256 else ""
    say(
        f"{made.registry}: {counted(counts.numbers, 'number')} as of {time_shown(made.as_of)}{changes}; "
        f"{counted(counts.rows, 'row')}, {counts.duplicates:,} of them twice, {counts.rejected:,} rejected."
    )
    if counts.rejected:
        say(f"The first rejected rows are in {rejects_file(registry_file(directory, made.registry))}.")


def _remark(made: Edition, config: Path | None) -> None:
    try:
        policies = policies_for(configuration(config))
    except ConfigurationError:  # `doctor` says so; the list is imported all the same
        return
    for remark in remarks_on(made, policies, now=datetime.now(UTC)):
        say(remark)


def _name_codes_without_numbers(made: Edition) -> None:
    empty = codes_of(made.registry).left_out(made.covered)
    if empty:
        codes = counted(len(empty), "area code")
        say(f"{codes} in service without a number in the list, not covered: {', '.join(empty)}.")
        say("If they were bought and nobody is listed there, name all codes with --area-codes, and say --force.")


def _age(edition: Edition, now: datetime) -> int:
    return (now - edition.as_of).days


def _row(edition: Edition, size: int, now: datetime) -> tuple[str, ...]:
    codes = [prefix.removeprefix(edition.calling_code) for prefix in edition.covered]
    shown = ", ".join(codes[:5]) + (f" … ({len(codes)})" if len(codes) > 5 else "")
    return (
        edition.registry,
        printable(edition.edition),
        time_shown(edition.as_of),
        counted(_age(edition, now), "day"),
        f"{edition.counts.numbers:,}",
        f"all of +{edition.calling_code}" if edition.covers_all else f"+{edition.calling_code} {shown}",
        f"{size / _MIB:.1f} MiB",
    )


def _shown(edition: Edition) -> dict[str, object]:
    counts = edition.counts
    return {
        "registry": edition.registry,
        "edition": edition.edition,
        "asOf": edition.as_of.isoformat(),
        "importedAt": edition.imported_at.isoformat(),
        "kind": edition.kind.value,
        "callingCode": edition.calling_code,
        "covered": list(edition.covered),
        "numbers": counts.numbers,
        "rows": counts.rows,
        "duplicates": counts.duplicates,
        "rejected": counts.rejected,
        "added": counts.added,
        "removed": counts.removed,
        "sources": [{"name": one.name, "bytes": one.size, "sha256": one.sha256} for one in edition.sources],
        "sha256": edition.body_sha256,
    }


def _directory(chosen: Path | None, config: Path | None) -> Path:
    return chosen or Path(configuration(config).screening.registries_path)
