"""Spans of a press, as a collector of OpenTelemetry gets them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.running_service import number, press, running_service, settle_in


class Collector:
    """Takes spans over HTTP and remembers their names."""

    def __init__(self) -> None:
        self.spans: list[str] = []
        self.bodies = b""
        self.url = ""


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector that listens for the length of the block."""
    collected = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = ExportTraceServiceRequest.FromString(body)
            collected.bodies += body
            collected.spans += [
                span.name for of_resource in request.resource_spans for scope in of_resource.scope_spans
                for span in scope.spans
            ]  # fmt: skip
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    collected.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
    try:
        yield collected
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_a_press_is_told_to_a_collector_in_spans_without_its_number(tmp_path: Path) -> None:
    await settle_in(tmp_path)
    with collector() as collected:
        async with running_service(tmp_path, TELEMETRY_OTLP_ENDPOINT=collected.url) as service:
            await press(await service.desk(), number(0))

    assert {"LCM/Webservice/ManualDialCall", "verdict", "journal", "engine"} <= set(collected.spans)
    assert number(0).encode() not in collected.bodies


async def test_without_an_endpoint_nothing_is_told(tmp_path: Path) -> None:
    await settle_in(tmp_path)
    with collector() as collected:
        async with running_service(tmp_path) as service:
            await press(await service.desk(), number(0))

    assert collected.spans == []
