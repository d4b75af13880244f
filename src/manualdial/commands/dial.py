"""`manualdial dial`: one call, with what happens to it as it happens."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status
from rich.text import Text

from manualdial.client.bus_client import BusClient, Received, SignIn, connected
from manualdial.client.errors import Unanswered
from manualdial.client.messages import Message, call_of, request, verdict_of
from manualdial.client.press import PRESS_ADDRESS, FollowedPress, press_data
from manualdial.commands.check import Account, Campaign, ForPurpose, Number, Region, ZipCode, warn_of_zip_code
from manualdial.commands.failure import FAILED, single
from manualdial.commands.running import stopping, unless
from manualdial.commands.signing_in import DEFAULT_URL, URL, LoginName, PasswordFromStdin, login
from manualdial.commands.summary import summary
from manualdial.commands.terminal import json_line, notices, output, say
from manualdial.commands.verdict import in_brief
from manualdial.law.verdict import Decision
from manualdial.plain_text import part, printable

_EXAMPLE = "Example: manualdial dial '+1 202 555 0100' --purpose service --user ann"

_CONNECTOR = "Amazon"
_ANSWER_LIMIT = 40.0


def dial(
    number: Number,
    url: URL = DEFAULT_URL,
    user: LoginName = None,
    password_stdin: PasswordFromStdin = False,
    purpose: ForPurpose = None,
    zip_code: ZipCode = None,
    region: Region = None,
    campaign: Campaign = None,
    account: Account = None,
    extension: Annotated[
        str | None, typer.Option(metavar="EXTENSION", help="The agent's phone, where the agent is not logged in yet.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only ask whether the number may be called.")] = False,
    request_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Name the press; the same name again dials nothing.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One message of the call a line, as JSON.")] = False,
) -> None:
    """Have one number dialled, and follow the call to its end.

    Ctrl-C hangs up and waits for the end; a second one leaves at once.
    Exit code 0 when the customer was reached (with --dry-run: when the number may be called), 1 otherwise.
    """
    who = login(url, user, from_stdin=password_stdin)
    data = press_data(
        number,
        region=region,
        purpose=purpose,
        zip_code=zip_code,
        campaign_id=campaign,
        account_number=account,
        dry_run=dry_run,
    )
    press = FollowedPress(request_id or str(uuid.uuid4()))
    warn_of_zip_code(zip_code)
    asyncio.run(_dial(who, press, data, extension=extension, show=_Progress(output(), as_json=as_json)))
    if not press.is_good:
        notices().print(_why(press, number))
        raise typer.Exit(FAILED)
    if not as_json:
        output().print(Text(press.outcome()))


def _why(press: FollowedPress, typed: str) -> Text:
    """The end of a press that was not good: of a refused one the rules, and when the call may be made."""
    text = Text(press.outcome())
    if press.verdict.get("decision") in (None, Decision.ALLOW):
        return text
    return text.append("\n").append_text(
        in_brief(verdict_of(press.verdict), press.number or typed, at=datetime.now(UTC))
    )


class _Progress:
    """Shows the press as it goes: a line for each message, and on a terminal what is being waited for."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console = console
        self._as_json = as_json
        self._pressed_at = 0.0
        self.status = Status("", console=console) if console.is_terminal and not as_json else None

    def start(self) -> None:
        """The press is about to be sent."""
        self._pressed_at = time.monotonic()

    def show(self, received: Received) -> None:
        """A message that is about the press."""
        if self._as_json:
            self._console.out(json_line(received.message))
            return
        line = Text(f"{(received.at - self._pressed_at) * 1000:9.1f} ms  ")
        self._console.print(line.append_text(summary(received.message)))
        dial_now = call_of(received.message)
        if self.status is not None and dial_now is not None:
            self.status.update(f"{printable(dial_now.get('state'))} – Ctrl-C hangs up")


async def _dial(who: SignIn, press: FollowedPress, data: Message, *, extension: str | None, show: _Progress) -> None:
    async with connected(who) as client:
        await _log_in(client, extension)
        client.forget()
        with stopping() as stop, show.status or contextlib.nullcontext():
            show.start()
            await client.send(request(PRESS_ADDRESS, data, request_id=press.request_id))
            await _follow(client, press, stop, show)


async def _log_in(client: BusClient, extension: str | None) -> None:
    """Log the agent in, unless somebody has."""
    wanted = {"extension": extension} if extension else {}
    answer = await client.ask(f"{_CONNECTOR}/Agent/Login", wanted)
    used = part(answer.message, "message", "agentInfo", "extension")
    if extension and used != extension:
        say(f"The agent is logged in already; extension {printable(used)} rings.")


async def _follow(client: BusClient, press: FollowedPress, stop: asyncio.Event, show: _Progress) -> None:
    """Read to the end of the call. Clears the wrap-up; hangs up when `stop` is set."""
    give_up = asyncio.get_running_loop().time() + _ANSWER_LIMIT
    never = asyncio.Event()
    hung_up = cleared = False
    while not press.is_over:
        can_hang_up = press.call_id is not None and not hung_up  # before it has an id, no call can be named
        received = await _next(client, stop if can_hang_up else never, None if press.is_answered else give_up)
        if received is not None and press.take(received.message):
            show.show(received)
        if press.call_id is None:
            continue
        if stop.is_set() and not hung_up:
            hung_up = True
            await _control(client, "Disconnect", press.call_id)
        if press.state == "wrap_up" and not cleared:
            cleared = True
            await _control(client, "ClearContact", press.call_id)


async def _next(client: BusClient, stop: asyncio.Event, give_up: float | None) -> Received | None:
    """The next message; None where `stop` was set first."""
    try:
        async with asyncio.timeout_at(give_up):
            return await unless(stop, client.read())
    except TimeoutError:
        raise Unanswered(f"The service did not answer the press within {_ANSWER_LIMIT:g} seconds.") from None


async def _control(client: BusClient, subtopic: str, call_id: str) -> None:
    """Ask for something whose event shows that it was done. A refusal means that the call went on by itself."""
    await client.send(request(f"{_CONNECTOR}/InboundCall/{subtopic}", call_id))


application = single(dial, example=_EXAMPLE)
