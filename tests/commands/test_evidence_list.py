"""`manualdial evidence list`: a line a link, of those that were asked for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from manualdial.evidence import Draft, Kind
from tests.commands.a_database import a_database, put_evidence, tamper, told
from tests.commands.service import command
from tests.commands.written_attempts import AT, NUMBER, a_chain, an_attempt


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chain of four links, then an attempt at night that was overridden, and a refusal of one that was not."""
    config = a_database(tmp_path_factory.mktemp("listed"))

    def links(tenant_id: str) -> list[Draft]:
        night = AT + timedelta(hours=12)
        refused = an_attempt(tenant_id, call_id="call-6", at=night, kind=Kind.REFUSAL)
        return [*a_chain(tenant_id), an_attempt(tenant_id, call_id="call-5", at=night, overridable=True), refused]

    put_evidence(config, links)
    return config


def listed(config: Path, *options: str) -> list[dict[str, Any]]:
    return told("evidence", "list", *options, config=config)


def seqs(config: Path, *options: str) -> list[int]:
    return [link["seq"] for link in listed(config, *options)]


def test_every_link_is_a_line_with_its_number_agent_decision_and_rules(config: Path) -> None:
    first, _, outcome, _, overridden, refusal = listed(config)
    assert (first["seq"], first["kind"], first["number"], first["at"]) == (1, "attempt", NUMBER, AT.isoformat())
    assert first["agent"] == "ann"
    assert (outcome["kind"], outcome["agent"], outcome["decision"]) == ("outcome", None, None)
    assert outcome["ending"]
    assert (refusal["kind"], refusal["decision"]) == ("refusal", "block")
    assert "calling-hours.us-fl" in refusal["blocking"]
    assert (overridden["decision"], overridden["blocking"]) == ("allow", [])


def test_for_people_there_is_a_heading_and_a_line_a_link(config: Path) -> None:
    lines = command("evidence", "list", "--config", str(config)).stdout.splitlines()
    assert lines[0].split() == ["SEQ", "WHEN", "KIND", "NUMBER", "AGENT", "DECISION", "RULES,", "OR", "ENDING"]
    assert len(lines) == 7
    assert lines[1].split()[:5] == ["1", "2026-03-10T16:00:00+00:00", "attempt", NUMBER, "ann"]
    assert "(overridden)" in lines[5]


def test_links_are_chosen_by_time_kind_and_agent(config: Path) -> None:
    later = (AT + timedelta(minutes=1)).isoformat()
    assert seqs(config, "--from", later) == [4, 5, 6]
    assert seqs(config, "--until", later, "--kind", "attempt") == [1, 2]
    assert seqs(config, "--kind", Kind.OUTCOME) == [3]
    assert seqs(config, "--agent", "ANN") == [1, 2, 4, 5, 6]
    assert seqs(config, "--agent", "bob") == []


def test_attempts_for_which_a_rule_was_overridden_are_told_apart_from_wishes_that_came_to_nothing(config: Path) -> None:
    (link,) = listed(config, "--overridden")
    assert link["seq"] == 5
    assert {name.partition(".")[0] for name in link["overridden"]} == {"calling-hours"}


def test_a_time_that_ends_before_it_begins_is_wrong_usage(config: Path) -> None:
    times = ("--from", AT.isoformat(), "--until", AT.isoformat())
    result = command("evidence", "list", *times, "--config", str(config))
    assert result.exit_code == 2
    assert "--until must be after --from" in result.stderr
    assert command("evidence", "list", "--kind", "rubbish", "--config", str(config)).exit_code == 2


def test_a_link_whose_content_is_rubbish_is_listed_all_the_same(tmp_path: Path) -> None:
    config = a_database(tmp_path)
    put_evidence(config, a_chain)
    tamper(config, "UPDATE evidence SET body = x'5b5d' WHERE seq = 2")
    assert seqs(config) == [1, 2, 3, 4]


def test_of_an_empty_chain_it_is_said_that_there_is_no_link(tmp_path: Path) -> None:
    result = command("evidence", "list", "--config", str(a_database(tmp_path)))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No link." in result.stderr
