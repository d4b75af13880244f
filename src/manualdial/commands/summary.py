"""A message of the bus in one line, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from manualdial.client.messages import Message, address_of, call_of, error_of
from manualdial.plain_text import part, printable

_STYLES_OF_STATES = {
    "agent_ringing": "yellow",
    "ringing": "yellow",
    "connected": "bold green",
    "held": "cyan",
    "wrap_up": "magenta",
    "ended": "dim",
    "unknown": "bold red",
}
_STYLES_OF_DECISIONS = {"allow": "green", "warn": "yellow", "block": "bold red"}
_STYLES_OF_CHANNELS = {"lcm": "magenta", "ui": "cyan", "bus": "dim"}
_CONNECTOR_TOPICS = frozenset({"inboundcall", "agent", "app"})
_EVENTS_WORTH_TELLING = frozenset({("wrap_up", "Dropped"), ("ended", "missed"), ("ended", "Rejected")})
"""Where the reference's word for the event says more than the state."""
_LONGEST = 120


def address_line(message: Message) -> Text:
    """The address, coloured by its channel: the service's own, a connector, or between applications."""
    if error_of(message) is not None:
        return Text(printable(address_of(message)), style="red")
    channel, topic = (str(message.get(level) or "").casefold() for level in ("channel", "topic"))
    style = _STYLES_OF_CHANNELS.get(channel, "blue" if topic in _CONNECTOR_TOPICS else "yellow")
    return Text(printable(address_of(message)), style=style)


def summary(message: Message) -> Text:
    """The gist of a message, coloured by its kind."""
    error = error_of(message)
    if error is not None:
        return Text(printable(f"{error.get('errorType')}: {error.get('errorMessage')}"), style="bold red")
    inner = message.get("message")
    content = inner if isinstance(inner, dict) else {}
    dial = call_of(message)
    if dial is not None:
        return _state(dial, event=part(content, "call", "event"))
    match str(message.get("subtopic")):
        case "SetAgentState":
            return Text(f"agent    {printable(content.get('event'))}")
        case "LoginSuccess" | "LogoutSuccess":
            return Text(printable(f"{content.get('loginState')}: {part(content, 'agentInfo', 'loginName')}"))
        case "ManualDialCall" | "SetMakeCall":
            return _press(message, content)
        case "CheckPhoneNumber" | "SetLocation":
            return _check(message, content)
    return Text(_short(message.get("data") if inner is None else inner), style="dim")


def _state(dial: Message, *, event: Any) -> Text:
    state = str(dial.get("state"))
    line = Text(f"{printable(dial.get('leg')):<8} ")
    line.append(printable(state), style=_STYLES_OF_STATES.get(state, ""))
    if (state, event) in _EVENTS_WORTH_TELLING:
        line.append(f" {printable(event)}", style="dim")
    ending = dial.get("ending")
    if isinstance(ending, dict):
        line.append(f" ({ending_line(ending)})", style="dim")
    return line


def ending_line(ending: Message) -> str:
    """How a call ended, in words."""
    return printable(f"{ending.get('cause')}, by {ending.get('by')}")


def _press(message: Message, content: Message) -> Text:
    if "message" not in message:
        return Text(f"request  {printable(_number(message.get('data')))}")
    line = Text(f"reply    {printable(_number(content.get('data')))}")
    dial = content.get("dial")
    if isinstance(dial, dict):
        replay = ", made before" if dial.get("replay") else ""
        line.append(f" ({printable(dial.get('state'))}{replay})", style="dim")
    return line


def _check(message: Message, content: Message) -> Text:
    """A number that is asked about, or the verdict on it with the rules that do not allow the call."""
    if "message" not in message:
        return Text(f"request  {printable(_number(message.get('data')))}")
    decision = str(part(content, "dial", "verdict", "decision"))
    line = Text(f"reply    {printable(part(content, 'dial', 'number', 'e164'))} ")
    line.append(printable(decision), style=_STYLES_OF_DECISIONS.get(decision, ""))
    line.append("".join(f" ({detail})" for detail in _details(content)), style="dim")
    return line


def _details(content: Message) -> Iterator[str]:
    """As what it was judged, which rules are against it, and from when on it is permitted."""
    if purpose := part(content, "dial", "purpose"):
        yield printable(purpose)
    rules = part(content, "dial", "verdict", "rules")
    against = (
        [str(part(rule, "rule")) for rule in rules if part(rule, "decision") != "allow"]
        if isinstance(rules, list)
        else []
    )
    if against:
        yield _cut(", ".join(against))
    if permitted := part(content, "dial", "verdict", "nextPermittedAt"):
        yield printable(f"permitted from {permitted} on")


def _number(data: Any) -> Any:
    return data.get("PhoneNumber", "") if isinstance(data, dict) else data or ""


def _short(content: Any) -> str:
    """The first fields of anything, so that the line stays a line."""
    if isinstance(content, dict):
        text = ", ".join(f"{key}: {value}" for key, value in content.items() if not isinstance(value, dict | list))
    else:
        text = "" if content is None else str(content)
    return _cut(text)


def _cut(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
