"""Which policies a command speaks of: those of the configuration, or those by which an old verdict was given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from manualdial.app.adapters import policies_for
from manualdial.commands.configuration import configuration
from manualdial.commands.database import with_store
from manualdial.commands.failure import CommandFailed
from manualdial.config import Config
from manualdial.law.holiday_sets import HolidaySet, HolidaySets
from manualdial.law.policies import Policies
from manualdial.law.rule import Policy, Rule
from manualdial.law.verdict import PolicyName

Version = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="The policies of this version, as an old verdict names it, from the database."),
]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Policies as the database keeps them with their version (`Policies.data`)."""

    version: PolicyName
    policies: list[Policy]
    holidays: dict[str, HolidaySet]


def policies_in_use(config: Path | None, version: str | None = None) -> Policies:
    """The policies. Raises ConfigurationError, StoreUnavailable, CommandFailed for a version that is not kept."""
    settings = configuration(config)
    return policies_for(settings) if version is None else _kept(settings, version)


def reaching(policies: Policies, jurisdiction: str) -> list[Rule]:
    """The rules, on or off, that may reach a call to that jurisdiction: its own, those above it, those below it."""
    return [
        rule
        for rule in policies.rules()
        if f"{jurisdiction}-".startswith(f"{rule.jurisdiction}-") or rule.jurisdiction.startswith(f"{jurisdiction}-")
    ]


def _kept(settings: Config, version: str) -> Policies:
    data = with_store(settings, lambda store: store.kept_policies(version))
    if data is None:
        raise CommandFailed(f"No service has used policies of the version {version} with this database.")
    try:
        kept = msgspec.json.decode(data, type=Kept)
    except msgspec.DecodeError:
        raise CommandFailed(
            f"The policies of the version {version} were kept in a form that is not read here."
        ) from None
    return Policies(kept.policies, HolidaySets(kept.holidays), version=kept.version.version)
