"""What all commands have in common: help, exit codes, and a page that tells of each."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from manualdial.__main__ import COMMANDS, command_of
from tests.commands.service import command

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its name, those of groups too."""
    for name in COMMANDS:
        found = command_of(name)
        if hasattr(found, "commands"):
            yield from (((name, below), one) for below, one in found.commands.items())
        else:
            yield (name,), found


ALL = dict(commands())


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_each_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    result = command(*path, "--help")
    assert result.exit_code == 0
    assert f"manualdial {' '.join(path)}" in result.stdout.partition("Example:")[2]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_the_example_of_each_command_can_be_typed_as_it_stands(path: tuple[str, ...]) -> None:
    assert "…" not in ALL[path].epilog
    _, *words = shlex.split(ALL[path].epilog.removeprefix("Example:").partition(" >> ")[0])
    assert tuple(words[: len(path)]) == path
    ALL[path].make_context(path[-1], words[len(path) :])


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_the_page_tells_of_each_option(path: tuple[str, ...]) -> None:
    section = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (told,) = (part for part in section if part.partition("\n")[0] == path[0])
    for option in (name for parameter in ALL[path].params for name in parameter.opts if name.startswith("--")):
        assert option == "--help" or f"`{option}" in told, f"{' '.join(path)} {option}"


@pytest.mark.parametrize(
    "arguments", [("nothing",), ("serve", "--nothing"), ("user", "nothing"), ("serve", "--port", "x")]
)
def test_wrong_usage_has_exit_code_2(arguments: tuple[str, ...]) -> None:
    result = command(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_the_version_is_shown() -> None:
    assert command("--version").stdout.startswith("manualdial ")
