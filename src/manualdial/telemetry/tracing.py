"""Spans for a press, by OpenTelemetry, where an exporter is configured; else nothing, at no cost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog
from opentelemetry.trace import Tracer

Span = Callable[[str], AbstractContextManager[object]]
"""Opens a span of this name for as long as a block lasts; where nothing is recorded it is `nullcontext`."""


def spans_of(tracer: Tracer) -> Span:
    """Spans that a tracer records, with what the log lines of the request are bound to.

    An exception's text, which may hold anything, is not recorded.
    """

    def span(name: str) -> AbstractContextManager[object]:
        bound = structlog.contextvars.get_contextvars()
        attributes = {key: value for key, value in bound.items() if value is not None}
        return tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        )

    return span


def exporting(endpoint: str) -> tuple[Span, Callable[[], None]]:
    """Spans go to a collector by OTLP over HTTP. The second is to be called at the end: it sends those that wait.

    Raises ImportError where the extra `otlp` is not installed.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "manualdial"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return spans_of(provider.get_tracer("manualdial")), provider.shutdown
