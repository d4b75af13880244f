"""Which configuration a command works with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from manualdial import config
from manualdial.config import Config

DEFAULT_FILE = Path("manualdial.toml")

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="MANUALDIAL_CONFIG",
        help="The configuration file; without one, manualdial.toml of this folder if it is there.",
    ),
]


def file_in_force(chosen: Path | None) -> Path | None:
    """The file that was named, or the one of this folder, or none: then the defaults are in force."""
    if chosen is not None:
        return chosen
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def configuration(chosen: Path | None) -> Config:
    """The configuration from the file in force and the environment. Raises ConfigurationError."""
    return config.load(file_in_force(chosen), os.environ)
