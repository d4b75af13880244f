"""A real service for the commands to work with: a process of its own, with some agents and a supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from typer.testing import CliRunner, Result

from manualdial.__main__ import application

LIMIT = 30.0
SESSION_LIMIT = 600.0
PASSWORD = "of-the-tests-only"
AGENTS = ("ann", "bob", "eve", "kit", "zoe")
SUPERVISOR = "sue"


class RunningService(NamedTuple):
    """Where it listens, and how it was configured."""

    url: str
    config: Path

    def environment(self, user: str = "ann", password: str = PASSWORD) -> dict[str, str]:
        """The environment of a client of this service."""
        return {"MANUALDIAL_URL": self.url, "MANUALDIAL_USER": user, "MANUALDIAL_PASSWORD": password}


def command(*arguments: str, stdin: str | None = None, environment: Mapping[str, str] | None = None) -> Result:
    """Run a command in this process. Variables of the machine's own are not seen."""
    cleared: dict[str, str | None] = {name: None for name in os.environ if name.startswith("MANUALDIAL_")}
    return CliRunner().invoke(application, list(arguments), input=stdin, env=cleared | dict(environment or {}))


@contextmanager
def process(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    limit: float = LIMIT,
) -> Iterator[subprocess.Popen[str]]:
    """A command as a process of its own; killed after `limit` seconds, and at the end of the block."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MANUALDIAL_")}
    started = subprocess.Popen(
        [sys.executable, "-m", "manualdial", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean | {"PYTHONUNBUFFERED": "1"} | dict(environment or {}),
        cwd=folder,
    )
    # Whoever reads its output is never left waiting.
    watchdog = threading.Timer(limit, started.kill)
    watchdog.start()
    try:
        yield started
    finally:
        watchdog.cancel()
        started.kill()
        started.communicate()


def line_with(stream: Iterator[str] | None, text: str) -> str:
    """The next line that has this text in it. Fails when the stream ends without one."""
    seen = []
    for line in stream or ():
        if text in line:
            return line
        seen.append(line)
    raise AssertionError(f"{text!r} did not come; there was: {''.join(seen)}")


def answers(url: str) -> bool:
    """Whether the service says that it is well."""
    try:
        with urllib.request.urlopen(f"{url}/status", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def settings(folder: Path, *, port: int = 0, purpose: str | None = "service") -> Path:
    """A configuration file for a service in this folder, whose simulator plays fast; without a purpose, the default."""
    file = folder / "manualdial.toml"
    chosen = "" if purpose is None else f'purpose = "{purpose}"\n'
    file.write_text(
        f'[server]\nport = {port}\n[storage]\nurl = "sqlite:///{folder}/manualdial.sqlite3"\n'
        f"[engine.simulator]\nspeed = 20.0\n[dialing]\n{chosen}"
        f'[authentication]\nsecret_file = "{folder}/token.secret"\n'
    )
    return file


@contextmanager
def running_service(folder: Path, *, purpose: str | None = "service") -> Iterator[RunningService]:
    """A service with its people, for the time of the block."""
    config = settings(folder, purpose=purpose)
    for name in (*AGENTS, SUPERVISOR):
        role = "supervisor" if name == SUPERVISOR else "agent"
        options = ("--tenant", "one", "--role", role, "--password-stdin", "--config", str(config))
        added = command("user", "add", name, *options, stdin=f"{PASSWORD}\n")
        assert added.exit_code == 0, added.output
    with process("serve", "--config", str(config), limit=SESSION_LIMIT) as server:
        line = line_with(server.stderr, '"serving"')
        url = line.partition('"url": "')[2].partition('"')[0]
        yield RunningService(url=url, config=config)
        server.send_signal(signal.SIGTERM)
        assert server.wait(LIMIT) == 0
