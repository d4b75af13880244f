"""The first steps of somebody new: what README, examples and the command line's page show works without settings."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.service import LIMIT, RunningService, command, running_service

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
SIMULATED = re.findall(r"^\| (\+1 202 555 [0-9]{4}) \| (.*) \|$", PAGE, re.MULTILINE)
SAID = {
    "busy": "The line is busy.",
    "no answer": "Nobody answered.",
    "rejected": "The call was rejected.",
    "unallocated number": "There is no such number.",
    "congestion": "The network is congested.",
    "the agent's phone is not answered": "Your own phone was not answered.",
    "the engine refuses": "MAKE_CALL_FAILED",
}
STAYS = "+1 202 555 0100"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service whose settings say nothing about purpose, registries and registrations."""
    with running_service(tmp_path_factory.mktemp("fresh"), purpose=None) as running:
        yield running


def test_the_table_of_the_simulator_has_a_line_for_each_of_its_numbers() -> None:
    assert len(SIMULATED) == 12
    assert {told for _, told in SIMULATED} >= set(SAID)


@pytest.mark.parametrize(("number", "told"), [row for row in SIMULATED if row[1] in SAID])
def test_the_numbers_of_the_simulator_do_as_the_page_says(number: str, told: str, fresh: RunningService) -> None:
    result = command("dial", number, "--purpose", "service", environment=fresh.environment())
    assert SAID[told] in result.stderr


@pytest.mark.parametrize("number", [number for number, _ in SIMULATED])
def test_no_rule_is_against_a_service_call_to_the_numbers_of_the_simulator(number: str, fresh: RunningService) -> None:
    result = command("dial", number, "--purpose", "service", "--dry-run", environment=fresh.environment())
    assert result.exit_code == 0, result.output


def test_a_press_without_purpose_is_refused_as_a_sale_with_its_reasons(fresh: RunningService) -> None:
    result = command("dial", STAYS, environment=fresh.environment())
    assert result.exit_code == 1
    assert "CALL_REFUSED" in result.stderr
    assert "do-not-call.us-national: no copy of the registry is held" in result.stderr
    assert "next permitted" in result.stderr or "no later moment is known" in result.stderr


def test_the_press_of_the_readme_is_taken(fresh: RunningService) -> None:
    (press,) = re.findall(r"-d \'(\{.*ManualDialCall.*\})\'", README)
    data = json.loads(press)["data"]
    options = ("--purpose", data["Purpose"], "--dry-run")
    assert command("dial", data["PhoneNumber"], *options, environment=fresh.environment()).exit_code == 0


@pytest.mark.parametrize("program", [(sys.executable, "place_a_call.py"), ("sh", "curl.sh")], ids=["python", "curl"])
def test_the_examples_place_a_call(program: tuple[str, str], fresh: RunningService) -> None:
    if program[0] == "sh" and shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    done = subprocess.run(
        [program[0], str(ROOT / "examples" / program[1]), "+12025550101"],
        env=os.environ | fresh.environment("bob" if program[0] == "sh" else "eve"),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["subtopic"] == "ManualDialCall"
