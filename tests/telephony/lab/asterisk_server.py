"""A real Asterisk on loopback, with a directory and ports of its own."""

from __future__ import annotations

import base64
import json
import os
import platform
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from string import Template

from tests.telephony.lab import audio
from tests.telephony.lab.ports import free_media_ports, free_port

_TEMPLATES = Path(__file__).parent / "asterisk"
# Their absence would be an error line each in the log.
_EMPTY_SECTIONS = ("ccss", "cel", "features", "udptl", "pjproject", "websocket_client", "manager")
_EMPTY_FILES = ("acl", "extensions")
_DIRECTORIES = ("etc", "agi", "db", "keys/keys", "spool", "run", "log", "cache", "music")
# Two for each leg; a benchmark has a hundred and more legs up.
_RTP_PORTS = 1_000
_START_LIMIT = 20.0
_STOP_LIMIT = 10.0


def default_tree() -> Path:
    """Where `install.sh` unpacks Asterisk."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "manualdial" / "asterisk"


class AsteriskServer:
    """Asterisk, run through the loader of the tree that it was unpacked in: no root and no chroot.

    `start` returns when ARI answers 200; it raises RuntimeError with the log where that does not happen.
    """

    user = "manualdial"
    password = "lab-password"

    def __init__(self, *, directory: Path, tree: Path | None = None) -> None:
        self.directory = directory
        self.tree = tree or default_tree()
        self.http_port = free_port()
        self.sip_port = free_port()
        self._rtp_first = free_media_ports(_RTP_PORTS)
        self._process: subprocess.Popen[bytes] | None = None
        self._write_configuration()

    @property
    def url(self) -> str:
        """Where ARI answers, without `/ari`."""
        return f"http://127.0.0.1:{self.http_port}"

    def start(self) -> None:
        """Start it, on the same ports as before if it ran before."""
        assert self._process is None, "it runs already"
        with (self.directory / "stdout.log").open("ab") as output:
            self._process = subprocess.Popen(
                [*self._command(), "-f", "-q"], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + _START_LIMIT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                status = self._process.poll()
                self.kill()
                raise RuntimeError(f"Asterisk did not start (status {status}):\n{self.log()}")
            time.sleep(0.01)

    def stop(self) -> None:
        """End it as an administrator would: live calls are hung up."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would: nobody is told."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it do nothing, and keep its connections."""
        assert self._process is not None, "it does not run"
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """End a freeze."""
        assert self._process is not None, "it does not run"
        self._process.send_signal(signal.SIGCONT)

    def version(self) -> str:
        """Its own word for what it is."""
        answer: dict[str, dict[str, str]] = json.loads(self._get("asterisk/info?only=system"))
        return answer["system"]["version"]

    def restart(self) -> None:
        """Start it again after `stop` or `kill`; end it by `kill` first where it runs."""
        self.kill()
        self.start()

    def channels(self) -> list[str]:
        """The ids of the live channels."""
        return [channel["id"] for channel in json.loads(self._get("channels"))]

    def bridges(self) -> list[str]:
        """The ids of the bridges."""
        return [bridge["id"] for bridge in json.loads(self._get("bridges"))]

    def log(self) -> str:
        """All that it has written so far."""
        files = (self.directory / "stdout.log", self.directory / "log" / "messages.log")
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())

    def _command(self) -> Sequence[str]:
        libraries = self.tree / "usr" / "lib"
        return (
            str(
                next((self.tree / "usr").glob("lib*/ld-linux*.so.*"), None) or next(libraries.glob("*/ld-linux*.so.*"))
            ),
            "--library-path",
            f"{libraries / _triplet()}:{libraries}",
            str(self.tree / "usr" / "sbin" / "asterisk"),
            "-C",
            str(self.directory / "etc" / "asterisk.conf"),
        )

    def _write_configuration(self) -> None:
        for name in _DIRECTORIES:
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        values = {
            "here": str(self.directory),
            "tree": str(self.tree),
            "triplet": _triplet(),
            "http_port": str(self.http_port),
            "sip_port": str(self.sip_port),
            "rtp_first": str(self._rtp_first),
            "rtp_last": str(self._rtp_first + _RTP_PORTS - 1),
            "user": self.user,
            "password": self.password,
        }
        etc = self.directory / "etc"
        for template in _TEMPLATES.glob("*.conf"):
            (etc / template.name).write_text(Template(template.read_text()).substitute(values))
        for name in _EMPTY_SECTIONS:
            (etc / f"{name}.conf").write_text("[general]\n")
        for name in _EMPTY_FILES:
            (etc / f"{name}.conf").write_text("")
        # Without a file there is silence, and Asterisk says nothing of it.
        (self.directory / "music" / "tone.ulaw").write_bytes(audio.tone(audio.MUSIC, seconds=10))

    def _answers(self) -> bool:
        """Refused, then 404 (no ARI yet), then 503 (still booting), then 200."""
        try:
            self._get("asterisk/ping")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def _get(self, path: str) -> bytes:
        credentials = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request = urllib.request.Request(f"{self.url}/ari/{path}", headers={"Authorization": f"Basic {credentials}"})
        with urllib.request.urlopen(request, timeout=2) as answer:
            return bytes(answer.read())

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _triplet() -> str:
    """Debian's name for this machine's kind, as in the directories of its libraries."""
    return f"{platform.machine()}-linux-gnu"
