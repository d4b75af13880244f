"""A verdict for people: each rule that was run with reason, law and what it saw, and when a call is permitted."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from manualdial.explaining.verdict import against, evidence, here, wherever, zones
from manualdial.law.verdict import Decision
from manualdial.plain_text import printable
from manualdial.wire.messages.dial import DialChecked, RuleResult, VerdictMessage

MARKS = {Decision.ALLOW: "✓", Decision.WARN: "!", Decision.BLOCK: "✗"}
STYLES = {Decision.ALLOW: "green", Decision.WARN: "yellow", Decision.BLOCK: "bold red"}
_INDENT = "    "


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


def in_brief(verdict: VerdictMessage, e164: str, *, at: datetime) -> Text:
    """The verdict on a number at a moment in a few lines: the rules that do not allow the call, and how many do."""
    no = against(verdict)
    text = _decision(verdict)
    for rule in no:
        text.append(f"\n{_INDENT}{printable(rule.rule)}", style="bold").append(f": {printable(rule.reason)}")
        for name, value in evidence(rule.evidence, at):
            text.append(f"\n{_INDENT * 2}{name}: {printable(value)}")
        if isinstance(rule.law, str):
            text.append(f"\n{_INDENT * 2}law: {printable(rule.law)}")
    others = len(verdict.rules) - len(no)
    text.append(f"\n{_INDENT}rules run: {len(verdict.rules)}, allowing it: {others}", style="dim")
    return text.append(f"\n{_INDENT}").append_text(permitted(verdict, e164)) if no else text


def permitted(verdict: VerdictMessage, e164: str) -> Text:
    """From when on the call is permitted, in the called party's time and in this machine's."""
    if verdict.decision == Decision.ALLOW:
        return Text("permitted, as far as these rules see", style="green")
    if not isinstance(verdict.next_permitted_at, str):
        return Text("no later moment is known: waiting alone does not help", style="yellow")
    at = datetime.fromisoformat(verdict.next_permitted_at)
    names = zones(verdict, e164)
    text = Text("next permitted: ").append(wherever(at, names) or here(at), style="bold")
    return text.append(f" – {here(at)} here" if names else "")


def _decision(verdict: VerdictMessage) -> Text:
    decision = Decision(verdict.decision)
    return Text().append(f"{MARKS[decision]} {decision.value}", style=STYLES[decision])


def _rule(rule: RuleResult, at: datetime) -> Text:
    decision = Decision(rule.decision)
    text = Text("\n") if decision is not Decision.ALLOW else Text()
    text.append(f"{MARKS[decision]} ", style=STYLES[decision])
    text.append(printable(rule.rule), style="bold").append(f": {printable(rule.reason)}")
    if isinstance(rule.law, str):
        _line(text, "law", rule.law)
    for name, value in evidence(rule.evidence, at):
        _line(text, name, value)
    return text


def _line(text: Text, name: str, value: str) -> None:
    text.append(f"\n{_INDENT}{f'{name}: ' if name else ''}{printable(value)}", style="dim")
