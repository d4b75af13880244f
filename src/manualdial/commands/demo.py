"""`manualdial demo`: the whole service in a temporary folder; one press and some verdicts, then open to try."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from manualdial import __version__
from manualdial.app.service import serving
from manualdial.callers import Role, User
from manualdial.client.bus_client import BusClient, SignIn, connected
from manualdial.client.errors import ClientError
from manualdial.client.messages import Message
from manualdial.commands.demo_bus import REQUEST, TALK, DemoCall, DemoVerdicts
from manualdial.commands.failure import CommandFailed, single
from manualdial.commands.running import run, stopping, unless
from manualdial.commands.summary import address_line, summary
from manualdial.commands.terminal import json_block, notices, output
from manualdial.config import Authentication, Config, DialingSection, ScreeningSection, ServerSection, StorageSection
from manualdial.identity.tokens import hash_password
from manualdial.law import Purpose
from manualdial.ports import Store
from manualdial.telemetry import log

_EXAMPLE = "Example: manualdial demo --once"

_HOST = "127.0.0.1"
_PORT = 8080
_LIMIT = 30.0
_LOG_LINES_SHOWN = 20
_ROLES = {"ann": Role.AGENT, "sue": Role.SUPERVISOR}


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after that: exit code 0 if all went as it should.")] = False,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", min=0, max=65_535, help=f"Listen here. Default: {_PORT}, or a free one if it is taken."
        ),
    ] = None,
) -> None:
    """Show one press to the end of its call, and what is refused and why, on a service of its own; go on serving.

    Everything is in a temporary folder that is removed at the end, and no real telephone rings.
    """
    if port is not None and not _is_free(port):
        raise CommandFailed(f"Port {port} of {_HOST} is taken; --port names another.")
    chosen = port if port is not None else _PORT if _is_free(_PORT) else 0
    with tempfile.TemporaryDirectory(prefix="manualdial-demo-") as folder:
        log_file = Path(folder, "manualdial.log")
        with log_file.open("w", encoding="utf-8", buffering=1) as stream:
            log.set_up(console=False, level="info", stream=stream)
            try:
                run(_Demo(Path(folder), port=chosen, once=once).run())
            except (CommandFailed, ClientError):
                _show_end_of(log_file)
                raise


class _Demo:
    """The demonstration in its folder."""

    def __init__(self, folder: Path, *, port: int, once: bool) -> None:
        self._folder = folder
        self._port = port
        self._once = once
        self._out: Console = output()
        self._passwords = {name: secrets.token_urlsafe(12) for name in _ROLES}

    async def run(self) -> None:
        with stopping() as stop:
            async with serving(self._config()) as service:
                for name, password in self._passwords.items():
                    await _add(service.store, name, password)
                await unless(stop, self._show_all(service.url))
                if self._once and stop.is_set():
                    raise CommandFailed("Stopped before the call came to its end.")
                if not self._once and not stop.is_set():
                    self._say_what_next(service.url)
                    await unless(stop, service.ended())
                self._say("\nStopped; the temporary folder is removed.")

    def _config(self) -> Config:
        return Config(
            server=ServerSection(host=_HOST, port=self._port, shutdown_timeout=3.0),
            storage=StorageSection(url=f"sqlite:///{self._folder / 'manualdial.sqlite3'}"),
            dialing=DialingSection(purpose=Purpose.SERVICE),
            screening=ScreeningSection(registries=[], registries_path=str(self._folder / "registries")),
            authentication=Authentication(secret_file=str(self._folder / "manualdial.secret")),
        )

    async def _show_all(self, url: str) -> None:
        """The press with its call, then the verdicts. Raises CommandFailed where it does not go as it should."""
        self._say(f"manualdial {__version__} – one press, one call, and the verdict before the ring\n", style="bold")
        self._say(f"The service listens on {url}, with the simulator as its telephone engine: nothing real rings.")
        self._say(f"Its database and its log are in {self._folder}.")
        ann = SignIn(url=url, user="ann", password=self._passwords["ann"])
        try:
            async with asyncio.timeout(_LIMIT), connected(ann) as client:
                await client.ask("Amazon/Agent/Login")
                self._say("Ann is logged in as an agent, over the bus. Her application publishes:\n")
                self._say(REQUEST, style="cyan")
                self._say("\nEverything that her application sends (→) and gets (←), with the time since the press:\n")
                await self._call(client)
                await self._verdicts(client)
        except TimeoutError:
            raise CommandFailed(f"It did not come to its end within {_LIMIT:g} seconds.") from None

    async def _call(self, client: BusClient) -> None:
        call = DemoCall(client, self._show)
        try:
            await call.run()
        finally:
            if call.reply is not None:
                self._say("\nThe reply in full:\n")
                self._say(json_block(call.reply), style="cyan")
        self._say(
            f"\nThe reply is the documented one; the customer answered, and Ann hung up after {TALK:g} seconds.\n",
            style="green",
        )

    async def _verdicts(self, client: BusClient) -> None:
        self._say("Before anything rings, each dial is judged by the law of the place that is called.", style="bold")
        await DemoVerdicts(client, self._out.print).run()
        self._say("\nThe verdicts are as they should be.", style="green")

    def _show(self, message: Message, since_press: float, sent: bool) -> None:
        line = Text().append(f"{since_press * 1000:8.1f} ms  ", style="dim")
        line.append("→ " if sent else "← ", style="bold" if sent else "")
        address = address_line(message)
        address.pad_right(max(41 - len(address), 0))
        self._out.print(line.append_text(address).append("  ").append_text(summary(message)))

    def _say_what_next(self, url: str) -> None:
        program, at = _program(), f"--url {url} --user"
        self._say(f"\nThe service goes on at {url} – Ctrl-C stops it. To try, in another terminal:\n", style="bold")
        for what, name, command in (
            ("Watch the bus as Sue, the supervisor:", "sue", f"{program} tail {at} sue --scope tenant"),
            ("Dial as Ann, the agent:", "ann", f"{program} dial '+1 202 555 0106' {at} ann"),
        ):
            self._say(f"  {what}")
            self._say(f"    MANUALDIAL_PASSWORD={self._passwords[name]} {command}\n", style="cyan")
        self._say(f"  Also: {url}/status, {url}/metrics, and the API at {url}/schema/openapi.json")
        self._say("\n  The simulator answers by number: +1 202 555 0100 stays, 0101 is busy, 0102 does not answer,")
        self._say("  0103 rejects, 0106 hangs up after a second; docs/command-line.md has the rest.")

    def _say(self, text: str, style: str = "") -> None:
        self._out.print(Text(text, style=style))


async def _add(store: Store, name: str, password: str) -> None:
    user = User(
        id=str(uuid.uuid4()),
        tenant_id="demo",
        tenant="demo",
        login_name=name,
        name=name.capitalize(),
        password_hash=await asyncio.to_thread(hash_password, password),
        roles=frozenset([_ROLES[name]]),
        extension="1001" if _ROLES[name] is Role.AGENT else None,
    )
    await store.add_user(user)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
            probe.listen()
        except OSError:
            return False
    return True


def _program() -> str:
    """How this program is called: by its name, or by where it is, seen from this folder if it is inside."""
    if shutil.which("manualdial"):
        return "manualdial"
    beside = Path(sys.executable).with_name("manualdial")
    found = beside if beside.exists() else Path(sys.executable)
    if found.is_relative_to(Path.cwd()):
        found = found.relative_to(Path.cwd())
    return str(found) if found.name == "manualdial" else f"{found} -m manualdial"


def _show_end_of(log_file: Path) -> None:
    lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
    if lines:
        notices().print(Text("\n".join(["The end of the service's log:", *lines])))


application = single(demo, example=_EXAMPLE)
