"""What `manualdial doctor` says of the screening: the policies, and the copies of registries that they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from manualdial.commands.findings import Finding, fail, ok, warn
from manualdial.config import Config, ConfigurationError
from manualdial.screening.facts import EVERY
from manualdial.screening.policies import Policies
from manualdial.screening.registry_look import RegistryUnreadable

_NAMED = 6
"""So many registries are named one by one."""


def check_screening(config: Config) -> Iterator[Finding]:
    """Whether the policies can be used, and whether the registries that are to be asked can be."""
    from manualdial.app import policies_for, tenants_for  # takes a second, which a fault above spares

    try:
        policies = policies_for(config)
        tenants_for(config, policies)
    except ConfigurationError as error:
        yield fail("policies", str(error), "manualdial policy check DIRECTORY tells what is wrong")
        return
    on = sum(rule.on for rule in policies.rules())
    yield ok("policies", f"{on} rules are applied, version {policies.version.version}")
    yield from _check_registries(config, policies)


def _check_registries(config: Config, policies: Policies) -> Iterator[Finding]:
    from manualdial.app import registries_for

    required = frozenset(config.screening.registries)
    held, lacking, old, damaged = registries_for(config), [], [], False
    for rule in policies.rules():
        name = rule.rule.partition(".")[2]
        if not rule.on or rule.registry is None or rule.registry.answers_only or not required & {name, EVERY}:
            continue
        try:
            copy = held.copy(name)
        except RegistryUnreadable as fault:
            damaged = True
            yield fail("registries", str(fault), f"manualdial registry import {name} with the files again")
            continue
        if copy is None:
            lacking.append(name)
        elif (datetime.now(UTC) - copy.edition.as_of).days >= rule.registry.max_age_days:
            old.append(name)
    if lacking:
        mend = "manualdial registry import, or leave them out of screening.registries"
        yield warn("registries", f"no copy of {_listed(lacking)}: sales there are refused", mend)
    if old:
        yield warn("registries", f"too old: {_listed(old)}: sales there are refused", "import the newest edition")
    if not (lacking or old or damaged):
        yield ok("registries", "every registry that must be asked can be" if required else "none must be asked")


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
