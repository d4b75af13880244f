"""INVITEs are counted from a log that grows, whatever else stands in it and wherever it is cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.invites import InviteLog

CALL = "45c6c7ae-32c5-482a-993d-ed010a556329"
HEADING = "----------------------------------------------- 2026-11-23 07:00:00.000000\nUDP message {} [400] bytes :\n\n"


def message(first_line: str, *, sip_call: str, direction: str = "received", call_id: str = CALL, to: str = "") -> str:
    """One message, as SIPp writes it."""
    headers = [
        "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1",
        "From: <sip:4001@127.0.0.1>;tag=there",
        f"To: <sip:+12025550100@127.0.0.1>{to}",
        f"Call-ID: {sip_call}",
        *([f"X-Call-Id: {call_id}"] if call_id else []),
        "Content-Length: 7",
    ]
    body = "v=0\r\no=-"
    return HEADING.format(direction) + "\r\n".join([first_line, *headers, "", body, ""]) + "\n"


INVITE = "INVITE sip:+12025550100@127.0.0.1:5070 SIP/2.0"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "messages"


def test_an_invite_that_is_sent_again_counts_once_and_another_one_twice(file: Path) -> None:
    log = InviteLog(file)
    file.write_text(message(INVITE, sip_call="a") * 3)
    log.catch_up()
    assert log.of_call == {CALL: {"a"}}

    file.write_text(file.read_text() + message(INVITE, sip_call="b"))
    log.catch_up()
    assert log.of_call == {CALL: {"a", "b"}}
    assert len(log) == 2


def test_only_what_came_in_and_begins_a_dialogue_counts(file: Path) -> None:
    file.write_text(
        message("SIP/2.0 200 OK", sip_call="a", direction="sent")
        + message(INVITE, sip_call="b", direction="sent")
        + message("BYE sip:a@127.0.0.1 SIP/2.0", sip_call="c")
        + message(INVITE, sip_call="d", to=";tag=here")
    )
    log = InviteLog(file)
    log.catch_up()
    assert log.of_call == {}
    assert log.nameless == set()


def test_an_invite_that_names_no_call_is_kept_apart(file: Path) -> None:
    file.write_text(message(INVITE, sip_call="a", call_id=""))
    log = InviteLog(file)
    log.catch_up()
    assert log.nameless == {"a"}


def test_a_log_that_is_read_at_any_moment_is_read_whole(file: Path) -> None:
    text = "".join(
        message(INVITE, sip_call=f"s{number}", call_id=f"c{number}") + message("ACK sip:a SIP/2.0", sip_call="x")
        for number in range(20)
    ).encode()
    log = InviteLog(file)
    for end in range(0, len(text), 97):
        file.write_bytes(text[:end])
        log.catch_up()
    file.write_bytes(text)
    log.catch_up()
    assert log.of_call == {f"c{number}": {f"s{number}"} for number in range(20)}


def test_a_log_of_many_megabytes_is_read_whole(file: Path) -> None:
    file.write_text(
        "".join(
            message(INVITE, sip_call=f"s{number}", call_id=f"c{number}")
            + message("ACK sip:a SIP/2.0", sip_call="x") * 9
            for number in range(1_000)
        )
    )
    log = InviteLog(file)
    log.catch_up()
    assert len(log) == 1_000


def test_a_log_that_is_not_there_yet_is_empty(file: Path) -> None:
    log = InviteLog(file)
    log.catch_up()
    assert len(log) == 0
