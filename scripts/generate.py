"""Write the files that are made from the code and its data.

    python -m scripts.generate [schemas] [configuration] [policies] [--check]

schemas/ from the messages and the table of routes, docs/configuration.md from the options, docs/policies.md from the
shipped policies.
Without a name, all of them.
With `--check` nothing is written; it fails and names the files that no longer agree with the code.
"""

from __future__ import annotations

import argparse
import enum
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from manualdial import config
from manualdial.explaining import rule_in_words
from manualdial.law import policies as screening_policies
from manualdial.law.holiday_sets import HolidaySet
from manualdial.law.rule import Policy, Rule
from manualdial.requests.agents import AgentRequests
from manualdial.requests.call_control import CallControl
from manualdial.requests.dial import DialRequests
from manualdial.requests.dispatcher import Routes
from manualdial.requests.registration import Registration
from manualdial.requests.routes import routes
from manualdial.requests.screening import ScreeningRequests
from manualdial.wire.messages.incoming import Incoming
from manualdial.wire.messages.outbound import ErrorData
from manualdial.wire.messages.schema import definitions
from scripts import asyncapi

ROOT = Path(__file__).resolve().parent.parent

Files = dict[Path, str]


# ── schemas/ ────────────────────────────────────────────────────────────────────────────────────────────────────────


DIALECT = "https://json-schema.org/draft/2020-12/schema"


def the_routes() -> Routes:
    """The table of contents. It needs the methods of the services, and calls none of them."""
    return routes(
        connectors=(),
        dialing=DialRequests.__new__(DialRequests),
        screening=ScreeningRequests.__new__(ScreeningRequests),
        control=CallControl.__new__(CallControl),
        agents=AgentRequests.__new__(AgentRequests),
        registration=Registration.__new__(Registration),
    )


def schemas() -> Files:
    """A file for each `data` of a request and each `message` of a reply or an event, and AsyncAPI for all of it."""
    table = the_routes()
    roots = {line.data.__name__: line.data for line in table.lines} | {"ErrorData": ErrorData}
    for answer in (answer for line in table.lines for answer in line.answers):
        kind = get_args(answer.message)[0] if get_args(answer.message) else answer.message
        roots[kind.__name__] = kind
    files: Files = {Path("schemas/asyncapi.json"): as_text(asyncapi.document(table))}
    for name, kind in sorted(roots.items()):
        parts = definitions([kind], at="#/$defs")
        schema: dict[str, Any] = {"$schema": DIALECT, **parts.pop(name)}
        if parts:
            schema["$defs"] = parts
        folder = "requests" if issubclass(kind, Incoming) else "messages"
        files[Path("schemas") / folder / f"{name}.json"] = as_text(schema)
    return files


def as_text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


# ── docs/configuration.md ───────────────────────────────────────────────────────────────────────────────────────────


PREAMBLE = """# Configuration

<!-- Made by `make docs` from src/manualdial/config/options.py; a change belongs there. -->

Options come from a TOML file and from the environment, and the environment wins.
An unknown option is refused by its name.
`manualdial config show` tells what is in force, `manualdial config check` whether it can be used.
Lists in the environment are separated by commas.
"""

NAMED = "Only in the file; NAME is the tenant's name, in quotes where it has blanks or dots. Its case does not matter."

WORDS = {str: "text", bool: "true or false", int: "whole number", float: "number"}


def words(kind: Any) -> str:
    """What a value of an option looks like."""
    metadata = getattr(kind, "__metadata__", ())
    plain = get_args(kind)[0] if metadata else kind
    if get_origin(plain) in (Union, UnionType):  # None stands for "as for all"
        (plain,) = (part for part in get_args(plain) if part is not type(None))
    if get_origin(plain) is list:
        return "list of text"
    if issubclass(plain, enum.Enum):
        return ", ".join(f"`{member.value}`" for member in plain)
    limits = [f"above {meta.gt}" for meta in metadata if meta.gt is not None]
    limits += [f"from {meta.ge}" for meta in metadata if meta.ge is not None]
    limits += [f"to {meta.le}" for meta in metadata if meta.le is not None]
    return " ".join([WORDS[plain], *limits])


