"""Commands that only read make no database: a path that was mistyped is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.commands.service import command, settings

NUMBER = "+12025550100"


@pytest.mark.parametrize(
    "arguments",
    [
        ("evidence", "verify"),
        ("evidence", "head"),
        ("evidence", "list"),
        ("evidence", "show", "1"),
        ("evidence", "export", "--number", NUMBER, "--output", "out"),
        ("user", "list"),
        ("user", "caller-ids", "ann"),
        ("policy", "closures"),
        ("policy", "show", "calling-hours.us-fl", "--version", "2026-10.000000000000"),
        ("record", "list", NUMBER),
        ("do-not-call", "list"),
        ("do-not-call", "export"),
        ("consent", "list", NUMBER),
    ],
    ids=" ".join,
)
def test_where_the_database_is_missing_it_is_said_and_none_is_made(arguments: tuple[str, ...], tmp_path: Path) -> None:
    config = settings(tmp_path)
    result = command(*arguments, "--config", str(config))
    assert result.exit_code == 1, result.output
    assert result.stderr == f"manualdial: There is no database at {tmp_path / 'manualdial.sqlite3'}.\n"
    assert os.listdir(tmp_path) == [config.name]
