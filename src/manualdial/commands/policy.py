"""`manualdial policy`: the rules that dials are judged by, and closures of a jurisdiction."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from manualdial.app.adapters import policies_for
from manualdial.commands import policy_closures, policy_explain
from manualdial.commands.configuration import ConfigFile, configuration, with_store
from manualdial.commands.failure import CommandFailed, WronglyCalled, group
from manualdial.commands.terminal import notices, output, print_json_lines, say, table
from manualdial.config import Config
from manualdial.explaining.rule_in_words import TRUST, asks, in_force, lifted_by, purposes, whom
from manualdial.law.cases import CaseInvalid, cases_of, difference
from manualdial.law.holiday_sets import HolidaySet, HolidaySets
from manualdial.law.policies import Policies, PolicyInvalid, load, shipped_on
from manualdial.law.rule import Policy, Rule
from manualdial.law.verdict import PolicyName
from manualdial.places.jurisdictions import canonical_jurisdiction
from manualdial.plain_text import printable

application = group("The rules that dials are judged by.")

_CASES = "*.cases.toml"

Json = Annotated[bool, typer.Option("--json", help="One rule a line, as JSON.")]
Version = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="The policies of this version, as an old verdict names it, from the database."),
]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Policies as the database keeps them with their version (`Policies.data`)."""

    version: PolicyName
    policies: list[Policy]
    holidays: dict[str, HolidaySet]


@application.command(name="list", epilog="Example: manualdial policy list --jurisdiction US-FL --all")
def list_rules(
    jurisdiction: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only rules that may reach a call there: US-FL, FR …")
    ] = None,
    all_rules: Annotated[bool, typer.Option("--all", help="Also the rules that are switched off.")] = False,
    version: Version = None,
    as_json: Json = False,
    config: ConfigFile = None,
) -> None:
    """List the rules that are applied: shipped ones, and those of one's own."""
    found = policies_in_use(config, version)
    rules = list(found.rules() if jurisdiction is None else reaching(found, _known_place(jurisdiction)))
    shown = [rule for rule in rules if rule.on or all_rules]
    if as_json:
        print_json_lines(map(msgspec.to_builtins, shown))
        return
    heading = ("RULE", "ON", "TRUST", "PURPOSES", "IN FORCE", "LAW")
    if shown:
        output().print(table([heading, *map(_row, shown)], styles=("bold",)))
    off = sum(not rule.on for rule in rules)
    more = f"; {off} more are switched off (--all)" if off and not all_rules else ""
    say(f"{len(shown)} rules{more}. Policies {found.version.name} {found.version.version}.")


@application.command(epilog="Example: manualdial policy show calling-hours.us-fl")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A rule, or a jurisdiction: calling-hours.us-fl, US-FL.")],
    version: Version = None,
    as_json: Json = False,
    config: ConfigFile = None,
) -> None:
    """Show everything about a rule, or about all rules of a jurisdiction: what it asks, on which law, read where."""
    found = policies_in_use(config, version)
    rules = _named(found, name)
    if as_json:
        print_json_lines(map(msgspec.to_builtins, rules))
        return
    out = output()
    for one in found.policies:
        if one.jurisdiction == name.upper():
            out.print(Text(f"{one.jurisdiction}, {one.title}", style="bold"))
            out.print(Text(one.about.strip()), end="\n" if one.about else "")
    for rule in rules:
        out.print(_shown(rule, found))


@application.command(epilog="Example: manualdial policy check /etc/manualdial/policies")
def check(
    directory: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of policy files of one's own.")],
) -> None:
    """Check policy files of one's own, and try the cases beside them (NAME.cases.toml).

    Exit code 1 where a file cannot be used, or a rule does not say what its case says.
    """
    try:
        own = load(directory)
        cases = [(path.name, case) for path in sorted(directory.glob(_CASES)) for case in cases_of(path)]
    except PolicyInvalid as fault:
        raise CommandFailed(f"{fault}.") from None
    shipped = list(load().rules())
    changed = [rule for rule in own.rules() if rule not in shipped]
    wrong = 0
    for where, case in cases:
        try:
            reason = difference(case, list(own.rules()), own.holiday_sets)
        except CaseInvalid as fault:
            reason = str(fault)
        if reason:
            wrong += 1
            message = f"{where}: {case.rule} says {case.says} at {case.at.isoformat()} ({case.source}): {reason}"
            output().print(Text(printable(message), style="red"))
    for remark in _remarks(changed, {case.rule for _, case in cases}):
        notices().print(Text(printable(remark), style="yellow"))
    if wrong:
        raise CommandFailed(f"Of {len(cases)} cases {wrong} do not hold.")
    output().print(f"Rules of your own: {len(changed)}; cases, which all hold: {len(cases)}.", markup=False)