def tables(section: type[config.Section], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """The tables of the file that hold options, each with its sentence."""
    fields = msgspec.structs.fields(section)
    inner = [one for one in fields if isinstance(one.type, type) and issubclass(one.type, config.Section)]
    named = [one for one in fields if get_origin(one.type) is dict]
    if len(inner) + len(named) < len(fields):
        yield path, inspect.cleandoc(section.__doc__ or "")
    for one in inner:
        yield from tables(one.type, (*path, one.name))


def row(option: config.Option) -> str:
    """The line of an option."""
    default = json.dumps(option.default, ensure_ascii=False)
    return f"| `{option.path[-1]}` | {words(option.type)} | `{default}` | `{option.variable}` | {option.description} |"


def rows_of_names(section: type[config.Section]) -> Iterator[str]:
    """The lines of a table whose name the operator chooses: no defaults, and nothing from the environment."""
    for one in msgspec.structs.fields(section):
        descriptions = [meta.description for meta in getattr(one.type, "__metadata__", ()) if meta.description]
        yield f"| `{one.name}` | {words(one.type)} | {' '.join(descriptions)} |"


def configuration() -> Files:
    """The page of options: a part for each table of the file."""
    lines = [PREAMBLE]
    for path, sentence in tables(config.Config):
        lines += [f"## `[{'.'.join(path)}]`", "", sentence, ""]
        lines += ["| option | value | default | in the environment | |", "|---|---|---|---|---|"]
        lines += [row(option) for option in config.options() if option.path[:-1] == path]
        lines.append("")
    for one in msgspec.structs.fields(config.Config):
        if get_origin(one.type) is dict:
            section = get_args(one.type)[1]
            lines += [f"## `[{one.name}.NAME]`", "", inspect.cleandoc(section.__doc__ or ""), NAMED, ""]
            lines += ["| option | value | |", "|---|---|---|", *rows_of_names(section), ""]
    return {Path("docs/configuration.md"): "\n".join(lines).rstrip() + "\n"}


# ── docs/policies.md ────────────────────────────────────────────────────────────────────────────────────────────────


POLICIES_PREAMBLE = """# Policies

<!-- Made by `make docs` from src/manualdial/law/policies; a change belongs there. -->

The calling rules that are shipped, by the place that is called: {on} that are applied, and {off} that are switched off.
**This is no legal advice.**
It says what was read, where and when, so that somebody who may give advice can check it.
Laws change, and so does what is known of them.

Of several rules that reach a call all are run, and the strictest wins: the rules of `US` reach `US-FL` too.
A place that is not here has no rule here, which does not mean that it has no law.
`manualdial policy list` and `policy show` tell what is in force with your own configuration.
`manualdial policy check` tries policy files of your own.

What the columns say:

- *trust*: {trust}.
  What is weaker than P and S\\* is shipped switched off.
  It is applied by a policy file of your own that has the whole rule, with `on = true`.
- *lifted by*: what must be on record about the person so that the rule does not bind; each alone is enough.
- *in force*: from and until when; *undated* rules are in force on every day.
- Times are half-open: 08:00 is in, 21:00 is out. Times after 24:00 belong to the next day.
- *consumers*: everybody of whom it is not on record that the line is a business's.
"""


def policies() -> Files:
    """The page of the shipped policies."""
    shipped = screening_policies.load()
    rules = list(shipped.rules())
    on = sum(rule.on for rule in rules)
    trust = "; ".join(f"{mark.replace('*', chr(92) + '*')}, {text}" for mark, text in rule_in_words.TRUST.items())
    lines = [POLICIES_PREAMBLE.format(on=on, off=len(rules) - on, trust=trust)]
    lines += ["| place | | applied | switched off |", "|---|---|---|---|", *map(summary_of, shipped.policies), ""]
    for policy in shipped.policies:
        lines += [*policy_part(policy), ""]
    sets = {name: shipped.holiday_sets.get(name) for name in shipped.holiday_sets.names}
    lines += [*holiday_part(sets)]
    return {Path("docs/policies.md"): "\n".join(lines).rstrip() + "\n"}


def summary_of(policy: Policy) -> str:
    """The line of a jurisdiction."""
    on = sum(rule.on for rule in policy.rules)
    code = policy.jurisdiction
    return f"| [{code}](#{code.lower()}) | {cell(policy.title)} | {on} | {len(policy.rules) - on or ''} |"


def policy_part(policy: Policy) -> Iterator[str]:
    """The rules of a jurisdiction, and under them what each stands on."""
    yield from (f"## {policy.jurisdiction}", "", f"**{policy.title}**", "")
    if policy.about:
        yield from (policy.about.strip(), "")
    yield "| rule | applied | trust | calls | asks | lifted by | in force |"
    yield "|---|---|---|---|---|---|---|"
    for rule in policy.rules:
        cells = [f"`{rule.rule}`", "yes" if rule.on else "no", rule.trust.value.replace("*", "\\*")]
        cells += [f"{rule_in_words.purposes(rule)}; {rule_in_words.whom(rule)}", rule_in_words.asks(rule)]
        cells += ["; ".join(rule_in_words.lifted_by(rule)), rule_in_words.in_force(rule)]
        yield f"| {' | '.join(map(cell, cells))} |"
    yield ""
    yield from map(grounds, policy.rules)


def grounds(rule: Rule) -> str:
    """What a rule stands on."""
    parts = [f"- `{rule.rule}`: [{rule.law}]({rule.source}), as of {rule.as_of}; read: {'; '.join(rule.read_in)}."]
    parts += [f"  {rule.note}"] if rule.note else []
    parts += [f"  *Sources differ:* {rule.conflict}"] if rule.conflict else []
    return "\n".join(parts)


def holiday_part(sets: Mapping[str, HolidaySet]) -> Iterator[str]:
    """The named sets of holidays."""
    yield from ("## Holidays", "", "The days on which rules close or have other hours, by the name of the set.")
    yield from ("Days come from the library `holidays`, with days of our own.", "")
    yield from ("| set | | days | observed days count too | law |", "|---|---|---|---|---|")
    for name, one in sets.items():
        place = "-".join(part for part in (one.country, one.subdivision) if part)
        days = [f"those of {place}" if one.only is None else f"of {place} {', '.join(one.only)}"] if place else []
        days += [f"without {', '.join(one.remove)}"] if one.remove else []
        days += [f"with {', '.join(dict.fromkeys(day.name for day in one.days))}"] if one.days else []
        cells = (f"`{name}`", one.title, "; ".join(days), "yes" if one.observed else "no", one.law)
        yield f"| {' | '.join(map(cell, cells))} |"


def cell(text: str) -> str:
    """Text as it may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


# ── all ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

MAKERS: dict[str, Callable[[], Files]] = {"schemas": schemas, "configuration": configuration, "policies": policies}


def stale(files: Files) -> list[Path]:
    """The files that are missing or say something else, and schemas that no message stands behind any more."""
    different = [path for path, text in files.items() if not same(ROOT / path, text)]
    return different + left_over(files)


def same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


def left_over(files: Files) -> list[Path]:
    """Generated schemas whose message is gone."""
    folders = {path.parent for path in files if path.suffix == ".json"}
    there = {found.relative_to(ROOT) for folder in folders for found in (ROOT / folder).glob("*.json")}
    return sorted(there - set(files))


def write(files: Files) -> None:
    for path, text in files.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
    for path in left_over(files):
        (ROOT / path).unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=" or ".join(MAKERS))
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if unknown := set(options.names) - set(MAKERS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    files: Files = {}
    for name in options.names or MAKERS:
        files |= MAKERS[name]()
    if not options.check:
        write(files)
        return 0
    if wrong := stale(files):
        print("These no longer agree with the code (make schemas docs):", *wrong, sep="\n  ", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
