"""Reads the configuration from a TOML file and from the environment; the environment wins.

`[server] port` in the file is MANUALDIAL_SERVER_PORT in the environment, `[engine.asterisk] url` is
MANUALDIAL_ENGINE_ASTERISK_URL. Lists in the environment are separated by commas. An unknown key is refused, with its
name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

from manualdial.config.checks import check
from manualdial.config.options import PREFIX, Config, ConfigurationError, Section, Tenant, options

NOT_OPTIONS = frozenset(PREFIX + name for name in ("CONFIG", "URL", "USER", "PASSWORD"))
"""Variables of the command line that are no options of the service."""

AnySection = TypeVar("AnySection", bound=Section)


def load(path: Path | None, environment: Mapping[str, str]) -> Config:
    """Read the file, if one is named, and the environment. Raises ConfigurationError."""
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigurationError(f"the file {path} cannot be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"the file {path} is not TOML: {error}") from None
    _apply_environment(values, environment)
    _check_tenants(values.get("tenants"))
    config = _converted(values, Config)
    check(config)
    return config


def _check_tenants(tables: Any) -> None:
    """Each tenant's table for itself, so that what is wrong is told with the tenant's name."""
    if not isinstance(tables, dict):
        return
    known: dict[str, str] = {}
    for name, table in tables.items():
        twin = known.setdefault(name.casefold(), name)
        if twin != name:
            raise ConfigurationError(f"tenants.{name}: that is the tenant {twin} again; the case does not matter")
        _converted(table, Tenant, under=f"tenants.{name}")


def _converted(values: Any, kind: type[AnySection], *, under: str = "") -> AnySection:
    """A table of the file. Raises ConfigurationError with the name of the option, below `under`."""
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$")
        where = where.strip(".`")
        named = ".".join(part for part in (under, where) if part) or "configuration"
        raise ConfigurationError(f"{named}: {_choices(kind, where) or reason}") from None


def _apply_environment(values: dict[str, Any], environment: Mapping[str, str]) -> None:
    known = {option.variable: option for option in options()}
    for name, text in environment.items():
        if not name.startswith(PREFIX) or name in NOT_OPTIONS:
            continue
        option = known.get(name)
        if option is None:
            raise ConfigurationError(f"{name}: no such option in the environment")
        section = values
        for part in option.path[:-1]:
            section = section.setdefault(part, {})
            if not isinstance(section, dict):
                raise ConfigurationError(f"{part}: a table is expected")
        parts = [part.strip() for part in text.split(",") if part.strip()]
        section[option.path[-1]] = parts if isinstance(option.default, list) else text


def _choices(section: type[Section], where: str) -> str:
    """The values that an option may have, where that is a list: the reader's own words would tell the value."""
    name = where.partition("[")[0]  # of an element of a list
    kinds = [option.type for option in options(section) if ".".join(option.path) == name]
    words = _words(kinds[0]) if kinds else None
    if words is None or (name == where and words.is_list):
        return ""
    return f"{'each is ' if words.is_list else ''}one of {', '.join(words.kind)}"


class _Words(Struct, frozen=True, kw_only=True):
    """The words that an option may be, or that its list may have."""

    kind: type[StrEnum]
    is_list: bool


def _words(kind: Any, *, in_list: bool = False) -> _Words | None:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _Words(kind=kind, is_list=in_list)
    inner = (_words(part, in_list=in_list or get_origin(kind) is list) for part in get_args(kind))
    return next((found for found in inner if found is not None), None)
