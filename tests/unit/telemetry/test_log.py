"""log: one line an event, and never a number or a token in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from manualdial.telemetry import log
from tests.support.calls import a_call

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1LWFubiJ9.c2lnbmF0dXJl-_x"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def logged(*, console: bool = False, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    log.set_up(console=console, level=level, stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_and_level() -> None:
    stream = logged()
    structlog.get_logger("tests").info("call", state="connected")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["state"]) == ("call", "info", "connected")
    assert line["timestamp"].endswith("Z")


def test_what_is_bound_to_a_call_stands_in_every_line_of_it() -> None:
    stream = logged()
    with structlog.contextvars.bound_contextvars(call_id="c-1"):
        structlog.get_logger("tests").info("one")
        structlog.get_logger("tests").warning("two")
    assert [line["call_id"] for line in lines(stream)] == ["c-1", "c-1"]


def test_what_is_below_the_level_is_not_written() -> None:
    stream = logged(level="warning")
    structlog.get_logger("tests").info("call")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "text",
    [
        "+12025550100", "dialled +12025550100.", "number:+12025550100", "number:12025550100", "tel:+1-202-555-0100",
        "sip:12025550100@10.0.0.7:5060", "PJSIP/12025550100@trunk", "PJSIP/+12025550100@trunk-0000001f",
        "(202) 555-0100", "202.555.0100", "+1 202 555 0100, busy", "'+12025550100'", "e164=12025550100;ext=7",
        "+12025550100-", "12025550100:", "+12025550100\n", "a 2025550100 b",
    ],
)  # fmt: skip
@pytest.mark.parametrize("console", [False, True])
def test_a_number_is_masked_wherever_it_stands(text: str, console: bool) -> None:
    stream = logged(console=console)
    logger = structlog.get_logger("tests")
    logger.info("call", reason=text, nested={"list": [text], "tuple": (text,)})
    logger.info(text)
    logging.getLogger("vendor").warning("could not dial %s", text)
    for form in ("5550100", "555-0100", "555.0100", "555 0100"):
        assert form not in stream.getvalue()


@pytest.mark.parametrize("console", [False, True])
def test_a_number_in_the_text_of_an_exception_is_masked(console: bool) -> None:
    stream = logged(console=console)
    try:
        raise ValueError(f"sip:+12025550100@trunk with {TOKEN}")  # noqa: TRY301 - a traceback is what is looked at
    except ValueError as fault:
        structlog.get_logger("tests").exception("request failed", incident="i-1")
        structlog.get_logger("tests").error("task failed", exc_info=fault)
        logging.getLogger("vendor").exception("vendor failed")
    text = stream.getvalue()
    assert text.count("ValueError") >= 3
    assert "5550100" not in text
    assert TOKEN not in text


@pytest.mark.parametrize("text", [TOKEN, f"Bearer {TOKEN}", "Authorization: bearer abc.def", f"bearer.{TOKEN}"])
@pytest.mark.parametrize("console", [False, True])
def test_a_token_is_masked_wherever_it_stands(text: str, console: bool) -> None:
    stream = logged(console=console)
    structlog.get_logger("tests").info("refused", header=text)
    logging.getLogger("vendor").error(text)
    assert TOKEN not in stream.getvalue()
    assert "abc.def" not in stream.getvalue()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("call_id", "02f91612-1234-4960-8012-123456789012"),
        ("incident", "12345678901234567890123456789012"),
        ("request", "a2345678901234567890123456789012"),
        ("leg_id", "02f91612-1234-4960-8012-123456789012.agent"),
        ("address", "127.0.0.1:8080"),
        ("url", "http://192.168.100.200:18088"),
        ("at", "2026-03-02T15:00:00.123456+00:00"),
        ("day", "2026-03-02 15:00:00"),
        ("seconds", "0.123456789"),
        ("calls", 12345678),
    ],
)
def test_what_is_no_number_stays_as_it_is(field: str, value: Any) -> None:
    stream = logged()
    structlog.get_logger("tests").info("line", **{field: value})
    assert lines(stream)[0][field] == value


def test_the_text_of_a_press_never_stands_in_a_line() -> None:
    stream = logged()
    structlog.get_logger("tests").info("call", call=str(a_call()), repr=repr(a_call()))
    assert "5550100" not in stream.getvalue()
