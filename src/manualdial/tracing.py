"""Spans for a press, by OpenTelemetry, where an exporter is configured; else nothing, at no cost."""

from __future__ import annotations

from collections.abc import Callable
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


def exporting(endpoint: str) -> tuple[Tracing, Callable[[], None]]:
    """Spans go to a collector by OTLP over HTTP. The second is to be called at the end: it sends those that wait.

    Raises ImportError where the extra `otlp` is not installed.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "manualdial"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return Tracing(provider.get_tracer("manualdial")), provider.shutdown
