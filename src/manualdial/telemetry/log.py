"""The log: structlog as JSON or for a console, on standard error. Numbers and tokens never stand in it in clear.

Values are fields, messages are constant text. What a field might carry of a number or a token is masked here as well,
whoever wrote it.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from manualdial.numbers import mask

_NUMBER = re.compile(
    r"""
    (?P<kept>  # what has many digits too, and is needed: ids, moments, addresses, fractions
        [0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}
        | \b(?=[0-9a-f]*[a-f])[0-9a-f]{16,}\b
        | \b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d+)?)?\b
        | \b\d{1,3}(?:\.\d{1,3}){3}\b(?!\.\d)(?::\d+)?
        | (?<![\d.])0\.\d+\b(?!\.\d)
    )
    | (?P<number>\+?\d(?:[ ().-]{0,3}\d){6,})
    """,
    re.VERBOSE,
)
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+|(?i:bearer)[ .][\w.~+/-]+")
_SAFE_FIELDS = frozenset({"timestamp", "level", "call_id", "incident"})


def set_up(*, console: bool, level: str, stream: TextIO | None = None) -> None:
    """Set the log of the process up, once at its start."""
    stream = stream or sys.stderr
    chosen = getattr(logging, level.upper())
    renderer: Any = _json
    if console:  # a traceback as plain text is masked like any other text; a pretty one would show local variables
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        masked,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(chosen),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    formatter = structlog.stdlib.ProcessorFormatter(processors=[_without_record, renderer], foreign_pre_chain=shared)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=max(chosen, logging.WARNING), force=True)


def masked(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Mask every number and token in every text of a log line."""
    return {key: value if key in _SAFE_FIELDS else _masked(value) for key, value in event.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return _NUMBER.sub(lambda found: found["kept"] or mask(found["number"]), _TOKEN.sub("***", value))
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    return value


def _without_record(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event


_json = structlog.processors.JSONRenderer()
