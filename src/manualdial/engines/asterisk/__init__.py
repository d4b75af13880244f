"""The engine for Asterisk 16 and later, by ARI."""

from manualdial.engines.asterisk.engine import AsteriskEngine
