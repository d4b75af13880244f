"""The service under measurement: a process of its own, with as many agents as a measurement needs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt

from manualdial.app.adapters import store_for
from manualdial.callers import Role, User
from manualdial.config import load

START_LIMIT = 30.0
STOP_LIMIT = 20.0

Settings = Mapping[str, Mapping[str, str | int | float | Sequence[str]]]


class Service:
    """A running service: its port, the tokens of its agents, its process."""

    def __init__(self, *, port: int, tokens: Sequence[str], process: int, folder: Path) -> None:
        self.port = port
        self.tokens = tokens
        self.process = process
        self.folder = folder

    @property
    def url(self) -> str:
        """Its address for the bus."""
        return f"ws://127.0.0.1:{self.port}/v1/bus"

    def memory(self) -> int:
        """The memory that the process alone holds, in bytes."""
        for line in Path(f"/proc/{self.process}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Private_Dirty:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the kernel does not tell")

    def figure(self, name: str) -> float:
        """A figure of /metrics that has no labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.split()[1])
        raise RuntimeError(f"the service has no figure {name}")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(*, agents: int, settings: Settings, command: str = "manualdial") -> Iterator[Service]:
    """Start the service with this many agents; it ends with the block.

    `command` is the module that serves, with its arguments.
    """
    with tempfile.TemporaryDirectory(prefix="manualdial-bench-") as name:
        folder = Path(name)
        port = free_port()
        file = configured(folder, port=port, settings=settings)
        secret = os.urandom(32).hex()
        (folder / "secret").write_text(secret, encoding="ascii")
        users = asyncio.run(_add_agents(file, agents))
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command.split(), "serve", "--config", str(file)], stderr=log, env=environment()
            )
            try:
                _wait_for(port, process, folder / "log")
                tokens = [_token(user, secret) for user in users]
                yield Service(port=port, tokens=tokens, process=process.pid, folder=folder)
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(STOP_LIMIT)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def environment() -> dict[str, str]:
    """The environment of a service under measurement: no settings in it, and Python keeps what it has compiled."""
    left_out = ("MANUALDIAL_", "PYTHONDONTWRITEBYTECODE")
    return {key: value for key, value in os.environ.items() if not key.startswith(left_out)}


def configured(folder: Path, *, port: int, settings: Settings) -> Path:
    """The file with the settings of a service that keeps all that is its own in this folder."""
    merged: dict[str, dict[str, str | int | float | Sequence[str]]] = {
        "server": {"port": port},
        "storage": {"url": f"sqlite:///{folder / 'manualdial.sqlite3'}"},
        "dialing": {"purpose": "service"},
        "authentication": {"secret_file": str(folder / "secret")},
        "log": {"level": "warning"},
    }
    for section, values in settings.items():
        merged.setdefault(section, {}).update(values)
    file = folder / "manualdial.toml"
    file.write_text(_toml(merged), encoding="utf-8")
    return file


def _toml(sections: Settings) -> str:
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        for name, values in sections.items()
    )


async def _add_agents(file: Path, count: int) -> list[User]:
    """Agents whose passwords nobody needs: their tokens are signed with the secret of the service."""
    tenant = str(uuid.uuid4())
    users = [
        User(
            id=str(uuid.uuid4()),
            tenant_id=tenant,
            tenant="bench",
            login_name=f"agent{number}",
            name=f"Agent {number}",
            password_hash="none",
            roles=frozenset({Role.AGENT}),
            extension=f"{4000 + number}",
        )
        for number in range(count)
    ]
    async with store_for(load(file, {})) as store:
        for user in users:
            await store.add_user(user)
    return users


def _token(user: User, secret: str) -> str:
    now = datetime.now(UTC)
    claims = {
        "iss": "manualdial",
        "aud": "manualdial",
        "sub": user.id,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=1)).timestamp()),
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode(claims, secret.encode(), algorithm="HS256")


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the service did not come up: {log.read_text(errors='replace')[-2000:]}")
