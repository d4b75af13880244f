"""The options about a registry and its list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from manualdial.commands.failure import WronglyCalled
from manualdial.law.policies import Policies
from manualdial.moments import moment
from manualdial.plain_text import counted, printable
from manualdial.registries.area_codes import CALLING_CODE, codes_of
from manualdial.registries.edition import Edition, is_registry_name
from manualdial.registries.line_shapes import Column
from manualdial.registries.numbering import NumberingPlan, plan_of_calling_code, plan_of_registry

_CODE = re.compile(r"[0-9]{1,8}")
_NORTH_AMERICAN_CODE = re.compile(r"[2-9][0-9]{2}")


def check_name(name: str) -> None:
    """Raises WronglyCalled where no registry can be called so."""
    if not is_registry_name(name):
        raise WronglyCalled("a registry's name is small letters, digits and single dashes, such as us-national.")


def plan_of(name: str, calling_code: str) -> NumberingPlan:
    """How the numbers of a list are written; from the registry's name where no calling code is said."""
    try:
        plan = plan_of_calling_code(calling_code) if calling_code else plan_of_registry(name)
    except ValueError as error:
        raise WronglyCalled(f"{error}.") from None
    if plan is None:
        raise WronglyCalled(f"the calling code of {name} is not known; say it with --calling-code.")
    return plan


def instant(text: str) -> datetime:
    """When a list was made. A date alone is its first minute in UTC."""
    whole = f"{text}T00:00Z" if len(text) == len("2026-11-20") else text
    try:
        return moment(whole, "--as-of").astimezone(UTC)
    except ValueError as fault:
        raise WronglyCalled(f"{fault}, or a date such as 2026-11-20.") from None


def area_codes_said(listed: str, *, file: Path | None, every: bool) -> list[str] | None:
    """The codes that were named; an empty list for all; None where nothing was said."""
    if sum((bool(listed), file is not None, every)) > 1:
        raise WronglyCalled("say one of --area-codes, --area-codes-from and --all-area-codes.")
    if every:
        return []
    if file is not None:
        try:
            listed = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            raise WronglyCalled(f"{file} cannot be read.") from None
        if not listed.strip():
            raise WronglyCalled(f"{file} names no area code.")
    return re.split(r"[\s,;]+", listed.strip(" \t\r\n,;")) if listed else None


def covered(name: str, codes: Sequence[str] | None, plan: NumberingPlan, *, changes: bool) -> tuple[str, ...]:
    """Beginnings of the numbers that were bought; none for all area codes. In North America they have to be said."""
    north_american = plan.calling_code == CALLING_CODE
    if changes:
        if codes is not None:
            raise WronglyCalled("a change list covers what the copy covers; area codes are said with the full list.")
        return ()
    if codes is None and north_american:
        raise WronglyCalled("say which area codes were bought: --area-codes, --area-codes-from or --all-area-codes.")
    if north_american and not codes:
        if not codes_of(name).in_service:
            raise WronglyCalled(f"all area codes of what country {name} has is not known; name them with --area-codes.")
        return ()
    form = _NORTH_AMERICAN_CODE if north_american else _CODE
    wrong = [code for code in codes or () if not form.fullmatch(code)]
    if wrong:
        raise WronglyCalled(f"{printable(wrong[0])} is no area code.")
    prefixes = {plan.calling_code + code.lstrip("0" if plan.trunk_zero else "") for code in codes or ()}
    return tuple(sorted(prefixes)) or (plan.calling_code,)


def remarks_on(made: Edition, policies: Policies, *, now: datetime) -> list[str]:
    """Oddities of a list that was imported: nobody asks for it, or it is too old for those who do."""
    asking = [
        rule.registry.max_age_days
        for rule in policies.rules()
        if rule.on and rule.registry is not None and not rule.registry.answers_only and rule.subject == made.registry
    ]
    if not asking:
        return [f"No rule that is on asks for a copy of {made.registry}: it is held, and not looked into."]
    age, most = now - made.as_of, min(asking)
    if age <= timedelta(days=most):
        return []
    return [f"It is {counted(age.days, 'day')} old, the rules want one of at most {most}: sales there are refused."]


def columns_said(text: str, *, changes: bool) -> tuple[Column, ...]:
    """The columns of a change list; none where they are to be found out."""
    if not text:
        return ()
    if not changes:
        raise WronglyCalled("--columns is for change lists.")
    try:
        columns = tuple(Column(name.strip()) for name in text.split(","))
    except ValueError:
        raise WronglyCalled("--columns names operation, area-code, number and -, separated by commas.") from None
    named = [column for column in columns if column is not Column.IGNORED]
    if len(set(named)) < len(named) or not {Column.OPERATION, Column.NUMBER} <= set(named):
        raise WronglyCalled("--columns names operation and number, and each once.")
    return columns
