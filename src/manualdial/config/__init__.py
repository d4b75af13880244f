"""The configuration: every option, reading and checking."""

from manualdial.config.checks import longest_agent_leg, longest_press, overridable
from manualdial.config.options import (
    SECRETS,
    Asterisk,
    Authentication,
    Config,
    ConfigurationError,
    DialingSection,
    EngineKind,
    EngineSection,
    Log,
    LogFormat,
    Option,
    ScreeningSection,
    Section,
    ServerSection,
    Simulator,
    StorageSection,
    Tenant,
    options,
)
from manualdial.config.reading import load
