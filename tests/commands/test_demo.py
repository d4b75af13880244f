"""`manualdial demo`: the press of the reference shown message by message, then verdicts."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from tests.commands.service import LIMIT, answers, command, line_with, process


def test_it_shows_the_press_to_the_end_of_the_call_then_verdicts_and_goes_on_serving(tmp_path: Path) -> None:
    environment = {"TMPDIR": str(tmp_path)}
    with process("demo", environment=environment) as demonstration:
        told = line_with(demonstration.stdout, "listens on")
        url = told.partition("listens on ")[2].partition(",")[0]
        for text in (
            '"PhoneNumber": "+12345678900"',
            "→ Amazon/InboundCall/ManualDialCall",
            "← UI/InboundCall/ManualDialCall",
            "agent_ringing",
            "connected",
            "→ Amazon/InboundCall/Disconnect",
            "→ Amazon/InboundCall/ClearContact",
            "ended (normal, by agent)",
            "The reply in full",
            "→ LCM/Webservice/CheckPhoneNumber",
            "✗ block",
            "calling-hours.us-fl: outside the calling hours",
            "law: Fla. Stat. 501.616(6)(a)",
            "08:00 in America/New_York",
            "→ LCM/Webservice/CheckPhoneNumber",
            "✓ allow",
            "→ LCM/Webservice/SetDNC",
            "→ LCM/Webservice/ManualDialCall",
            "CALL_REFUSED: ✗ block",
            "do-not-call.company: the number is on",
            "Ctrl-C stops it",
        ):
            line_with(demonstration.stdout, text)
        assert answers(url)
        dialled = line_with(demonstration.stdout, "manualdial dial").split()
        password = dialled[0].partition("=")[2]
        result = command("dial", "+12025550106", "--url", url, "--user", "ann",
                         environment={"MANUALDIAL_PASSWORD": password})  # fmt: skip
        assert result.exit_code == 0, result.output
        demonstration.send_signal(signal.SIGTERM)
        _, errors = demonstration.communicate(timeout=LIMIT)
    assert demonstration.returncode == 0
    assert errors == ""
    assert list(tmp_path.iterdir()) == []


def test_once_it_ends_after_the_verdicts(tmp_path: Path) -> None:
    with process("demo", "--once", "--port", "0", environment={"TMPDIR": str(tmp_path)}) as demonstration:
        output, errors = demonstration.communicate(timeout=LIMIT)
    assert demonstration.returncode == 0, output + errors
    assert errors == ""
    assert "\x1b" not in output
    assert "The reply is the documented one" in output
    assert "The verdicts are as they should be." in output
    assert "Ctrl-C" not in output


def test_a_port_that_is_taken_is_told_where_it_was_asked_for() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = command("demo", "--port", port)
    assert result.exit_code == 1
    assert result.stderr == f"manualdial: Port {port} of 127.0.0.1 is taken; --port names another.\n"
