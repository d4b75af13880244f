"""The configuration: every option, reading and checking."""

from manualdial.config.checks import longest_agent_leg, longest_press, overridable
from manualdial.config.options import (
    SECRETS,
    Asterisk,
    Authentication,
    Config,
    ConfigurationError,
    Dialing,
    Engine,
    EngineKind,
    Log,
    LogFormat,
    Option,
    Screening,
    Section,
    Server,
    Simulator,
    Storage,
    Tenant,
    options,
)
from manualdial.config.reading import load

__all__ = [
    "SECRETS",
    "Asterisk",
    "Authentication",
    "Config",
    "ConfigurationError",
    "Dialing",
    "Engine",
    "EngineKind",
    "Log",
    "LogFormat",
    "Option",
    "Screening",
    "Section",
    "Server",
    "Simulator",
    "Storage",
    "Tenant",
    "load",
    "longest_agent_leg",
    "longest_press",
    "options",
    "overridable",
]
