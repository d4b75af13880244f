"""Starting the command line: a command loads what it needs, and the door itself next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import typer.main

from manualdial.__main__ import COMMANDS, application, command_of

HEAVY = {
    "aiohttp",
    "alembic",
    "asyncpg",
    "holidays",
    "jinja2",
    "litestar",
    "msgspec",
    "numpy",
    "phonenumbers",
    "picows",
    "sqlalchemy",
    "structlog",
    "uvicorn",
}
SERVING = {"litestar", "uvicorn"}
ASK_WHAT_IS_LOADED = """
import json, sys
sys.argv = ["manualdial", *sys.argv[1:]]
from manualdial.__main__ import main
try:
    main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    """The packages that a start with these arguments has loaded at its end."""
    ran = subprocess.run(
        [sys.executable, "-c", ASK_WHAT_IS_LOADED, *arguments], capture_output=True, text=True, check=True
    )
    return set(json.loads(ran.stderr.splitlines()[-1]))


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_asks_for_no_command_loads_none(option: str) -> None:
    assert loaded(option).isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("name", "spared"),
    [
        ("dial", SERVING | {"sqlalchemy", "alembic", "numpy", "jinja2"}),
        ("config", SERVING | {"aiohttp", "picows", "jinja2"}),
        ("record", SERVING | {"aiohttp", "picows", "jinja2"}),
        ("evidence", SERVING),
        ("serve", {"jinja2"}),
    ],
)
def test_a_command_loads_no_more_than_it_needs(name: str, spared: set[str]) -> None:
    assert loaded(name, "--help").isdisjoint(spared)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_says_of_each_command_what_the_command_says(name: str) -> None:
    about = typer.main.get_command(application).commands[name]  # type: ignore[attr-defined]  # it is a group
    told = (command_of(name).help or "").partition("\n\n")[0]
    assert about.help == " ".join(told.split())
