"""Each example does what it says, against a real service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.service import LIMIT, RunningService, line_with

EXAMPLES = Path(__file__).parents[2] / "examples"
BUSY = "+12025550101"


def run(service: RunningService, *command: str, user: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | service.environment(user)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)


def place_a_call(service: RunningService, number: str, *, user: str = "eve") -> subprocess.CompletedProcess[str]:
    return run(service, sys.executable, str(EXAMPLES / "place_a_call.py"), number, user=user)


def test_place_a_call_shows_the_reply(service: RunningService) -> None:
    done = place_a_call(service, BUSY)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["message"]["data"] == {"PhoneNumber": BUSY}


def test_place_a_call_shows_why_a_number_was_not_dialled(service: RunningService) -> None:
    done = place_a_call(service, "911")
    assert done.returncode == 1
    assert json.loads(done.stdout)["data"]["errorType"] == "PHONE_NUMBER_INVALID"


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_curl_places_a_call(service: RunningService) -> None:
    done = run(service, str(EXAMPLES / "curl.sh"), BUSY, user="kit")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["message"]["dial"]["replay"] is False


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_curl_fails_where_the_number_is_refused(service: RunningService) -> None:
    done = run(service, str(EXAMPLES / "curl.sh"), "911", user="kit")
    assert done.returncode != 0
    assert json.loads(done.stdout)["data"]["errorType"] == "PHONE_NUMBER_INVALID"


def test_watch_calls_shows_each_state(service: RunningService) -> None:
    watching = subprocess.Popen(
        [sys.executable, str(EXAMPLES / "watch_calls.py")],
        env=os.environ | service.environment("sue"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line_with(watching.stdout, "registered")
        assert place_a_call(service, BUSY, user="bob").returncode == 0
        assert "busy" in line_with(watching.stdout, "wrap_up")
    finally:
        watching.kill()
        watching.communicate()
