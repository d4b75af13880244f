"""A real PostgreSQL for the tests: one server a test run, a database for each test.

The programs come from the wheel `pgserver` or from the machine. PostgreSQL refuses to run as root: there it runs as
`nobody`, in a directory of its own. It listens on a Unix socket alone.
"""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

START_TIMEOUT = 30.0
STOP_TIMEOUT = 20.0


class NoPostgresql(Exception):
    """It cannot be had here; the text says why."""


class PostgresqlServer:
    """A server that can be stopped, frozen and started again. `durable` makes its commits wait for the disk."""

    def __init__(self, programs: Path, home: Path, *, durable: bool) -> None:
        self._programs = programs
        self._home = home
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        _run(programs / "initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8",
             "--locale=C", "-D", str(home / "data"))  # fmt: skip

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._home),
            "max_connections": "60",
            "shared_buffers": "16MB",
            "fsync": "on" if self._durable else "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        owner = _owner()
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._home / "data", *options],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                user=owner and owner.pw_uid,
                group=owner and owner.pw_gid,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while subprocess.run(
            [self._programs / "pg_isready", "-q", "-h", self._home, "-U", "postgres", "-d", "postgres"], check=False
        ).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise NoPostgresql(f"PostgreSQL does not start: {(self._home / 'log').read_text()[-500:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it as a crash of the machine would: connections are cut, nothing is tidied up."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT)
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def freeze(self) -> None:
        """Let it answer nothing, and keep its connections."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """End a freeze."""
        self._signal_all(signal.SIGCONT)

    def new_database(self, *, on: Path | None = None) -> str:
        """Make an empty database, in that directory of another disk if given. Returns its URL."""
        name = f"test_{uuid.uuid4().hex}"
        if on is None:
            self.execute(f"CREATE DATABASE {name}")
        else:
            if owner := _owner():
                os.chown(on, owner.pw_uid, owner.pw_gid)
            self.execute(f"CREATE TABLESPACE {name} LOCATION '{on}'")
            self.execute(f"CREATE DATABASE {name} TABLESPACE {name}")
        return f"postgresql://postgres@/{name}?host={self._home}"

    def execute(self, statement: str) -> None:
        """Run a statement in the administration's database."""
        _run(self._programs / "psql", "-q", "-X", "-h", str(self._home), "-U", "postgres", "-d", "postgres",
             "-v", "ON_ERROR_STOP=1", "-c", statement)  # fmt: skip

    def cut_connections(self) -> None:
        """End every connection of the service, and wait until they have ended."""
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'manualdial'"
        )

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        # Each of its processes has a session of its own, so there is no process group to signal.
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in (self._process.pid, *map(int, children)):
            os.kill(pid, number)


def shared_server() -> PostgresqlServer:
    """The server of this test run, started by the first test that asks. Skips the test where there is none."""
    server = _server_or_reason()
    if isinstance(server, str):
        pytest.skip(server)
    return server


@functools.cache
def _server_or_reason() -> PostgresqlServer | str:
    try:
        return new_server(durable=False)
    except NoPostgresql as reason:
        return str(reason)


def new_server(*, durable: bool) -> PostgresqlServer:
    """Start a server of its own; it is stopped and removed when this process ends. Raises NoPostgresql."""
    home = Path(tempfile.mkdtemp(prefix="postgresql-", dir="/tmp"))  # a socket's path must be short
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    if owner := _owner():
        os.chown(home, owner.pw_uid, owner.pw_gid)
    server = PostgresqlServer(_programs(home), home, durable=durable)
    server.start()
    atexit.register(server.stop)
    return server


def _programs(home: Path) -> Path:
    """The directory of the programs, the first that the user of the server can run."""
    for directory in _directories():
        if _works(directory):
            return directory
    for wheel in _wheel():
        # The virtual environment may lie where that user cannot look.
        shutil.copytree(wheel.parent, home / "programs", symlinks=True)
        if _works(home / "programs" / "bin"):
            return home / "programs" / "bin"
    raise NoPostgresql("there is no PostgreSQL here: neither the wheel pgserver nor one of the machine works")


def _directories() -> Iterator[Path]:
    yield from _wheel()
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _wheel() -> Iterator[Path]:
    spec = find_spec("pgserver")  # not imported: it makes directories and locks when it is
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall" / "bin"


def _works(directory: Path) -> bool:
    try:
        for program in ("initdb", "postgres", "pg_isready", "psql"):
            _run(directory / program, "--version")
    except NoPostgresql:
        return False
    return True


def _run(program: Path, *arguments: str) -> None:
    owner = _owner()
    try:
        subprocess.run(
            [program, *arguments],
            check=True,
            capture_output=True,
            timeout=START_TIMEOUT,
            cwd="/",
            user=owner and owner.pw_uid,
            group=owner and owner.pw_gid,
        )
    except (OSError, subprocess.SubprocessError) as fault:
        raise NoPostgresql(f"PostgreSQL cannot be run: {program.name}: {fault}") from fault


def _owner() -> pwd.struct_passwd | None:
    """Who runs the server where the tests run as root; None for whoever runs the tests."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None
