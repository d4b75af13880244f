"""A diagnosis of `manualdial doctor`, and its checks on the machine: the secret file, the clock, the port."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
import time
import zoneinfo
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import msgspec

import manualdial
from manualdial.client.bus_client import is_serving

_MIN_SECRET_BYTES = 32
_TOLERATED_LEAD = timedelta(days=1)
_LISTENING = "0A"


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """The service runs, but something is not as it should be."""
    FAIL = "fail"
    """The service does not run, or cannot place a call."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was looked at."""

    level: Level
    subject: str
    text: str
    mend: str = ""
    """The remedy; empty where nothing need be done."""
    names: tuple[str, ...] = ()
    """All that it is about, where the text names the first of them alone."""


def ok(subject: str, text: str) -> Diagnosis:
    """It is as it should be."""
    return Diagnosis(level=Level.OK, subject=subject, text=text)


def warn(subject: str, text: str, mend: str) -> Diagnosis:
    """It is not as it should be, but the service runs."""
    return Diagnosis(level=Level.WARN, subject=subject, text=text, mend=mend)


def fail(subject: str, text: str, mend: str) -> Diagnosis:
    """The service cannot work like this."""
    return Diagnosis(level=Level.FAIL, subject=subject, text=text, mend=mend)


def check_secret(path: Path) -> Diagnosis:
    """The file with the secret that signs tokens."""
    subject = "secret"
    try:
        found = path.stat()
    except FileNotFoundError:
        if os.access(path.parent, os.W_OK):
            return ok(subject, f"{path} will be made at the first start")
        mend = f"make the folder {path.parent} and let us write in it"
        return fail(subject, f"{path} is missing and cannot be made", mend)
    except OSError as error:
        return fail(subject, f"{path} cannot be reached: {error.strerror}", "let this user reach the file")
    if not os.access(path, os.R_OK):
        return fail(subject, f"{path} cannot be read", "give the file to the user who runs the service")
    if stat.S_IMODE(found.st_mode) & 0o077:
        return fail(subject, f"others can read {path}", f"chmod 600 {path}, and renew the secret if somebody may have")
    if len(path.read_bytes().strip()) < _MIN_SECRET_BYTES:
        mend = "remove the file; a new one is made at the next start, and everybody signs in again"
        return fail(subject, f"{path} holds less than {_MIN_SECRET_BYTES} bytes", mend)
    return ok(subject, f"{path}, for this user alone")


def check_clock() -> Diagnosis:
    """Wall clock, monotonic clock, time zone data: calling hours are judged by them."""
    subject = "clock"
    now = datetime.now(UTC)
    installed = datetime.fromtimestamp(Path(manualdial.__file__).stat().st_mtime, UTC)
    if now < installed - _TOLERATED_LEAD:
        return fail(subject, f"{now:%Y-%m-%d %H:%M} UTC is before this program was installed", "set the clock (NTP)")
    readings = [time.monotonic() for _ in range(1000)]
    if readings != sorted(readings):
        return fail(subject, "the monotonic clock goes back", "have the machine's clock source looked at")
    try:
        zoneinfo.ZoneInfo("America/New_York")
    except zoneinfo.ZoneInfoNotFoundError:
        return fail(subject, "there is no time zone data", "install the package tzdata")
    return ok(subject, f"{now:%Y-%m-%d %H:%M:%S} UTC, with time zone data")


async def check_port(host: str, port: int) -> Diagnosis:
    """Whether the service can listen, and if not, who does."""
    subject = "port"
    if port == 0:
        return ok(subject, "a free one is taken")
    trouble = await asyncio.to_thread(_bind, host, port)
    if trouble is None:
        return ok(subject, f"{port} of {host} is free")
    if isinstance(trouble, socket.gaierror):
        return fail(subject, f"{host} is no address", "set server.host to an address of this machine")
    if trouble.errno != errno.EADDRINUSE:
        mend = "set server.host and server.port to what this user may listen on"
        return fail(subject, f"{port} of {host} cannot be used: {trouble.strerror}", mend)
    if await is_serving(f"http://{f'[{host}]' if ':' in host else host}:{port}"):
        return ok(subject, f"{port} of {host} is taken by a manualdial that is serving")
    holder = await asyncio.to_thread(process_on, port)
    return fail(subject, f"{port} of {host} is taken by {holder}", "end that program, or set server.port to another")


def _bind(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        return error
    except UnicodeError:
        return socket.gaierror("no name of a host")
    return None


def process_on(port: int) -> str:
    """The process that listens on a port, as far as Linux tells this user."""
    inodes = {inode for table in ("tcp", "tcp6") for inode in _listeners(Path("/proc/net", table), port)}
    for process in Path("/proc").glob("[0-9]*"):
        if _holds(process, inodes):
            try:
                return f"process {process.name} ({(process / 'comm').read_text().strip()})"
            except OSError:
                break  # it has just ended
    return "another program"


def _listeners(table: Path, port: int) -> list[str]:
    """The inodes of the sockets that listen on a port (proc(5), /proc/net/tcp)."""
    try:
        lines = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []
    return [line[9] for line in lines if line[3] == _LISTENING and int(line[1].rpartition(":")[2], 16) == port]


def _holds(process: Path, inodes: set[str]) -> bool:
    try:
        return any(
            str(entry.readlink()) in {f"socket:[{inode}]" for inode in inodes} for entry in (process / "fd").iterdir()
        )
    except OSError:
        return False  # another user's, or ended


def check_file_rights(path: Path | None) -> Diagnosis | None:
    """A configuration file that others can change."""
    if path is None or not stat.S_IMODE(path.stat().st_mode) & 0o002:
        return None
    return warn("configuration", f"everybody can change {path}", f"chmod o-w {path}")
