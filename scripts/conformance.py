"""Run a conformance program against a fresh server, and pass on what it says.

    scripts/conformance.py PROGRAM [--only AREAS] [--engine simulator|asterisk]

With `asterisk` the server dials through a real one, with a phone and a carrier played by SIPp that behave by number as
the simulator does; run that in a network namespace (`make conformance ENGINE=asterisk`).

The server gets a free port, a new database and four people: ann and bob, agents, and sue, a supervisor, in one tenant,
and zoe, an agent, in another. PROGRAM is called with `--url --agent --second --supervisor --stranger`, the last four as
NAME:PASSWORD, and with `--only AREAS` if that is given. Its output is passed through; its exit code is ours.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.telephony.lab import requirements
from tests.telephony.lab.laboratory import Laboratory

START_LIMIT = 30.0
STOP_LIMIT = 15.0
PROGRAM_LIMIT = 3600.0
COMMAND_LIMIT = 60.0
LOG_LINES_SHOWN = 40


class Person(NamedTuple):
    """Somebody who can sign in; `option` is what PROGRAM calls them."""

    option: str
    name: str
    tenant: str
    role: str
    password: str

    @property
    def credentials(self) -> str:
        return f"{self.name}:{self.password}"


class ServerFailed(Exception):
    """The server did not come up, or a person could not be added."""


def people() -> list[Person]:
    """Who a conformance program needs, with passwords for this run only."""
    return [
        Person("--agent", "ann", "one", "agent", secrets.token_urlsafe()),
        Person("--second", "bob", "one", "agent", secrets.token_urlsafe()),
        Person("--supervisor", "sue", "one", "supervisor", secrets.token_urlsafe()),
        Person("--stranger", "zoe", "two", "agent", secrets.token_urlsafe()),
    ]


Section = dict[str, str | int | list[str]]


@contextlib.contextmanager
def far_end(engine: str, folder: Path) -> Iterator[Section]:
    """What the engine dials through, inside the block, and its options. Raises ServerFailed where it cannot be had."""
    if engine != "asterisk":
        yield {}
        return
    if reason := requirements.missing():
        raise ServerFailed(reason)
    with Laboratory(directory=folder) as laboratory:
        phone, carrier = laboratory.phone("phone_by_number"), laboratory.carrier()
        yield {
            "url": laboratory.asterisk.url,
            "user": laboratory.asterisk.user,
            "password": laboratory.asterisk.password,
            "agent_endpoint": f"PJSIP/agent/sip:{{extension}}@127.0.0.1:{phone.port}",
            "trunk_endpoint": f"PJSIP/trunk/sip:{{number}}@127.0.0.1:{carrier.port}",
            "agent_timeout": 3,
            "customer_timeout": 3,
        }


def settings(*, engine: str, options: Section, port: int, folder: Path) -> str:
    """The configuration of the fresh server, as TOML: the defaults but for what a conformance program asks for."""
    sections: dict[str, Section] = {
        "server": {"host": "127.0.0.1", "port": port},
        "storage": {"url": f"sqlite:///{folder / 'manualdial.sqlite3'}"},
        "engine": {"kind": engine},
        "dialing": {"purpose": "service", "wrap_up": 0},
        # A fresh server holds no copy of a registry and knows of no licence: where one had to be asked or shown, no
        # sales call could be made.
        "screening": {"registries": [], "registries_path": str(folder / "registries"), "registrations": ["*"]},
        "authentication": {"secret_file": str(folder / "token.secret"), "attempts": 1_000_000},
    }
    if options:
        sections[f"engine.{engine}"] = options
    # A JSON string, number or list of strings is a TOML one.
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        for name, values in sections.items()
    )


def environment() -> dict[str, str]:
    """The environment without options of the service: the configuration file alone decides."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MANUALDIAL_")}


def free_port() -> int:
    """A port of loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def add(person: Person, *, config: Path) -> None:
    """Let somebody sign in on the server that `config` describes."""
    command = [sys.executable, "-m", "manualdial", "user", "add", person.name, "--config", str(config)]
    command += ["--tenant", person.tenant, "--role", person.role, "--password-stdin"]
    done = subprocess.run(
        command,
        input=person.password + "\n",
        env=environment(),
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT,
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"{person.name} could not be added:\n{done.stdout}{done.stderr}")


def answers(url: str) -> bool:
    """Whether the server says that all it depends on is there."""
    try:
        with urllib.request.urlopen(f"{url}/status", timeout=2) as reply:  # noqa: S310 - an address made here
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def serving(*, config: Path, url: str, log: Path) -> Iterator[None]:
    """A server that runs inside the block."""
    command = [sys.executable, "-m", "manualdial", "serve", "--config", str(config)]
    with log.open("wb") as output, subprocess.Popen(command, env=environment(), stdout=output, stderr=output) as server:
        try:
            deadline = time.monotonic() + START_LIMIT
            while not answers(url):
                if server.poll() is not None:
                    raise ServerFailed(f"the server ended with {server.returncode}")
                if time.monotonic() > deadline:
                    raise ServerFailed(f"the server was not ready within {START_LIMIT:.0f} s")
                time.sleep(0.05)
            yield
        finally:
            server.terminate()
            try:
                server.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                server.kill()


def call(program: Path, *, url: str, persons: Sequence[Person], only: str) -> int:
    """Run the program with the server's address and people; its exit code."""
    command = [str(program)] if os.access(program, os.X_OK) else [sys.executable, str(program)]
    command += ["--url", url]
    for person in persons:
        command += [person.option, person.credentials]
    if only:
        command += ["--only", only]
    return subprocess.run(command, timeout=PROGRAM_LIMIT, check=False).returncode


def check(program: Path, *, only: str, engine: str, folder: Path) -> int:
    """Set up a server in `folder`, run the program against it; the program's exit code, or 1."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config, log = folder / "manualdial.toml", folder / "server.log"
    persons = people()
    code = 1
    try:
        with far_end(engine, folder) as options:
            config.write_text(settings(engine=engine, options=options, port=port, folder=folder))
            for person in persons:
                add(person, config=config)
            with serving(config=config, url=url, log=log):
                code = call(program, url=url, persons=persons, only=only)
    except ServerFailed as error:
        print(f"No server to check: {error}", file=sys.stderr)
    if code and log.exists():
        # To the other stream: the program's last line stays the last one of its own.
        lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        print("The end of the server's log:", *lines, sep="\n  ", file=sys.stderr)
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--only", default="", help="areas or names, comma-separated, handed on to the program")
    parser.add_argument("--engine", default="simulator")
    options = parser.parse_args()
    if not options.program.is_file():
        parser.error(f"there is no program {options.program}")
    # An end from outside unwinds like any other, so that the server is ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="manualdial-conformance-") as folder:
        return check(options.program.resolve(), only=options.only, engine=options.engine, folder=Path(folder))


if __name__ == "__main__":
    sys.exit(main())
