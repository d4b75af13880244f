"""Every option: its name, type, default and one sentence; loading and checking.

From a TOML file and from the environment; the environment wins. `[server] port` in the file is MANUALDIAL_SERVER_PORT
in the environment, `[engine.asterisk] url` is MANUALDIAL_ENGINE_ASTERISK_URL. Lists in the environment are separated by
commas. An unknown key is refused, with its name. `docs/configuration.md` is generated from here.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, field

from manualdial.agents import Role
from manualdial.numbers import is_region
from manualdial.places.jurisdictions import of_jurisdiction
from manualdial.screening import Purpose
from manualdial.screening.location import REFUSE, STRICTEST

PREFIX = "MANUALDIAL_"

_DIGITS = re.compile(r"\+?[0-9]{1,15}")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_E164_BEGINNING = re.compile(r"\+[0-9]{1,15}")

NOT_OPTIONS = frozenset(PREFIX + name for name in ("CONFIG", "URL", "USER", "PASSWORD"))
"""Variables of the command line that are no options of the service."""

AnySection = TypeVar("AnySection", bound="Section")

Seconds = Annotated[float, Meta(gt=0)]
Port = Annotated[int, Meta(ge=0, le=65_535)]


class ConfigurationError(Exception):
    """The configuration cannot be used; the text names the option and says what is wrong, never its value."""


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class Server(Section, frozen=True, kw_only=True):
    """Where the service listens, and what it bears."""

    host: Annotated[str, Meta(description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="The port for HTTP and WebSocket; 0 takes a free one.")] = 8080
    allowed_origins: Annotated[
        list[str], Meta(description="Origins whose pages may call over HTTP and WebSocket; none: no check, no CORS.")
    ] = field(default_factory=list)
    request_timeout: Annotated[Seconds, Meta(description="The longest time one request may take.")] = 60.0
    register_timeout: Annotated[
        Seconds, Meta(description="How long a new connection may take to register (close 4401).")
    ] = 10.0
    ping_interval: Annotated[Seconds, Meta(description="How long a connection may be silent before it is asked.")] = (
        30.0
    )
    max_reader_lag: Annotated[
        int, Meta(ge=65_536, description="How many bytes may wait for a slow reader before it is closed (4508).")
    ] = 4_194_304
    max_requests: Annotated[
        int, Meta(ge=1, description="How many requests of one connection may be under way at once.")
    ] = 256
    max_incoming_rate: Annotated[
        float,
        Meta(gt=0, description="Bytes a second that one connection may send for long; a short message is a kilobyte."),
    ] = 1_048_576.0
    max_connections: Annotated[int, Meta(ge=1, description="How many connections of the bus may be open.")] = 20_000
    shutdown_timeout: Annotated[
        Seconds, Meta(description="How long requests may take to end when the service stops.")
    ] = 10.0
    trusted_proxies: Annotated[
        list[str], Meta(description="Addresses of reverse proxies that are believed who the client is.")
    ] = field(default_factory=list)
    open_metrics: Annotated[bool, Meta(description="Whether /metrics is read without a token.")] = True


class Storage(Section, frozen=True, kw_only=True):
    """Where users, calls and their history are kept."""

    url: Annotated[
        str,
        Meta(description="sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/DATABASE (best from the environment)."),
    ] = "sqlite:///manualdial.sqlite3"
    timeout: Annotated[Seconds, Meta(description="How long the database may take for one question.")] = 5.0
    remember_presses: Annotated[
        int, Meta(ge=7, description="For how many days, from the press on, a requestId is remembered.")
    ] = 7
    keep_calls: Annotated[
        int, Meta(ge=0, description="How many days ended calls and their history are kept; 0: for ever.")
    ] = 0


class EngineKind(StrEnum):
    """The telephony engines."""

    SIMULATOR = "simulator"
    ASTERISK = "asterisk"


class Simulator(Section, frozen=True, kw_only=True):
    """The engine without telephony."""

    speed: Annotated[float, Meta(gt=0, description="2.0 plays the calls twice as fast.")] = 1.0
    seed: Annotated[int, Meta(description="Decides how the mixed-up events of number 10 are mixed.")] = 0


class Asterisk(Section, frozen=True, kw_only=True):
    """Asterisk by ARI."""

    url: Annotated[str, Meta(description="Where ARI is, with /ari.")] = "http://127.0.0.1:8088/ari"
    user: Annotated[str, Meta(description="The user of ari.conf.")] = "manualdial"
    password: Annotated[str, Meta(description="Its password; best from the environment.")] = ""
    application: Annotated[str, Meta(description="The name of the Stasis application; one service each.")] = (
        "manualdial"
    )
    agent_endpoint: Annotated[
        str, Meta(description="The agent's phone as an Asterisk endpoint; {extension} is replaced.")
    ] = "PJSIP/{extension}"
    trunk_endpoint: Annotated[
        str,
        Meta(
            description="The customer through the trunk as an Asterisk endpoint; {number} (E.164) or {digits} (no +)."
        ),
    ] = "PJSIP/{number}@trunk"
    caller_id: Annotated[str, Meta(description="The number that customers see where a press names none.")] = ""
    agent_timeout: Annotated[int, Meta(ge=1, le=600, description="How many seconds the agent's phone rings.")] = 20
    customer_timeout: Annotated[int, Meta(ge=1, le=600, description="How many seconds the customer's phone rings.")] = (
        45
    )
    extension_pause: Annotated[
        float, Meta(ge=0, description="Seconds between the answer and the digits of an extension.")
    ] = 1.0
    request_timeout: Annotated[Seconds, Meta(description="How long ARI may take for one answer.")] = 5.0


class Engine(Section, frozen=True, kw_only=True):
    """The telephony engine."""

    kind: Annotated[EngineKind, Meta(description="simulator or asterisk.")] = EngineKind.SIMULATOR
    simulator: Simulator = field(default_factory=Simulator)
    asterisk: Asterisk = field(default_factory=Asterisk)


class Dialing(Section, frozen=True, kw_only=True):
    """How presses become calls."""

    default_region: Annotated[
        str, Meta(description="ISO 3166 region of national numbers where neither press nor agent names one.")
    ] = "US"
    purpose: Annotated[Purpose, Meta(description="The purpose of a press that names none; sales is the strictest.")] = (
        Purpose.SALES
    )
    purposes: Annotated[
        list[Purpose], Meta(description="The purposes that a press may name; those that are left out are refused.")
    ] = field(default_factory=lambda: list(Purpose))
    caller_ids: Annotated[
        list[str], Meta(description="Numbers (E.164) that a press may ask to show by CallerID; none: no press may ask.")
    ] = field(default_factory=list)
    agent_rate: Annotated[
        float, Meta(ge=0, description="How many calls a second one agent may begin for long; 0: no limit.")
    ] = 0.0
    agent_burst: Annotated[int, Meta(ge=1, description="How many calls an agent who has rested may begin at once.")] = 5
    engine_rate: Annotated[
        float, Meta(ge=0, description="How many calls a second all agents together may begin for long; 0: no limit.")
    ] = 0.0
    engine_burst: Annotated[
        int, Meta(ge=1, description="How many calls all agents together may begin at once after a pause.")
    ] = 20
    guard: Annotated[
        float, Meta(ge=0, description="Seconds in which the same number without requestId is a double click.")
    ] = 3.0
    wrap_up: Annotated[float, Meta(ge=0, description="The longest work after a call in seconds; 0: no limit.")] = 0.0
    event_timeout: Annotated[
        Seconds, Meta(description="How long the engine may take to report what a control request asked for.")
    ] = 5.0
    silence: Annotated[
        Seconds, Meta(description="How long a live call may give no sign of life before the engine is asked for it.")
    ] = 60.0
    unknown_settles_after: Annotated[
        Seconds, Meta(description="How long a call whose outcome is unknown may still turn up in the engine.")
    ] = 15.0


class Screening(Section, frozen=True, kw_only=True):
    """The verdict before the ring: which rules bind, and what the seller says of itself."""

    policies: Annotated[
        str, Meta(description="A directory of policy files of your own, on top of the shipped ones; empty: none.")
    ] = ""
    registries_path: Annotated[str, Meta(description="The directory of the copies of do-not-call registries.")] = (
        "registries"
    )
    registries: Annotated[
        list[str],
        Meta(description="The registries that must be asked where the law says so (us-national …); `*`: all of them."),
    ] = field(default_factory=lambda: ["*"])
    registrations: Annotated[
        list[str], Meta(description="The registrations that you have (us-vt, ca-national …); `*`: all that are needed.")
    ] = field(default_factory=list)
    countries: Annotated[list[str], Meta(description="ISO 3166 countries that may be called; `*`: all.")] = field(
        default_factory=lambda: ["*"]
    )
    campaigns: Annotated[
        list[str],
        Meta(description="Campaigns (CampaignID) that count attempts apart where a law counts by subject; `*`: all."),
    ] = field(default_factory=list)
    blocked_numbers: Annotated[list[str], Meta(description="Beginnings of numbers (E.164) that are never called.")] = (
        field(default_factory=list)
    )
    premium_numbers: Annotated[bool, Meta(description="Whether numbers that cost the caller more may be called.")] = (
        False
    )
    overridable: Annotated[
        list[str],
        Meta(description="Rules that may be overridden, and by which roles: calling-hours=supervisor+admin."),
    ] = field(default_factory=list)
    no_place: Annotated[
        str,
        Meta(
            description="Where a number without a place counts as being: strictest, refuse, or a jurisdiction (US-NY)."
        ),
    ] = "strictest"
    keep_evidence: Annotated[
        int, Meta(ge=0, description="How many days evidence is kept; 0: for ever. US law asks for five years.")
    ] = 0
    telemarketer: Annotated[str, Meta(description="Who calls, for the evidence.")] = ""
    seller: Annotated[str, Meta(description="For whom is called, for the evidence.")] = ""
    goods: Annotated[str, Meta(description="What the calls are about, for the evidence.")] = ""
    script: Annotated[str, Meta(description="Which script is used and where it is kept, for the evidence.")] = ""


class Tenant(Section, frozen=True, kw_only=True):
    """What one tenant has otherwise than all others: a table `[tenants.NAME]`. What is left out is as for all."""

    purpose: Annotated[Purpose | None, Meta(description="As dialing.purpose.")] = None
    purposes: Annotated[list[Purpose] | None, Meta(description="As dialing.purposes.")] = None
    caller_ids: Annotated[list[str] | None, Meta(description="As dialing.caller_ids.")] = None
    registries: Annotated[list[str] | None, Meta(description="As screening.registries.")] = None
    registrations: Annotated[list[str] | None, Meta(description="As screening.registrations.")] = None
    countries: Annotated[list[str] | None, Meta(description="As screening.countries.")] = None
    campaigns: Annotated[list[str] | None, Meta(description="As screening.campaigns.")] = None
    blocked_numbers: Annotated[list[str] | None, Meta(description="As screening.blocked_numbers.")] = None
    premium_numbers: Annotated[bool | None, Meta(description="As screening.premium_numbers.")] = None
    overridable: Annotated[list[str] | None, Meta(description="As screening.overridable.")] = None
    telemarketer: Annotated[str | None, Meta(description="As screening.telemarketer.")] = None
    seller: Annotated[str | None, Meta(description="As screening.seller.")] = None
    goods: Annotated[str | None, Meta(description="As screening.goods.")] = None
    script: Annotated[str | None, Meta(description="As screening.script.")] = None


class Agents(Section, frozen=True, kw_only=True):
    """Agent logins."""

    grace: Annotated[
        Seconds, Meta(description="How long a login lasts with no connection of the agent and no live call.")
    ] = 60.0


class Authentication(Section, frozen=True, kw_only=True):
    """Signing in."""

    secret_file: Annotated[
        str, Meta(description="The file with the secret that signs tokens; made, with mode 0600, where it is missing.")
    ] = "manualdial.secret"
    token_lifetime: Annotated[Seconds, Meta(description="How long a token is good.")] = 3600.0
    attempts: Annotated[
        int, Meta(ge=1, description="How often one name may try to sign in at once before it has to wait.")
    ] = 10
    attempt_interval: Annotated[
        Seconds, Meta(description="After that: how long until the next attempt of the name.")
    ] = 6.0
    address_attempts: Annotated[
        int, Meta(ge=1, description="How often one address may try to sign in at once before it has to wait.")
    ] = 50
    address_attempt_interval: Annotated[
        Seconds, Meta(description="After that: how long until the next attempt from the address.")
    ] = 1.0


class LogFormat(StrEnum):
    """How log lines look."""

    JSON = "json"
    CONSOLE = "console"


class Log(Section, frozen=True, kw_only=True):
    """The log, on standard error."""

    format: Annotated[LogFormat, Meta(description="json or console.")] = LogFormat.JSON
    level: Annotated[str, Meta(pattern="^(debug|info|warning|error)$", description="debug, info, warning, error.")] = (
        "info"
    )


class Telemetry(Section, frozen=True, kw_only=True):
    """OpenTelemetry."""

    otlp_endpoint: Annotated[
        str, Meta(description="Where spans go by OTLP over HTTP; empty: nowhere. Needs the extra `otlp`.")
    ] = ""


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration."""

    server: Server = field(default_factory=Server)
    storage: Storage = field(default_factory=Storage)
    engine: Engine = field(default_factory=Engine)
    dialing: Dialing = field(default_factory=Dialing)
    screening: Screening = field(default_factory=Screening)
    agents: Agents = field(default_factory=Agents)
    authentication: Authentication = field(default_factory=Authentication)
    log: Log = field(default_factory=Log)
    telemetry: Telemetry = field(default_factory=Telemetry)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    """By the tenant's name. Only in the file: the environment names no tenant."""


