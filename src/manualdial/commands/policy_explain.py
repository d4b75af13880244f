"""`manualdial policy explain`: which rules a dial would be judged by, without a service and without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from manualdial import numbers
from manualdial.app.adapters import policies_for, tenants_for
from manualdial.commands.check import At, Campaign, ForPurpose, Number, Region, ZipCode
from manualdial.commands.configuration import ConfigFile, configuration
from manualdial.commands.failure import CommandFailed, WronglyCalled
from manualdial.commands.record_options import moment
from manualdial.commands.terminal import output, say
from manualdial.commands.verdict import MARKS, STYLES
from manualdial.config import Config
from manualdial.errors import ManualDialError
from manualdial.explaining.foreseen import Foreseen, foresee
from manualdial.explaining.rule_in_words import asks, lifted_by
from manualdial.explaining.verdict import SOURCES, here, wherever
from manualdial.law.facts import Facts, located, of_postal_code
from manualdial.law.policies import Policies
from manualdial.law.rule import Rule
from manualdial.law.verdict import Decision, Finding
from manualdial.law.zones import zones_of
from manualdial.numbers import PhoneNumber
from manualdial.places.by_number import of_number
from manualdial.places.place import Whereabouts
from manualdial.plain_text import listed, printable

EXAMPLE = "Example: manualdial policy explain '+1 305 555 0100' --purpose sales --at 2026-11-24T20:30-05:00"

_UNKNOWN = "?"
_MOST_PLACES = 6


def explain(
    number: Number,
    at: At = None,
    purpose: ForPurpose = None,
    zip_code: ZipCode = None,
    region: Region = None,
    campaign: Campaign = None,
    tenant: Annotated[
        str | None, typer.Option(metavar="TENANT", help="With the settings of this tenant. Default: those for all.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Show every rule that a dial to a number would be judged by, and what it asks.

    No service and no database is asked: lists, records, closures and earlier attempts are not looked at.
    """
    settings = configuration(config)
    policies = policies_for(settings)
    _warn_of_stranger(tenant, settings)
    own = tenants_for(settings, policies).of(tenant or "")
    read = _read(number, region or settings.dialing.default_region)
    facts = Facts(
        at=datetime.now(UTC) if at is None else moment(at, "--at"),
        number=read,
        purpose=purpose or own.purpose,
        campaign_id=campaign,
        located=_located(read, zip_code, settings),
        numbered=of_number(read),
        settings=own.screening,
    )
    out = output()
    out.print(_about(facts))
    found = foresee(facts, policies)
    for finding in found.configured:
        out.print(_headed(finding.rule, finding.decision, f"{finding.reason} (configuration)"))
    for rule, finding_of_law in found.rules:
        out.print(_of_law(rule, finding_of_law))
    out.print(_closing(found, facts, policies))


def _warn_of_stranger(tenant: str | None, settings: Config) -> None:
    """Say on standard error that a tenant has no settings of its own: its name may be spelt wrongly."""
    if tenant is not None and tenant.casefold() not in {name.casefold() for name in settings.tenants}:
        say(f"The tenant {printable(tenant)} has no settings of its own: those for all.")


def _read(typed: str, region: str) -> PhoneNumber:
    try:
        return numbers.parse(typed, region=region.strip().upper())
    except ManualDialError as error:
        raise CommandFailed(f"{error}.") from None


def _located(number: PhoneNumber, zip_code: str | None, settings: Config) -> Whereabouts:
    if zip_code is not None and of_postal_code(zip_code) is None:
        raise WronglyCalled(f"{printable(zip_code)} is no postal code that is known.")
    return located(number, zip_code=zip_code, residences=(), no_place=settings.screening.no_place)


def _about(facts: Facts) -> Text:
    number, names = facts.number, zones_of(facts.located.places)
    shown = listed([place.jurisdiction for place in facts.located.places], most=_MOST_PLACES)
    text = Text().append(f"{number.e164}, {number.region}, {number.type.replace('_', ' ')}", style="bold")
    text.append(f"\nin {shown or 'no place'}, known by: {SOURCES[facts.located.source.value]}")
    if facts.numbered.places and facts.numbered != facts.located:
        text.append(f"; the number belongs to {', '.join(place.jurisdiction for place in facts.numbered.places)}")
    text.append(f"\n{facts.purpose}, {here(facts.at)}" + (f" – {wherever(facts.at, names)}" if names else ""))
    text.append(
        "\nLists, records, closures and earlier attempts were not looked at; `manualdial check` asks the service.\n",
        style="yellow",
    )
    return text


def _of_law(rule: Rule, finding: Finding | None) -> Text:
    if finding is None:
        text = _headed(rule.rule, None, "not looked at")
    else:
        text = _headed(rule.rule, finding.decision, finding.reason)
    text.append(f"\n    asks: {printable(asks(rule))}")
    if exemptions := lifted_by(rule):
        text.append(f"\n    lifted by: {printable('; '.join(exemptions))}")
    return text.append(f"\n    law: {printable(rule.law)}", style="dim")


def _headed(name: str, decision: Decision | None, reason: str) -> Text:
    mark, style = (_UNKNOWN, "yellow") if decision is None else (MARKS[decision], STYLES[decision])
    return Text().append(f"{mark} ", style=style).append(name, style="bold").append(f": {printable(reason)}")


def _closing(found: Foreseen, facts: Facts, policies: Policies) -> Text:
    text = Text()
    if found.has_hours:
        text.append(f"\n{_hours(found.permitted_at, facts)}", style="bold")
    if found.off:
        text.append(
            f"\nOf these places {found.off} rules are switched off (manualdial policy list --jurisdiction CODE --all)."
        )
    return text.append(f"\nPolicies {policies.version.name} {policies.version.version}.", style="dim")


def _hours(permitted_at: datetime | None, facts: Facts) -> str:
    if permitted_at is None:
        return "Waiting alone does not help."
    if permitted_at == facts.at:
        return "The calling hours permit it at that moment."
    names = zones_of(facts.located.places)
    return f"The calling hours permit it from {wherever(permitted_at, names)} on – {here(permitted_at)} here."
