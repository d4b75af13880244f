"""`manualdial config`: the settings in force, and whether they can be used."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from manualdial.app.adapters import policies_for, store_for, tenants_for
from manualdial.commands.configuration import ConfigFile, configuration, file_in_force
from manualdial.commands.failure import group
from manualdial.commands.terminal import json_line, output, table
from manualdial.config import SECRETS, Option, load, options
from manualdial.plain_text import printable

HIDDEN = "***"

application = group("The settings in force.")


class Source(StrEnum):
    """Where a setting comes from."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One option as it is in force; a secret that was set is hidden."""

    option: str
    value: Any
    source: Source
    variable: str | None
    """Its name in the environment; None for those of a tenant, which are in the file alone."""


@application.command(epilog="Example: manualdial config show --config manualdial.toml")
def show(
    config: ConfigFile = None, as_json: Annotated[bool, typer.Option("--json", help="As one JSON list.")] = False
) -> None:
    """Show every setting with where it comes from, those of the tenants too. Secrets are shown as ***."""
    found = list(settings(file_in_force(config), os.environ))
    if as_json:
        output().out(json_line([msgspec.to_builtins(one) for one in found]))
        return
    rows = [(printable(one.option), printable(_text(one.value)), one.source.value) for one in found]
    output().print(table(rows, styles=("bold", "", "dim")))


@application.command(epilog="Example: manualdial config check --config manualdial.toml")
def check(config: ConfigFile = None) -> None:
    """Check the settings as the service does; exit code 2 and the reason where they cannot be used.

    With them the policies are read; neither the database nor the telephone system is asked.
    """
    in_force = configuration(config)
    store_for(in_force)
    tenants_for(in_force, policies_for(in_force))
    file = file_in_force(config)
    where = f"{file} and the environment" if file else "the defaults and the environment (there is no file)"
    output().print(f"The configuration is good: {where}.", markup=False)


def settings(file: Path | None, environment: Mapping[str, str]) -> Iterator[Setting]:
    """All settings in force, in the order of the documentation. Raises ConfigurationError."""
    in_force = load(file, environment)
    written = tomllib.loads(file.read_text(encoding="utf-8")) if file else {}
    for option in options():
        source = _source(option, written, environment)
        hidden = option.path in SECRETS and source is not Source.DEFAULT
        yield Setting(
            option=".".join(option.path),
            value=HIDDEN if hidden else attrgetter(".".join(option.path))(in_force),
            source=source,
            variable=option.variable,
        )
    for name, own in written.get("tenants", {}).items():
        for key in own:
            value = getattr(in_force.tenants[name], key)
            yield Setting(option=f"tenants.{name}.{key}", value=value, source=Source.FILE, variable=None)


def _source(option: Option, written: Mapping[str, Any], environment: Mapping[str, str]) -> Source:
    if option.variable in environment:
        return Source.ENVIRONMENT
    return Source.FILE if _is_written(option.path, written) else Source.DEFAULT


def _is_written(path: tuple[str, ...], written: Any) -> bool:
    for part in path:
        if not isinstance(written, dict) or part not in written:
            return False
        written = written[part]
    return True


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "(none)"
    return str(value) or "(empty)"
