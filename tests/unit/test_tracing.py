"""tracing: spans for a press, where an exporter is configured."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from manualdial.tracing import Tracing


def test_a_span_lasts_as_long_as_its_block_and_has_its_attributes() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = Tracing(provider.get_tracer("tests"))
    with tracing.span("press"), tracing.span("engine", call_id="c-1"):
        assert exporter.get_finished_spans() == ()
    engine, press = exporter.get_finished_spans()
    assert (engine.name, dict(engine.attributes or {}), press.name) == ("engine", {"call_id": "c-1"}, "press")
    assert engine.parent == press.context


def test_what_an_exception_says_is_in_no_span() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with pytest.raises(ValueError, match="5550100"), Tracing(provider.get_tracer("tests")).span("press"):
        raise ValueError("+12025550100 is busy")
    (span,) = exporter.get_finished_spans()
    assert "5550100" not in span.to_json()


def test_without_an_exporter_nothing_is_recorded_and_blocks_run() -> None:
    with Tracing().span("press", call_id="c-1"):
        pass
