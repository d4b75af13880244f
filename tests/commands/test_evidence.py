"""`manualdial evidence verify`, `head` and `show`: a chain in a real database, and what tampering with it leaves."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from manualdial.ports import Storage
from tests.commands.a_database import a_database, in_store, put_evidence, tamper
from tests.commands.service import command, settings
from tests.commands.written_attempts import AT, a_chain


@pytest.fixture(scope="module")
def chained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a chain of four links, which nobody changes."""
    config = a_database(tmp_path_factory.mktemp("chained"))
    put_evidence(config, a_chain)
    return config


@pytest.fixture
def config(chained: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(chained.parent, tmp_path, dirs_exist_ok=True)
    copy = tmp_path / chained.name
    copy.write_text(chained.read_text().replace(str(chained.parent), str(tmp_path)))
    return copy


def verified(config: Path, *options: str) -> tuple[int, dict[str, Any]]:
    result = command("evidence", "verify", "--json", *options, "--config", str(config))
    return result.exit_code, json.loads(result.stdout)


def head(config: Path) -> str:
    result = command("evidence", "head", "--config", str(config))
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_a_chain_that_nobody_touched_is_whole_and_its_end_is_told(config: Path) -> None:
    result = command("evidence", "verify", "--config", str(config))
    assert result.exit_code == 0, result.output
    assert "one: whole, 4 links" in result.stdout
    assert head(config) in result.stdout
    assert head(config).startswith("4:")
    code, proof = verified(config)
    assert code == 0
    assert proof == {
        "tenant": "one", "whole": True, "links": 4, "first": 1, "head": head(config), "broken": None,
        "missingLinks": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "seq", "said"),
    [
        (
            "UPDATE evidence SET body = replace(CAST(body AS TEXT), 'block', 'allow') WHERE seq = 1",
            1,
            "seal does not fit",
        ),
        (
            "UPDATE evidence SET body = CAST(replace(CAST(body AS TEXT), 'pasted', 'typed') AS BLOB) WHERE seq = 2",
            2,
            "seal does not fit",
        ),
        ("UPDATE evidence SET seal = zeroblob(32) WHERE seq = 3", 3, "seal does not fit"),
        ("UPDATE evidence SET seal = 'x' WHERE seq = 3", 3, "cannot be read"),
        ("UPDATE evidence SET number = '+12025550188' WHERE seq = 2", 2, "beside the link"),
        ("UPDATE evidence SET call_id = 'call-9' WHERE seq = 3", 3, "beside the link"),
        ("UPDATE evidence SET at = '2020-01-01 00:00:00.000000' WHERE seq = 3", 3, "beside the link"),
        ("UPDATE evidence SET at = 'rubbish' WHERE seq = 3", 3, "cannot be read"),
        ("UPDATE evidence SET kind = 'rubbish' WHERE seq = 3", 3, "beside the link"),
        ("UPDATE evidence SET body = x'5b5d' WHERE seq = 4", 4, "seal does not fit"),
        ("UPDATE evidence SET body = x'ff' WHERE seq = 4", 4, "seal does not fit"),
        ("UPDATE evidence SET kind = 'pruned' WHERE seq = 1", 1, "beside the link"),
        ("DELETE FROM evidence WHERE seq = 3", 4, "not number 3"),
        ("DELETE FROM evidence WHERE seq = 1", 2, "missing"),
        ("UPDATE evidence SET seq = 40 WHERE seq = 4", 40, "not number 39"),
    ],
)
def test_what_was_changed_in_the_database_is_found(statement: str, seq: int, said: str, config: Path) -> None:
    tamper(config, statement)
    code, proof = verified(config)
    assert code == 1
    assert not proof["whole"]
    assert proof["broken"]["seq"] == seq
    assert said in proof["broken"]["reason"]
    told = command("evidence", "verify", "--config", str(config)).stderr
    assert f"one: the chain is broken at link {seq}: " in told
    assert len(told.splitlines()) == 1


def test_links_that_were_cut_off_at_the_end_are_missed_where_the_end_was_kept(config: Path) -> None:
    end = head(config)
    assert verified(config, "--expect", end)[0] == 0
    tamper(config, "DELETE FROM evidence WHERE seq = 4")
    assert verified(config)[0] == 0
    code, proof = verified(config, "--expect", end)
    assert code == 1
    assert "missing from the end" in proof["broken"]["reason"]