class Option(Struct, frozen=True, kw_only=True):
    """One option, for documentation and for the environment."""

    path: tuple[str, ...]
    type: Any
    default: Any
    description: str

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + "_".join(self.path).upper()


SECRETS = frozenset({("engine", "asterisk", "password"), ("storage", "url")})
"""Options that are never shown."""


def options(section: type[Section] = Config, path: tuple[str, ...] = ()) -> Iterator[Option]:
    """All options, in the order of the file."""
    for one in msgspec.structs.fields(section):
        inner = one.type
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from options(inner, (*path, one.name))
            continue
        if get_origin(inner) is dict:  # tables whose names the operator chooses
            continue
        default = one.default_factory() if one.default is msgspec.NODEFAULT else one.default
        metadata = [meta for meta in getattr(inner, "__metadata__", ()) if meta.description]
        yield Option(path=(*path, one.name), type=inner, default=default, description=metadata[0].description or "")


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
    _check(config)
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
    """What an option may be, where that is a list: the reader's own words would tell the value."""
    name = where.removesuffix("[...]")
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


def _check(config: Config) -> None:
    """Values and combinations that cannot work."""
    for option in options():
        value: Any = config
        for part in option.path:
            value = getattr(value, part)
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigurationError(f"{'.'.join(option.path)}: a finite number is expected")
    if not is_region(config.dialing.default_region):
        raise ConfigurationError("dialing.default_region: no ISO 3166 region in upper case")
    _check_caller_ids("dialing.caller_ids", config.dialing.caller_ids)
    _check_screening(config.screening)
    for name, tenant in config.tenants.items():
        _check_caller_ids(f"tenants.{name}.caller_ids", tenant.caller_ids or [])
        _check_lists(f"tenants.{name}", tenant)
    _check_asterisk(config.engine.asterisk, in_use=config.engine.kind is EngineKind.ASTERISK)
    if 0 < config.storage.keep_calls < config.storage.remember_presses:
        raise ConfigurationError("storage.keep_calls: at least storage.remember_presses, or 0")
    if config.server.request_timeout < longest_press(config) + 1:
        at_least = longest_press(config) + 1
        raise ConfigurationError(
            f"server.request_timeout: at least {at_least:g}, the sum of the waits inside a request"
        )