application.command(epilog=policy_explain.EXAMPLE)(policy_explain.explain)
application.command(epilog=policy_closures.CLOSE_EXAMPLE)(policy_closures.close)
application.command(epilog=policy_closures.LIST_EXAMPLE)(policy_closures.closures)
application.command(epilog=policy_closures.REOPEN_EXAMPLE)(policy_closures.reopen)


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


def _known_place(code: str) -> str:
    """Raises WronglyCalled."""
    known = canonical_jurisdiction(code)
    if known is None:
        raise WronglyCalled(f"{printable(code)} is no jurisdiction; one is written as US-FL or FR.")
    return known


def _named(policies: Policies, name: str) -> list[Rule]:
    """The rules of a name or of a jurisdiction. Raises CommandFailed."""
    rules = list(policies.rules())
    found = [rule for rule in rules if rule.rule == name.lower() or rule.jurisdiction == name.upper()]
    if not found:
        names = [rule.rule for rule in rules]
        close = difflib.get_close_matches(name.lower(), names, n=1)
        hint = f" Is {close[0]} meant?" if close else ""
        raise CommandFailed(f"There is no rule and no policy of a jurisdiction called {printable(name)}.{hint}")
    return found


def _row(rule: Rule) -> tuple[str, ...]:
    on = "on" if rule.on else "off"
    return (rule.rule, on, rule.trust.value, purposes(rule), in_force(rule), printable(rule.law))


def _shown(rule: Rule, policies: Policies) -> Text:
    rows = [
        ("asks", asks(rule)),
        ("applied", "yes" if rule.on else "no, it is switched off"),
        ("where", rule.jurisdiction),
        ("purposes", purposes(rule)),
        ("whom", whom(rule)),
        ("lifted by", "; ".join(lifted_by(rule)) or "nothing"),
        ("in force", in_force(rule)),
        ("law", rule.law),
        ("source", rule.source),
        ("read", "; ".join(rule.read_in)),
        ("as of", rule.as_of),
        ("trust", f"{rule.trust}: {TRUST[rule.trust]}"),
        ("holidays", _holidays(rule, policies)),
        ("note", rule.note),
        ("conflict", rule.conflict),
    ]
    text = Text("\n").append(rule.rule, style="bold").append("\n")
    known = [(f"  {name}", printable(value)) for name, value in rows if value]
    return text.append_text(table(known, styles=("dim",)))


def _holidays(rule: Rule, policies: Policies) -> str:
    """The days of the rule's holiday set from today on, for a year."""
    if rule.hours is None or rule.hours.holidays is None:
        return ""
    sets, name = policies.holiday_sets, rule.hours.holidays
    today = datetime.now(UTC).date()
    days = (today + timedelta(days=ahead) for ahead in range(366))
    named = (f"{day} {title}" for day in days if (title := sets.name_of(name, day)))
    return f"{sets.get(name).title}: " + ", ".join(named)


def _remarks(rules: list[Rule], tried: set[str]) -> Iterator[str]:
    for rule in rules:
        if canonical_jurisdiction(rule.jurisdiction) != rule.jurisdiction:
            yield f"{rule.rule}: no number and no postal code is ever placed in {rule.jurisdiction}."
        if rule.on and not shipped_on(rule):
            yield f"{rule.rule}: it is on, though its source is weak ({rule.trust}: {TRUST[rule.trust]})."
        if rule.rule not in tried:
            yield f"{rule.rule}: no case tries it."