def test_a_chain_that_was_written_anew_does_not_have_the_seal_that_was_kept(config: Path, tmp_path: Path) -> None:
    end = head(config)
    other = tmp_path / "other"
    other.mkdir()
    forged = a_database(other)
    put_evidence(forged, lambda tenant_id: [*a_chain(tenant_id)[1:], *a_chain(tenant_id)[:1]])
    assert verified(forged)[0] == 0
    code, proof = verified(forged, "--expect", end)
    assert code == 1
    assert proof["broken"] == {"seq": 4, "reason": "the seal is not the one that was expected"}


def test_a_chain_of_which_the_retention_took_the_oldest_stays_provable(config: Path) -> None:
    first = _end_of_first_link(config)

    async def prune(store: Storage, tenant_id: str) -> int:
        return await store.prune_evidence(tenant_id, before=AT + timedelta(seconds=1), limit=2)

    kept = head(config)
    assert in_store(config, prune) == 2
    code, proof = verified(config, "--expect", kept)
    assert code == 0
    assert (proof["first"], proof["links"]) == (3, 3)
    assert "from 3 on" in command("evidence", "verify", "--config", str(config)).stdout
    code, proof = verified(config, "--expect", first)
    assert code == 1
    assert "removed by the retention" in proof["broken"]["reason"]


def _end_of_first_link(config: Path) -> str:
    shown = json.loads(command("evidence", "show", "1", "--config", str(config)).stdout)
    return f"1:{shown['seal']}"


def test_a_link_is_shown_with_both_seals(config: Path) -> None:
    shown = [json.loads(command("evidence", "show", str(seq), "--config", str(config)).stdout) for seq in (1, 2)]
    assert shown[0]["sealBefore"] == "0" * 64
    assert shown[1]["sealBefore"] == shown[0]["seal"]
    assert shown[0]["link"]["kind"] == "attempt"
    assert shown[0]["link"]["content"]["entry"] == "pasted"
    missing = command("evidence", "show", "5", "--config", str(config))
    assert missing.exit_code == 1
    assert "no link 5" in missing.stderr


@pytest.mark.parametrize(
    "statement",
    ["UPDATE evidence SET at = 'rubbish' WHERE seq = 2", "UPDATE evidence SET seal = 'rubbish' WHERE seq = 2"],
)
def test_a_row_that_cannot_be_read_is_told_in_one_sentence(statement: str, config: Path) -> None:
    tamper(config, statement)
    shown = command("evidence", "show", "2", "--config", str(config))
    assert shown.exit_code == 1
    assert len(shown.stderr.splitlines()) == 1


@pytest.mark.parametrize("expected", ["4", "4:xyz", "4:" + "0" * 63, "-1:" + "0" * 64])
def test_an_end_of_another_form_is_wrong_usage(expected: str, config: Path) -> None:
    assert command("evidence", "verify", "--expect", expected, "--config", str(config)).exit_code == 2


def test_an_empty_chain_is_whole_and_ends_with_nothing(tmp_path: Path) -> None:
    config = a_database(tmp_path, "north", "south")
    result = command("evidence", "verify", "--config", str(config))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["north: the chain has no link yet.", "south: the chain has no link yet."]
    result = command("evidence", "head", "--tenant", "north", "--config", str(config))
    assert result.stdout.strip() == "0:" + "0" * 64
    expect = ("--expect", "0:" + "0" * 64, "--tenant", "north", "--config", str(config))
    assert command("evidence", "verify", *expect).exit_code == 0


def test_a_database_without_a_tenant_proves_nothing(tmp_path: Path) -> None:
    config = str(settings(tmp_path))
    command("policy", "close", "US-LA", "--reason", "storm", "--config", config)
    result = command("evidence", "verify", "--config", config)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no tenant yet" in result.stderr


def test_every_tenant_has_a_chain_of_its_own(tmp_path: Path) -> None:
    config = a_database(tmp_path, "north", "south")
    put_evidence(config, a_chain)
    tamper(config, "UPDATE evidence SET seal = zeroblob(32) WHERE seq = 2")
    assert command("evidence", "verify", "--tenant", "south", "--config", str(config)).exit_code == 0
    both = command("evidence", "verify", "--config", str(config))
    assert both.exit_code == 1
    assert both.stdout.splitlines() == ["south: the chain has no link yet."]
    assert both.stderr.startswith("manualdial: north: the chain is broken at link 2")