def longest_press(config: Config) -> float:
    """The longest time that a press takes once its turn has come, in seconds."""
    return config.storage.timeout * 6 + config.engine.asterisk.request_timeout * 3


def longest_agent_leg(config: Config) -> int:
    """For how many seconds the agent's phone may ring before the customer is dialled."""
    return config.engine.asterisk.agent_timeout if config.engine.kind is EngineKind.ASTERISK else 0


def _check_asterisk(asterisk: Asterisk, *, in_use: bool) -> None:
    for name, template, parts in (
        ("agent_endpoint", asterisk.agent_endpoint, ("{extension}",)),
        ("trunk_endpoint", asterisk.trunk_endpoint, ("{number}", "{digits}")),
    ):
        if not any(part in template for part in parts):
            raise ConfigurationError(f"engine.asterisk.{name}: {' or '.join(parts)} is missing")
    if asterisk.caller_id and not _DIGITS.fullmatch(asterisk.caller_id):
        raise ConfigurationError("engine.asterisk.caller_id: digits, with or without a plus sign")
    if in_use and not asterisk.password:
        raise ConfigurationError("engine.asterisk.password: ARI needs one")


def _check_screening(screening: Screening) -> None:
    _check_lists("screening", screening)
    if screening.no_place not in (STRICTEST, REFUSE) and of_jurisdiction(screening.no_place) is None:
        raise ConfigurationError("screening.no_place: strictest, refuse, or a jurisdiction as US-NY or FR")


