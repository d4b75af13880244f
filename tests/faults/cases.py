"""A file on each violation: all that is known of its call, from every side."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.count import Evidence, Violation

_MOST = 40
"""Violations that get a file; where there are more, they have one cause."""
_SEPARATOR = b"----------------------------------------------- "


def write(violations: Sequence[Violation], evidence: Evidence, folder: Path) -> None:
    """Write `NUMBER-CALL.txt` for each of the first violations that have a call."""
    concerned = [violation for violation in violations if violation.call_id][:_MOST]
    for number, violation in enumerate(concerned):
        lines = [f"{violation.kind.value}: {violation.detail}", *_case(violation.call_id, evidence)]
        (folder / f"{number:02}-{violation.call_id}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _case(call_id: str, evidence: Evidence) -> Iterator[str]:
    for press in evidence.record.presses.values():
        if call_id in press.call_ids:
            yield f"\npress {press.request_id} of {press.agent_id} in round {press.round}, {_moment(press.at)}"
            for answer in press.answers:
                yield f"  {_moment(answer.at)} {answer.error or answer.state}, replay {answer.replay}, {answer.call_id}"
    for call in evidence.calls:
        if call["callId"] == call_id:
            yield f"\nthe journal: {json.dumps(call, indent=1)}"
    for application in evidence.record.applications:
        told = [event for event in application.told if event.call_id == call_id]
        if told:
            yield f"\ntold to {application.name}:"
            yield from (f"  {event.epoch[:4]}/{event.stretch} {event.state} ({event.leg})" for event in told)
    sip_calls = {*evidence.agent.get(call_id, ()), *evidence.customer.get(call_id, ())}
    for log in evidence.logs:
        yield f"\n{log.name}:"
        yield from _lines(log, {call_id}) if log.suffix == ".log" else _messages(log, sip_calls)


def _lines(log: Path, wanted: Collection[str]) -> Iterator[str]:
    with log.open(encoding="utf-8", errors="replace") as lines:
        yield from (line.rstrip() for line in lines if any(word in line for word in wanted))


def _messages(log: Path, sip_calls: Collection[str]) -> Iterator[str]:
    """When each message of these SIP calls came or went, and its first line."""
    message: list[bytes] = []
    with log.open("rb") as lines:
        for line in lines:
            if line.startswith(_SEPARATOR):
                yield from _first_line(message, sip_calls)
                message = []
            message.append(line)
    yield from _first_line(message, sip_calls)


def _first_line(message: Sequence[bytes], sip_calls: Collection[str]) -> Iterator[str]:
    text = b"".join(message).decode(errors="replace")
    if len(message) > 3 and any(sip_call in text for sip_call in sip_calls):
        moment = text[len(_SEPARATOR) : len(_SEPARATOR) + 26]
        yield f"  {moment} {message[1].split()[2].decode()} {message[3].decode().strip()}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
