"""A verdict for people: each rule that was run with reason, law and what it saw, and when a call is permitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.text import Text

from manualdial import numbers
from manualdial.commands.bus_client import Message
from manualdial.commands.failure import CommandFailed
from manualdial.commands.moments import here, is_zone, wherever
from manualdial.commands.terminal import printable
from manualdial.errors import ManualDialError
from manualdial.messages import DialChecked, RuleResult, Verdict
from manualdial.places.by_number import of_number
from manualdial.screening.verdict import Decision
from manualdial.screening.zones import zones_of

MARKS = {Decision.ALLOW: "✓", Decision.WARN: "!", Decision.BLOCK: "✗"}
STYLES = {Decision.ALLOW: "green", Decision.WARN: "yellow", Decision.BLOCK: "bold red"}
SOURCES = {
    "stated": "the person said so",
    "zip-code": "the postal code",
    "contact": "the contact's record",
    "number": "the number",
    "none": "no place is known for the number; the configured rule or the law's own clock",
}
_INDENT = "    "


def checked(dial: Message) -> DialChecked:
    """`dial` of an answer, read. Raises CommandFailed where it is none."""
    try:
        read = msgspec.convert(dial, DialChecked)
    except msgspec.ValidationError:
        raise CommandFailed("The answer of the service is no verdict.") from None
    _check(read.verdict)
    return read


def verdict_of(value: Any) -> Verdict:
    """A verdict, read: of a refusal, for example. Raises CommandFailed where it is none."""
    try:
        read = msgspec.convert(value, Verdict)
    except msgspec.ValidationError:
        raise CommandFailed("The answer of the service is no verdict.") from None
    _check(read)
    return read


def against(verdict: Verdict) -> list[RuleResult]:
    """The rules that do not allow the call."""
    return [rule for rule in verdict.rules if rule.decision != Decision.ALLOW]


def explained(answer: DialChecked, *, at: datetime) -> Text:
    """The whole verdict of a moment, rules that do not allow the call first."""
    number, verdict = answer.number, answer.verdict
    names = zones(verdict, number.e164)
    text = _decision(verdict)
    text.append(f"  {number.e164}, {number.region}, {number.type.replace('_', ' ')}", style="bold")
    _line(text, "asked about", f"{here(at)}{f' – {wherever(at, names)}' if names else ''}")
    if isinstance(answer.purpose, str):
        _line(text, "judged as", answer.purpose)
    no = against(verdict)
    for rule in (*no, *(rule for rule in verdict.rules if rule not in no)):
        text.append("\n").append_text(_rule(rule, at))
    text.append("\n\n").append_text(permitted(verdict, number.e164))
    if verdict.overridable:
        _line(text, "", "it may be overridden, with a reason, by somebody who has the right to")
    _line(text, "policies", f"{verdict.policy.name} {verdict.policy.version}")
    return text


def in_brief(verdict: Verdict, e164: str, *, at: datetime) -> Text:
    """The verdict on a number at a moment in a few lines: the rules that do not allow the call, and how many do."""
    no = against(verdict)
    text = _decision(verdict)
    for rule in no:
        text.append(f"\n{_INDENT}{printable(rule.rule)}", style="bold").append(f": {printable(rule.reason)}")
        for name, told in evidence(rule.evidence, at):
            text.append(f"\n{_INDENT * 2}{name}: {printable(told)}")
        if isinstance(rule.law, str):
            text.append(f"\n{_INDENT * 2}law: {printable(rule.law)}")
    others = len(verdict.rules) - len(no)
    text.append(f"\n{_INDENT}rules run: {len(verdict.rules)}, allowing it: {others}", style="dim")
    return text.append(f"\n{_INDENT}").append_text(permitted(verdict, e164)) if no else text


def permitted(verdict: Verdict, e164: str) -> Text:
    """From when on the call is permitted, in the called party's time and in this machine's."""
    if verdict.decision == Decision.ALLOW:
        return Text("permitted, as far as these rules see", style="green")
    if not isinstance(verdict.next_permitted_at, str):
        return Text("no later moment is known: waiting alone does not help", style="yellow")
    at = datetime.fromisoformat(verdict.next_permitted_at)
    names = zones(verdict, e164)
    text = Text("next permitted: ").append(wherever(at, names) or here(at), style="bold")
    return text.append(f" – {here(at)} here" if names else "")


def zones(verdict: Verdict, e164: str) -> tuple[str, ...]:
    """The time zones of the called party: those that rules looked at, else those of the number."""
    looked_at = {name for rule in verdict.rules for name in _zones(rule.evidence)}
    if looked_at:
        return tuple(sorted(looked_at))
    try:
        return zones_of(of_number(numbers.parse(e164, region="US")).places)
    except ManualDialError:
        return ()


def _check(verdict: Verdict) -> None:
    """What the schema of a verdict cannot say. Raises CommandFailed."""
    try:
        for decision in (verdict.decision, *(rule.decision for rule in verdict.rules)):
            Decision(decision)
        if isinstance(verdict.next_permitted_at, str):
            datetime.fromisoformat(verdict.next_permitted_at).astimezone(UTC)
    except ValueError:
        raise CommandFailed("The answer of the service is no verdict.") from None


def _decision(verdict: Verdict) -> Text:
    decision = Decision(verdict.decision)
    return Text().append(f"{MARKS[decision]} {decision.value}", style=STYLES[decision])


def _rule(rule: RuleResult, at: datetime) -> Text:
    decision = Decision(rule.decision)
    text = Text("\n") if decision is not Decision.ALLOW else Text()
    text.append(f"{MARKS[decision]} ", style=STYLES[decision])
    text.append(printable(rule.rule), style="bold").append(f": {printable(rule.reason)}")
    if isinstance(rule.law, str):
        _line(text, "law", rule.law)
    for name, told in evidence(rule.evidence, at):
        _line(text, name, told)
    return text


def _line(text: Text, name: str, told: str) -> None:
    text.append(f"\n{_INDENT}{f'{name}: ' if name else ''}{printable(told)}", style="dim")


def evidence(found: Mapping[str, Any], at: datetime) -> Iterator[tuple[str, str]]:
    """What a rule saw, in words: name and text."""
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
    for told in dict.fromkeys(windows[name] for name in closed):
        same = [name for name in closed if windows[name] == told]
        yield "local time", f"{wherever(at, same)}; permitted that day: {told}"
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
