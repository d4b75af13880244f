"""The checks of `manualdial doctor` on the screening: policies, copies of registries, statements of the caller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from manualdial.app.adapters import policies_for, registries_for, tenants_for
from manualdial.commands.machine_checks import Diagnosis, Level, fail, ok, warn
from manualdial.config import Config, ConfigurationError
from manualdial.law.facts import EVERY, ScreeningSettings
from manualdial.law.policies import Policies
from manualdial.law.registry_look import RegistryUnreadable
from manualdial.law.verdict import Purpose
from manualdial.plain_text import listed
from manualdial.screening.tenants import TenantSettings

_NAMED = 6
"""So many names are told one by one; --json has all."""
_SELLER = ("telemarketer", "seller", "goods", "script")


def check_screening(config: Config) -> Iterator[Diagnosis]:
    """Whether the policies can be used, whether the registries can be asked, and what is not stated."""
    try:
        policies = policies_for(config)
        tenants = tenants_for(config, policies)
    except ConfigurationError as error:
        yield _fault(config, str(error))
        return
    on = sum(rule.on for rule in policies.rules())
    yield ok("policies", f"{on} rules are applied, version {policies.version.version}")
    own = {f"tenants.{name}": tenants.of(name) for name in config.tenants}
    everybody = {"screening": tenants.default, **own}  # of all others, and of those that have settings of their own
    yield from _check_registries(config, policies, [settings.screening for settings in everybody.values()])
    yield from _check_statements(policies, everybody)


def _fault(config: Config, said: str) -> Diagnosis:
    """The policies cannot be used, or the settings do not fit them."""
    if said.startswith("screening.policies:"):
        return fail("policies", said, f"manualdial policy check {config.screening.policies} tells what is wrong")
    return fail("settings", said, "see docs/configuration.md")


# ── registries ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_registries(
    config: Config, policies: Policies, everybody: Sequence[ScreeningSettings]
) -> Iterator[Diagnosis]:
    required = frozenset[str]().union(*(settings.registries for settings in everybody))
    youngest = _youngest(policies, required)
    held, lacking, old, damaged = registries_for(config), [], [], False
    for name in sorted({*youngest, *held.names()}):
        try:
            copy = held.copy(name)
        except RegistryUnreadable as fault:
            damaged = True
            yield _unreadable(name, str(fault), is_asked=name in youngest)
            continue
        if name not in youngest:
            continue
        if copy is None:
            lacking.append(name)
        elif (datetime.now(UTC) - copy.edition.as_of).days >= youngest[name]:
            old.append(name)
    if lacking:
        mend = "manualdial registry import, or leave them out of screening.registries"
        yield _about(lacking, "registries", "no copy of {}: sales there are refused", mend)
    if old:
        yield _about(old, "registries", "too old: {}: sales there are refused", "import the newest edition")
    if not (lacking or old or damaged):
        yield ok("registries", "every registry that must be asked can be" if required else "none must be asked")


def _youngest(policies: Policies, required: frozenset[str]) -> dict[str, int]:
    """The registries whose copy is asked, and how many days old it may be by the strictest rule."""
    found: dict[str, int] = {}
    for rule in policies.rules():
        name, duty = rule.subject, rule.registry
        if rule.on and duty is not None and not duty.answers_only and required & {name, EVERY}:
            found[name] = min(duty.max_age_days, found.get(name, duty.max_age_days))
    return found


def _unreadable(name: str, fault: str, *, is_asked: bool) -> Diagnosis:
    again = f"manualdial registry import {name} with the files again"
    if is_asked:
        return fail("registries", fault, again)
    text = f"{fault}; no rule asks for it, but the service says that it is not well"
    return warn("registries", text, f"{again}, or manualdial registry remove {name}")


# ── what the caller says of itself ──────────────────────────────────────────────────────────────────────────────────


def _check_statements(policies: Policies, everybody: dict[str, TenantSettings]) -> Iterator[Diagnosis]:
    """Of those who call to sell: registrations that are not stated, and who calls, for whom, about what."""
    named: set[tuple[str, ...]] = set()
    """Lacks that were said: one that many tenants share is said once."""
    for where, settings in everybody.items():
        if settings.purpose is not Purpose.SALES:
            continue
        unstated = _unstated(policies, settings.screening)
        empty = tuple(name for name in _SELLER if not getattr(settings.seller, name))
        if unstated and unstated not in named:
            option = f"{where}.registrations"
            text = f"{option} does not state {{}}: sales there are refused"
            yield _about(unstated, "registrations", text, f"name those that you have in {option}")
        if empty and empty not in named:
            text = f"{where}: {{}} not told: the evidence of sales calls lacks it (16 CFR 310.5(a)(2))"
            yield _about(empty, "seller", text, "see docs/configuration.md")
        named |= {unstated, empty}


def _unstated(policies: Policies, settings: ScreeningSettings) -> tuple[str, ...]:
    """The registrations that rules ask for which are on, reach sales and a country that may be called."""
    if EVERY in settings.registrations:
        return ()
    asked = {
        rule.subject
        for rule in policies.rules()
        if rule.on
        and rule.registration is not None
        and Purpose.SALES in rule.purposes
        and settings.countries & {rule.jurisdiction.partition("-")[0], EVERY}
    }
    return tuple(sorted(asked - settings.registrations))


def _about(names: Sequence[str], subject: str, text: str, mend: str) -> Diagnosis:
    """A warning about many: the text has the first of them, the finding all."""
    shown = text.format(listed(names, most=_NAMED))
    return Diagnosis(level=Level.WARN, subject=subject, text=shown, mend=mend, names=tuple(names))
