"""Policies: all rules of law that are in the files, those of the package and the operator's own.

A file of the operator's adds rules; a rule of a name that is there already replaces all that the package has of that
name in the same jurisdiction. So a rule is switched off, or on, by a file that has it with another `on`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from manualdial.law.attempt_limits import AttemptLimits
from manualdial.law.calling_hours import CallingHours
from manualdial.law.duties import ConsentCheck, LineBanCheck, RegistrationCheck, RegistryCheck
from manualdial.law.facts import Facts
from manualdial.law.holiday_sets import HolidaySet, HolidaySets
from manualdial.law.rule import SHIPPED_ON, Hours, LawPart, Policy, Rule, Window, minutes
from manualdial.law.verdict import Finding, PolicyName, Purpose
from manualdial.places.place import Place
from manualdial.places.time_zone import UnknownTimeZone, time_zone

SHIPPED = Path(__file__).with_name("policies")
NAME = "manualdial"
_HOLIDAYS = "holidays"
_CASES = ".cases.toml"
_MINUTES_OF_TWO_DAYS = 2880


Kind = TypeVar("Kind")


class PolicyInvalid(Exception):
    """A policy file cannot be used. The text names the file and what is wrong with it."""


class Holidays(LawPart, frozen=True, kw_only=True):
    """A file of holiday sets."""

    sets: dict[str, HolidaySet]


class RuleCheck(Protocol):
    """A rule of a policy, ready to be run. Pure: the facts and the moment decide."""

    rule: Rule

    def finding(self, facts: Facts, at: datetime) -> Finding:
        """Its finding at that moment."""
        ...

    def permitted_from(self, facts: Facts, at: datetime) -> datetime | None:
        """The first moment, from `at` on, at which it allows the call; None: waiting does not help."""
        ...


class Policies:
    """The rules that are in the files."""

    def __init__(self, policies: Sequence[Policy], sets: HolidaySets, *, version: str) -> None:
        self.policies = policies
        self.holiday_sets = sets
        self.version = PolicyName(name=NAME, version=version)
        self.checks: tuple[RuleCheck, ...] = tuple(
            check_of(rule, sets) for policy in policies for rule in policy.rules if rule.on
        )
        self.reaching = lru_cache(maxsize=4096)(self._reaching)
        self.looks_back = lru_cache(maxsize=4096)(self._looks_back_at)

    def _reaching(self, places: tuple[Place, ...]) -> tuple[RuleCheck, ...]:
        """The rules whose jurisdiction reaches one of the places, in the order of the files."""
        return tuple(
            check for check in self.checks if any(place.is_within(check.rule.jurisdiction) for place in places)
        )

    def _looks_back_at(self, places: tuple[Place, ...], purpose: Purpose) -> timedelta:
        """How far back the rules that reach these places look at calls of a purpose; nothing where none counts."""
        return self._looks_back(self.reaching(places), purpose)

    @property
    def longest_look_back(self) -> timedelta:
        """How far back any rule looks at calls."""
        return max((self._looks_back(self.checks, purpose) for purpose in Purpose), default=timedelta())

    @staticmethod
    def _looks_back(checks: Iterable[RuleCheck], purpose: Purpose) -> timedelta:
        counting = (check for check in checks if isinstance(check, AttemptLimits) and purpose in check.rule.purposes)
        return max((check.looks_back for check in counting), default=timedelta())

    def names(self, kind: str) -> frozenset[str]:
        """The part after the dot in the names of all rules of a kind, also of those that are off."""
        return frozenset(rule.subject for rule in self.rules() if rule.kind == kind)

    def data(self) -> bytes:
        """All of it, as JSON: kept with its version, so that old evidence can be read."""
        sets = {name: self.holiday_sets.get(name) for name in self.holiday_sets.names}
        return msgspec.json.encode({"version": self.version, "policies": self.policies, "holidays": sets})

    def rules(self) -> Iterator[Rule]:
        """All rules, also those that are off."""
        for policy in self.policies:
            yield from policy.rules


def check_of(rule: Rule, sets: HolidaySets) -> RuleCheck:
    """The rule, ready to be run."""
    if rule.hours is not None:
        return CallingHours(rule, rule.hours, sets)
    if rule.attempts is not None:
        return AttemptLimits(rule, rule.attempts)
    if rule.registry is not None:
        return RegistryCheck(rule, rule.registry)
    if rule.consent is not None:
        return ConsentCheck(rule, rule.consent)
    if rule.line is not None:
        return LineBanCheck(rule, rule.line)
    return RegistrationCheck(rule)


def load(*directories: Path) -> Policies:
    """The policies of the package, and on top of them those of some directories, in order. Raises PolicyInvalid.

    The version names the day of the newest change of the package's data and a digest of everything that was read.
    """
    digest = hashlib.sha256()
    sets: dict[str, HolidaySet] = {}
    by_jurisdiction: dict[str, Policy] = {}
    for directory in (SHIPPED, *directories):
        for path in _files(directory):
            text = _text(path)
            digest.update(text)
            if path.name.startswith(_HOLIDAYS):
                sets |= _read(path, text, Holidays).sets
            else:
                policy = _policy(path, text)
                own = by_jurisdiction.get(policy.jurisdiction)
                by_jurisdiction[policy.jurisdiction] = policy if own is None else _merged(own, policy)
    holiday_sets = HolidaySets(sets)
    policies = [by_jurisdiction[jurisdiction] for jurisdiction in sorted(by_jurisdiction)]
    for policy in policies:
        for rule in policy.rules:
            _check(policy, rule, holiday_sets)
    newest = max(rule.as_of for policy in policies for rule in policy.rules)
    return Policies(policies, holiday_sets, version=f"{newest}.{digest.hexdigest()[:12]}")


def _files(directory: Path) -> Iterable[Path]:
    if not directory.is_dir():
        raise PolicyInvalid(f"{directory}: no such directory of policies")
    return sorted(path for path in directory.glob("*.toml") if not path.name.endswith(_CASES))


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PolicyInvalid(f"{path.name}: cannot be read: {error.strerror}") from None


def _read(path: Path, text: bytes, kind: type[Kind]) -> Kind:
    try:
        return msgspec.convert(tomllib.loads(text.decode()), kind)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyInvalid(f"{path.name} is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise PolicyInvalid(f"{path.name}: {error}") from None


def _policy(path: Path, text: bytes) -> Policy:
    policy = _read(path, text, Policy)
    rules = [
        msgspec.structs.replace(rule, jurisdiction=rule.jurisdiction or policy.jurisdiction) for rule in policy.rules
    ]
    return msgspec.structs.replace(policy, rules=rules)


def _merged(below: Policy, above: Policy) -> Policy:
    replaced = {rule.rule for rule in above.rules}
    kept = [rule for rule in below.rules if rule.rule not in replaced]
    return msgspec.structs.replace(above, rules=[*kept, *above.rules])


def _check(policy: Policy, rule: Rule, sets: HolidaySets) -> None:
    """Checks that the schema cannot make."""
    where = f"{policy.jurisdiction}: {rule.rule}"
    tables = {
        "calling-hours": rule.hours,
        "attempts": rule.attempts,
        "do-not-call": rule.registry,
        "consent-required": rule.consent,
        "line-type": rule.line,
        "registration": rule.registration,
    }
    if [kind for kind, table in tables.items() if table is not None] != [rule.kind]:
        raise PolicyInvalid(f"{where}: a rule has one table, the one of its kind")
    if rule.hours is not None:
        _check_hours(where, rule.hours, sets)
    if rule.attempts is not None:
        limit = rule.attempts
        if (limit.max is None) != (limit.within is None) or (limit.silence_after is None) != (limit.silence is None):
            raise PolicyInvalid(f"{where}: max goes with within, silence_after with silence")
        if limit.max is None and limit.silence_after is None:
            raise PolicyInvalid(f"{where}: a limit has max or silence_after")
        if limit.calendar and limit.within is not None and not limit.within.endswith("d"):
            raise PolicyInvalid(f"{where}: a calendar window is in days")
    for exemption in rule.lifted_by:
        given = (
            exemption.consent,
            exemption.slot,
            exemption.purchase_months,
            exemption.inquiry_months,
            exemption.contract_days,
        )
        if sum(value is not None for value in given) != 1:
            raise PolicyInvalid(f"{where}: each entry of lifted_by says one thing")


def _check_hours(where: str, hours: Hours, sets: HolidaySets) -> None:
    if (hours.zone == "fixed") != (hours.fixed_zone is not None):
        raise PolicyInvalid(f"{where}: fixed_zone goes with zone = fixed")
    if hours.fixed_zone is not None:
        try:
            time_zone(hours.fixed_zone)
        except UnknownTimeZone:
            raise PolicyInvalid(f"{where}: no such time zone: {hours.fixed_zone}") from None
    if hours.holidays is not None and hours.holidays not in sets:
        raise PolicyInvalid(f"{where}: no such holiday set: {hours.holidays}")
    if hours.days.holiday is not None and hours.holidays is None:
        raise PolicyInvalid(f"{where}: days.holiday goes with holidays")
    for windows in msgspec.structs.astuple(hours.days):
        for window in windows or ():
            _check_window(where, window)


def _check_window(where: str, window: Window) -> None:
    first, after = minutes(window)
    if not first < after <= _MINUTES_OF_TWO_DAYS:
        raise PolicyInvalid(f"{where}: no window: {window}")


def shipped_on(rule: Rule) -> bool:
    """Whether the package may ship a rule switched on: its source is good enough."""
    return rule.trust in SHIPPED_ON