def _check_lists(name: str, section: Screening | Tenant) -> None:
    if any(country != "*" and not is_region(country) for country in section.countries or ()):
        raise ConfigurationError(f"{name}.countries: ISO 3166 countries in upper case, or *")
    if not all(_E164_BEGINNING.fullmatch(prefix) for prefix in section.blocked_numbers or ()):
        raise ConfigurationError(f"{name}.blocked_numbers: each begins with + and a calling code")
    overridable(section.overridable or (), option=f"{name}.overridable")


def overridable(entries: Iterable[str], *, option: str = "overridable") -> dict[str, frozenset[Role]]:
    """The rules that may be overridden, and by whom: `RULE=ROLE+ROLE`. Raises ConfigurationError."""
    found = {}
    for entry in entries:
        rule, _, roles = entry.partition("=")
        try:
            found[rule.strip().lower()] = frozenset(Role(role.strip()) for role in roles.split("+"))
        except ValueError:
            known = ", ".join(Role)
            raise ConfigurationError(f"{option}: RULE=ROLE or RULE=ROLE+ROLE with roles of {known}") from None
    return found


def _check_caller_ids(name: str, numbers: Iterable[str]) -> None:
    if not all(_E164.fullmatch(number) for number in numbers):
        raise ConfigurationError(f"{name}: a caller ID is E.164, as +12025550180")
