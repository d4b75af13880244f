"""Who a command speaks for, and how it learns a password: never by an argument, which the process list would show."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from manualdial.client.bus_client import SignIn
from manualdial.commands.failure import WronglyCalled

URL = Annotated[str, typer.Option("--url", metavar="URL", envvar="MANUALDIAL_URL", help="Where the service listens.")]
DEFAULT_URL = "http://127.0.0.1:8080"
LoginName = Annotated[
    str | None, typer.Option("--user", metavar="NAME", envvar="MANUALDIAL_USER", help="The login name.")
]
PasswordFromStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin",
        help="Read the password from the first line of standard input (else MANUALDIAL_PASSWORD, else a prompt).",
    ),
]


def login(url: str, user: str | None, *, from_stdin: bool) -> SignIn:
    """Address, name and password to sign in. Raises WronglyCalled where something is missing."""
    if not url.startswith(("http://", "https://")):
        raise WronglyCalled("the address of the service begins with http:// or https://.")
    if not user:
        raise WronglyCalled("say who signs in: --user NAME or MANUALDIAL_USER.")
    password = os.environ.get("MANUALDIAL_PASSWORD")
    if from_stdin or not password:
        password = read_password(f"Password of {user}", from_stdin=from_stdin)
    return SignIn(url=url.rstrip("/"), user=user, password=password)


def read_password(prompt: str, *, from_stdin: bool, twice: bool = False) -> str:
    """A password from standard input or from whoever sits there. Raises WronglyCalled where there is nobody."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = str(typer.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True))
    else:
        raise WronglyCalled("there is no terminal to ask for the password; hand it in with --password-stdin.")
    if not password:
        raise WronglyCalled("the password is empty.")
    return password
