"""A verdict and its moments in words: which rules are against the call, and what each of them saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from manualdial import numbers
from manualdial.errors import ManualDialError
from manualdial.law.verdict import Decision
from manualdial.law.zones import zones_of
from manualdial.places.by_number import of_number
from manualdial.places.time_zone import UnknownTimeZone, time_zone
from manualdial.wire.messages.dial import RuleResult, VerdictMessage

_MOST_ZONES = 3
SOURCES = {
    "stated": "the person said so",
    "zip-code": "the postal code",
    "contact": "the contact's record",
    "number": "the number",
    "none": "no place is known for the number; the configured rule or the law's own clock",
}


def against(verdict: VerdictMessage) -> list[RuleResult]:
    """The rules that do not allow the call."""
    return [rule for rule in verdict.rules if rule.decision != Decision.ALLOW]


def zones(verdict: VerdictMessage, e164: str) -> tuple[str, ...]:
    """The time zones of the called party: those that rules looked at, else those of the number."""
    looked_at = {name for rule in verdict.rules for name in _zones(rule.evidence)}
    if looked_at:
        return tuple(sorted(looked_at))
    try:
        return zones_of(of_number(numbers.parse(e164, region="US")).places)
    except ManualDialError:
        return ()


def evidence(found: Mapping[str, Any], at: datetime) -> Iterator[tuple[str, str]]:
    """The evidence of a rule, in words: name and text."""
    left = dict(found)
    if names := _zones(found):
        yield from _local_times(names, _mapping(left.pop("windows", None)), at)
        del left["localTimes"]
        yield "place known by", SOURCES.get(str(left.pop("source", "")), "an unknown source")
    if (as_of := _moment(left.pop("asOf", None))) is not None:
        edition, most = left.pop("edition", ""), left.pop("maxAgeDays", "?")
        yield "copy", f"{edition} of {as_of:%Y-%m-%d}, {(at - as_of).days} days old; good for {most}"
    if "limit" in left:
        counted, limit, within = left.pop("attempts", 0), left.pop("limit"), left.pop("within", "")
        yield "attempts counted", f"{counted} of {limit} in {within}"
    if "after" in left:
        yield "silence", f"{left.pop('silence', '')} after a {left.pop('after')}"
    for name, value in left.items():
        if value not in (None, "", [], {}):
            yield _name(name), _value(value)


def _local_times(names: Sequence[str], windows: Mapping[str, Any], at: datetime) -> Iterator[tuple[str, str]]:
    closed = [name for name in names if name in windows]
    shown = closed or list(names)
    for open_at in dict.fromkeys(windows[name] for name in closed):
        same = [name for name in closed if windows[name] == open_at]
        yield "local time", f"{wherever(at, same)}; permitted that day: {open_at}"
    if not closed:
        yield "local time", wherever(at, shown)
    elif others := [name for name in names if name not in windows]:
        yield "local time", f"{wherever(at, others)}: permitted"


def _value(value: Any) -> str:
    if (at := _moment(value)) is not None:
        return here(at)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _name(key: str) -> str:
    """ "silentUntil" as "silent until"."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in key)


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read if read.tzinfo is not None else None


def _zones(found: Mapping[str, Any]) -> list[str]:
    """The zones at which a rule looked, as far as this machine knows them; the service may know more."""
    return [name for name in _mapping(found.get("localTimes")) if is_zone(name)]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def here(at: datetime) -> str:
    """The moment in this machine's time zone: "Tue 2026-11-24 20:30 EST"."""
    return _clock(at.astimezone())


def there(at: datetime, name: str) -> str:
    """The moment in a zone: "Tue 2026-11-24 20:30 in America/New_York"."""
    return f"{_clock(at.astimezone(time_zone(name)), named=False)} in {name}"


def wherever(at: datetime, names: Sequence[str]) -> str:
    """The moment in the zones in which somebody may be: in each; of many, the earliest and the latest clock."""
    if len(names) <= _MOST_ZONES:
        return ", ".join(there(at, name) for name in names)
    clocks = sorted(names, key=lambda name: at.astimezone(time_zone(name)).replace(tzinfo=UTC))
    return f"{there(at, clocks[0])} to {there(at, clocks[-1])}, {len(names)} time zones"


def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone of that name."""
    try:
        time_zone(name)
    except UnknownTimeZone:
        return False
    return True


def _clock(local: datetime, *, named: bool = True) -> str:
    form = "%H:%M:%S" if local.second else "%H:%M"
    return f"{local:%a %Y-%m-%d {form}}" + (f" {local:%Z}" if named else "")
