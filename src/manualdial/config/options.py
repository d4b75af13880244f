"""Every option: its name, type, default and one sentence. `docs/configuration.md` is generated from here."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, get_origin

import msgspec
from msgspec import Meta, Struct, field

from manualdial.law import Purpose

PREFIX = "MANUALDIAL_"

Seconds = Annotated[float, Meta(gt=0)]
Port = Annotated[int, Meta(ge=0, le=65_535)]


class ConfigurationError(Exception):
    """The configuration cannot be used; the text names the option and says what is wrong, never its value."""


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class ServerSection(Section, frozen=True, kw_only=True):
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


class StorageSection(Section, frozen=True, kw_only=True):
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


class EngineSection(Section, frozen=True, kw_only=True):
    """The telephony engine."""

    kind: Annotated[EngineKind, Meta(description="simulator or asterisk.")] = EngineKind.SIMULATOR
    simulator: Simulator = field(default_factory=Simulator)
    asterisk: Asterisk = field(default_factory=Asterisk)


class DialingSection(Section, frozen=True, kw_only=True):
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


class ScreeningSection(Section, frozen=True, kw_only=True):
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
    """The settings of one tenant: a table `[tenants.NAME]`. What is left out is as for all others."""

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

    server: ServerSection = field(default_factory=ServerSection)
    storage: StorageSection = field(default_factory=StorageSection)
    engine: EngineSection = field(default_factory=EngineSection)
    dialing: DialingSection = field(default_factory=DialingSection)
    screening: ScreeningSection = field(default_factory=ScreeningSection)
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
