"""`manualdial policy close`, `closures` and `reopen`: a jurisdiction closed for a time, in running services too."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
import typer

from manualdial.commands.configuration import ConfigFile, configuration, tenant_of, with_store
from manualdial.commands.failure import CommandFailed, WronglyCalled
from manualdial.commands.record_options import By, day, moment, recorder, time_shown
from manualdial.commands.terminal import output, print_json_lines, say, table
from manualdial.explaining.verdict import here
from manualdial.law.closure import Closure
from manualdial.law.verdict import Purpose
from manualdial.law.zones import moment_of
from manualdial.places.jurisdictions import canonical_jurisdiction, zones_of
from manualdial.plain_text import printable
from manualdial.ports import Storage

CLOSE_EXAMPLE = "Example: manualdial policy close US-LA --reason 'state of emergency, proclamation 45'"
LIST_EXAMPLE = "Example: manualdial policy closures"
REOPEN_EXAMPLE = "Example: manualdial policy reopen 6f1c2a34-0a5e-4b7e-9a55-0b7f3f0f2f10"

_MINUTES_OF_A_DAY = 1440


def close(
    jurisdiction: Annotated[
        str, typer.Argument(metavar="JURISDICTION", help="ISO 3166: US-LA, FR. What is below too.")
    ],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is told in each verdict.")],
    begins: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="From when on; ISO 8601 with offset. Default: now.")
    ] = None,
    ends: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="The first moment after it. Default: until it is reopened."),
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="That whole day, in every time zone of the place.")
    ] = None,
    purpose: Annotated[
        list[Purpose] | None, typer.Option(help="For these calls; may be repeated. Default: sales.")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(metavar="TENANT", help="For this tenant alone. Default: for all.")
    ] = None,
    by: By = None,
    config: ConfigFile = None,
) -> None:
    """Close a jurisdiction: nobody there is called until it ends, whatever consent there is.

    A running service heeds it within a second. Calls that are up stay up.
    """
    place = _place(jurisdiction)
    first, after = _span(place, begins=begins, ends=ends, on=on)
    if not reason.strip():
        raise WronglyCalled("a closure has a reason: --reason TEXT.")
    closure = Closure(
        id=str(uuid.uuid4()),
        tenant_id=None,
        jurisdiction=place,
        begins=first,
        ends=after,
        purposes=frozenset(purpose or [Purpose.SALES]),
        reason=reason.strip(),
        closed_by=recorder(by),
    )

    async def work(store: Storage) -> None:
        of_tenant = None if tenant is None else (await tenant_of(store, tenant))[0]
        await store.add_closure(msgspec.structs.replace(closure, tenant_id=of_tenant))

    with_store(configuration(config), work, make=True)
    output().print(closure.id, markup=False)
    until = "until it is reopened" if after is None else f"to {here(after)}"
    say(f"{place} is closed for {', '.join(sorted(closure.purposes))} from {here(first)} {until}.")


def closures(
    as_json: Annotated[bool, typer.Option("--json", help="One closure a line, as JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """List the closures that are in force or still to come."""

    async def work(store: Storage) -> tuple[Sequence[Closure], Mapping[str, str]]:
        return await store.closures(ending_after=datetime.now(UTC)), dict(await store.tenants())

    found, tenants = with_store(configuration(config), work)
    if as_json:
        print_json_lines(_json(one, tenants) for one in found)
        return
    if not found:
        say("No jurisdiction is closed.")
        return
    heading = ("ID", "PLACE", "FOR", "FROM", "UNTIL", "TENANT", "BY", "REASON")
    output().print(table([heading, *(_row(one, tenants) for one in found)]))


def reopen(
    closure_id: Annotated[str, typer.Argument(metavar="ID", help="The closure, as `closures` lists it.")],
    by: By = None,
    config: ConfigFile = None,
) -> None:
    """End a closure now. It stays on record."""
    wanted, who, now = closure_id.strip().lower(), recorder(by), datetime.now(UTC)
    if not with_store(configuration(config), lambda store: store.lift_closure(wanted, at=now, by=who)):
        raise CommandFailed(f"There is no closure {printable(closure_id)} that has not ended.")
    say("Reopened.")


def _place(jurisdiction: str) -> str:
    """Raises WronglyCalled for a place that no number and no address is ever placed in."""
    place = canonical_jurisdiction(jurisdiction)
    if place is None:
        raise WronglyCalled(f"{printable(jurisdiction)} is no jurisdiction; one is written as US-LA or FR.")
    if "-" in jurisdiction and "-" not in place:
        raise WronglyCalled(f"parts of {place} are not told apart; {place} closes all of it.")
    return place


def _span(place: str, *, begins: str | None, ends: str | None, on: str | None) -> tuple[datetime, datetime | None]:
    """The first moment, and the first after it. Raises WronglyCalled."""
    if on is not None and (begins is not None or ends is not None):
        raise WronglyCalled("--on goes without --from and --until.")
    now = datetime.now(UTC)
    first = now if begins is None else moment(begins, "--from")
    after = None if ends is None else moment(ends, "--until")
    if on is not None:
        first, after = _whole_day(place, day(on, "--on"))
    if after is not None and after <= max(first, now):
        raise WronglyCalled("the closure would be over before it begins, or is over already.")
    return first, after


def _whole_day(place: str, chosen: date) -> tuple[datetime, datetime]:
    """From where the day begins first to where it ends last."""
    names = zones_of(place)
    try:
        first = min(moment_of(chosen, 0, name) for name in names)
        return first, max(moment_of(chosen, _MINUTES_OF_A_DAY, name) for name in names)
    except OverflowError:
        raise WronglyCalled("--on is a day of these times.") from None


def _json(one: Closure, tenants: Mapping[str, str]) -> dict[str, object]:
    return {
        "id": one.id,
        "jurisdiction": one.jurisdiction,
        "tenant": None if one.tenant_id is None else tenants.get(one.tenant_id, one.tenant_id),
        "begins": one.begins.isoformat(),
        "ends": None if one.ends is None else one.ends.isoformat(),
        "purposes": sorted(one.purposes),
        "reason": one.reason,
        "closedBy": one.closed_by,
    }


def _row(one: Closure, tenants: Mapping[str, str]) -> tuple[str, ...]:
    tenant = "all" if one.tenant_id is None else tenants.get(one.tenant_id, one.tenant_id)
    ends = "reopened" if one.ends is None else time_shown(one.ends)
    cells = (one.id, one.jurisdiction, ", ".join(sorted(one.purposes)), time_shown(one.begins), ends, tenant)
    return tuple(map(printable, (*cells, one.closed_by, one.reason)))
