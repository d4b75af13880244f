"""`manualdial tail`: what goes over the bus, one line a message."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from manualdial.client.bus_client import SignIn, connected
from manualdial.client.errors import ConnectionEnded, Unreachable
from manualdial.client.messages import Message
from manualdial.commands.failure import single
from manualdial.commands.running import stopping, unless
from manualdial.commands.signing_in import DEFAULT_URL, URL, LoginName, PasswordFromStdin, login
from manualdial.commands.summary import address_line, summary
from manualdial.commands.terminal import json_line, notices, output
from manualdial.plain_text import printable

_EXAMPLE = "Example: manualdial tail --user sue --scope tenant --subscribe 'Amazon/InboundCall/*'"

EVERYTHING = "*/*/*"
_FORBIDDEN = 4403
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0


class TailScope(StrEnum):
    """Whose messages."""

    AGENT = "agent"
    TENANT = "tenant"


def tail(
    url: URL = DEFAULT_URL,
    user: LoginName = None,
    password_stdin: PasswordFromStdin = False,
    subscribe: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="channel/topic/subtopic, * for any level; may be repeated."),
    ] = None,
    scope: Annotated[
        TailScope, typer.Option(help="One's own messages, or those of all agents (for supervisors and integrations).")
    ] = TailScope.AGENT,
    stream: Annotated[bool, typer.Option("--stream", help="Show the sequence number of each message.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One message a line, as JSON, as it came.")] = False,
) -> None:
    """Follow the bus until Ctrl-C.

    When the connection breaks it is made again; what went over the bus meanwhile is not shown, and the gap is told.
    """
    who = login(url, user, from_stdin=password_stdin)
    follower = _Follower(who, patterns=subscribe or [EVERYTHING], scope=scope, stream=stream, as_json=as_json)
    asyncio.run(follower.run())


class _Follower:
    """Shows the bus for as long as it may."""

    def __init__(self, who: SignIn, *, patterns: list[str], scope: str, stream: bool, as_json: bool) -> None:
        self._who = who
        self._patterns = patterns
        self._scope = scope
        self._stream = stream
        self._as_json = as_json
        self._out: Console = output()
        self._notices: Console = notices()
        self._pauses = pauses()
        self._was_connected = False

    async def run(self) -> None:
        with stopping() as stop:
            await unless(stop, self._follow())

    async def _follow(self) -> None:
        while True:
            try:
                await self._one_connection()
            except (ConnectionEnded, Unreachable) as failure:
                forbidden = isinstance(failure, ConnectionEnded) and failure.code == _FORBIDDEN
                if forbidden or not self._was_connected:
                    raise
                pause = next(self._pauses)
                self._notices.print(Text(f"{failure} Trying again in {pause:.1f} s.", style="yellow"))
                await asyncio.sleep(pause)

    async def _one_connection(self) -> None:
        async with connected(self._who, subscriptions=self._patterns, scope=self._scope, stream=self._stream) as client:
            user = printable(client.registered.get("user", {}).get("name"))
            again = " again; messages in between are missing" if self._was_connected else ""
            self._notices.print(Text(f"Connected to {self._who.url} as {user}{again}.", style="dim"))
            self._was_connected = True
            self._pauses = pauses()
            while True:
                self._show((await client.read()).message)

    def _show(self, message: Message) -> None:
        if self._as_json:
            self._out.out(json_line(message))
            return
        line = Text().append(datetime.now().astimezone().strftime("%H:%M:%S.%f")[:-3], style="dim")
        meta = message.get("meta")
        if isinstance(meta, dict):
            line.append(f"  {printable(meta.get('seq')):>6}")
        line.append("  ").append_text(address_line(message)).append("  ")
        self._out.print(line.append_text(summary(message)))


def pauses() -> Iterator[float]:
    """How long to wait before each try: longer each time, and not the same for all who lost the same service."""
    pause = _FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.7, 1.3)  # noqa: S311 - spreads the load, protects nothing
        pause = min(pause * 2, _LONGEST_PAUSE)


application = single(tail, example=_EXAMPLE)
