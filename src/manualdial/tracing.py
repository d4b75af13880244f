"""Spans for a press, by OpenTelemetry, where an exporter is configured; else nothing, at no cost."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from opentelemetry.trace import Tracer

_NOTHING = nullcontext()


class Tracing:
    """Spans, or none."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        """Without a tracer nothing is recorded."""
        self._tracer = tracer

    def span(self, name: str, **attributes: str) -> AbstractContextManager[object]:
        """A span that lasts as long as the block. An exception's text, which may hold anything, is not recorded."""
        if self._tracer is None:
            return _NOTHING
        return self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        )
