"""tracing: spans for a press, where an exporter is configured."""

from __future__ import annotations

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from manualdial.telemetry.tracing import spans_of


def test_a_span_lasts_as_long_as_its_block_and_has_what_the_log_lines_have() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    span = spans_of(provider.get_tracer("tests"))
    with structlog.contextvars.bound_contextvars(request_id="r-1", other=None), span("press"), span("engine"):
        assert exporter.get_finished_spans() == ()
    engine, press = exporter.get_finished_spans()
    assert (engine.name, dict(engine.attributes or {}), press.name) == ("engine", {"request_id": "r-1"}, "press")
    assert engine.parent == press.context


def test_what_an_exception_says_is_in_no_span() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with pytest.raises(ValueError, match="5550100"), spans_of(provider.get_tracer("tests"))("press"):
        raise ValueError("+12025550100 is busy")
    (span,) = exporter.get_finished_spans()
    assert "5550100" not in span.to_json()
