"""`manualdial user`: who may sign in. Works on the database itself, whether the service runs or not."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from manualdial.agents import is_extension
from manualdial.app.adapters import policies_for, tenants_for
from manualdial.callers import Role, User
from manualdial.commands.configuration import ConfigFile, configuration, with_store
from manualdial.commands.failure import CommandFailed, WronglyCalled, group
from manualdial.commands.signing_in import read_password
from manualdial.commands.terminal import output, print_json_lines, say, table
from manualdial.identity.tokens import hash_password
from manualdial.numbers import is_region
from manualdial.plain_text import printable
from manualdial.ports import LoginNameTaken, Storage

_LOGIN_NAME = re.compile(r"\S{1,256}")
_CALLER_ID = re.compile(r"\+?[0-9]{1,15}")

application = group("Who may sign in.")

Password = Annotated[
    bool,
    typer.Option(
        "--password-stdin", help="Read the password from the first line of standard input instead of asking for it."
    ),
]


@application.command(epilog="Example: manualdial user add ann --tenant acme --role agent --extension 1001")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The login name; its case does not matter.")],
    tenant: Annotated[str, typer.Option(metavar="TENANT", help="The tenant; it is made where it is new.")],
    role: Annotated[
        list[Role] | None, typer.Option(help="What the user may do; may be repeated. Default: agent.")
    ] = None,
    full_name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="The name for people. Default: the login name.")
    ] = None,
    extension: Annotated[str | None, typer.Option(metavar="EXTENSION", help="The agent's phone.")] = None,
    region: Annotated[
        str | None, typer.Option(metavar="CODE", help="ISO 3166 region in which the agent's national numbers are read.")
    ] = None,
    caller_id: Annotated[
        list[str] | None,
        typer.Option(
            "--caller-id",
            metavar="NUMBER",
            help="A number that the user may show, as in the settings; may be repeated. Default: all of the tenant.",
        ),
    ] = None,
    password_stdin: Password = False,
    config: ConfigFile = None,
) -> None:
    """Add a user."""
    if not (_LOGIN_NAME.fullmatch(name) and name.isprintable()):
        raise WronglyCalled("a login name has 1 to 256 printable characters and no blanks.")
    if not tenant.strip():
        raise WronglyCalled("a tenant has a name.")
    if extension is not None and not is_extension(extension):
        raise WronglyCalled("an extension has 1 to 64 letters, digits or . _ + -")
    if region is not None and not is_region(region.upper()):
        raise WronglyCalled("a region is an ISO 3166 code.")
    new = User(
        id=str(uuid.uuid4()),
        tenant_id="",
        tenant=tenant.strip(),
        login_name=name,
        name=full_name or name,
        password_hash=_password(name, from_stdin=password_stdin),
        roles=frozenset(role or [Role.AGENT]),
        extension=extension,
        region=region.upper() if region else None,
        caller_ids=_caller_ids(caller_id) if caller_id else None,
    )

    async def work(store: Storage) -> None:
        try:
            await store.add_user(msgspec.structs.replace(new, tenant_id=tenant_id(new.tenant, await store.users())))
        except LoginNameTaken:
            raise CommandFailed(f"There is a user {new.login_name} already.") from None

    with_store(configuration(config), work, make=True)
    _warn_of_unknown(new, config)
    say(f"{name} may sign in now.")


@application.command(name="list", epilog="Example: manualdial user list --json")
def list_users(
    as_json: Annotated[bool, typer.Option("--json", help="One user a line, as JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """List the users, by tenant and login name."""
    users = with_store(configuration(config), lambda store: store.users())
    if as_json:
        print_json_lines(map(_shown, users))
        return
    if not users:
        say("There is no user yet; `manualdial user add` adds one.")
        return
    heading = ("TENANT", "LOGIN", "NAME", "ROLES", "EXTENSION", "REGION", "")
    output().print(table([heading, *(_row(one) for one in users)]))


@application.command(epilog="Example: manualdial user passwd ann")
def passwd(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The login name.")],
    password_stdin: Password = False,
    config: ConfigFile = None,
) -> None:
    """Give a user another password. Tokens that are out stay good until they expire."""
    password_hash = _password(name, from_stdin=password_stdin)

    async def work(store: Storage) -> None:
        await store.set_password((await _found(store, name)).id, password_hash)

    with_store(configuration(config), work)
    say(f"{name} has a new password.")


@application.command(name="caller-ids", epilog="Example: manualdial user caller-ids ann +12025550180 +12025550181")
def caller_ids(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The login name.")],
    shown: Annotated[
        list[str] | None, typer.Argument(metavar="[NUMBER]...", help="The numbers that the user may show from now on.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that the tenant has.")] = False,
    none: Annotated[bool, typer.Option("--none", help="None: calls show the engine's own.")] = False,
    config: ConfigFile = None,
) -> None:
    """Show, or say, which caller IDs a user may ask for. Without numbers and options they are shown.

    They are limited further by those that the settings give the tenant.
    """
    if sum((bool(shown), every, none)) > 1:
        raise WronglyCalled("say numbers, --all or --none.")
    if not (shown or every or none):
        found = with_store(configuration(config), lambda store: _found(store, name))
        output().print(_caller_ids_shown(found.caller_ids), markup=False)
        return
    wanted = None if every else _caller_ids(shown or [])

    async def work(store: Storage) -> User:
        found = await _found(store, name)
        await store.set_caller_ids(found.id, wanted)
        return msgspec.structs.replace(found, caller_ids=wanted)

    changed = with_store(configuration(config), work)
    say(f"{changed.login_name} may show: {_caller_ids_shown(wanted)}.")
    _warn_of_unknown(changed, config)


def tenant_id(tenant: str, users: Sequence[User]) -> str:
    """The id that the tenant has; for a new one it follows from the name, so that two who add it at once agree."""
    known = (one.tenant_id for one in users if one.tenant.casefold() == tenant.casefold())
    return next(known, None) or str(uuid.uuid5(uuid.NAMESPACE_URL, f"manualdial:tenant:{tenant.casefold()}"))


def _password(name: str, *, from_stdin: bool) -> str:
    """The hash of a new password."""
    password = read_password(f"New password of {name}", from_stdin=from_stdin, twice=True)
    try:
        return hash_password(password)
    except ValueError as error:
        raise WronglyCalled(f"{error}.") from None


async def _found(store: Storage, name: str) -> User:
    found = await store.user_by_login(name)
    if found is None:
        raise CommandFailed(f"There is no user {printable(name)}.")
    return found


def _caller_ids(said: Sequence[str]) -> tuple[str, ...]:
    """Caller IDs as a press has to write them. Raises WronglyCalled."""
    if not all(_CALLER_ID.fullmatch(number) for number in said):
        raise WronglyCalled("a caller ID is digits, with or without a plus sign.")
    return tuple(dict.fromkeys(said))


def _warn_of_unknown(user: User, config: Path | None) -> None:
    """A caller ID that the settings do not have is of no use."""
    if not user.caller_ids:
        return
    settings = configuration(config)
    known = tenants_for(settings, policies_for(settings)).of(user.tenant).caller_ids
    if unknown := [number for number in user.caller_ids if number not in known]:
        sentence = f"The settings do not give the tenant {printable(user.tenant)}: {', '.join(unknown)}."
        if not all(number.startswith("+") for number in unknown):
            sentence += " There a caller ID is E.164, with its plus sign."
        say(sentence)


def _caller_ids_shown(numbers: Sequence[str] | None) -> str:
    return "all of the tenant" if numbers is None else ", ".join(map(printable, numbers)) or "none"


def _shown(one: User) -> dict[str, object]:
    return {
        "id": one.id,
        "tenant": one.tenant,
        "loginName": one.login_name,
        "name": one.name,
        "roles": sorted(one.roles),
        "extension": one.extension,
        "region": one.region,
        "callerIds": None if one.caller_ids is None else list(one.caller_ids),
        "disabled": one.disabled,
    }


def _row(one: User) -> tuple[str, ...]:
    cells = (one.tenant, one.login_name, one.name, ", ".join(sorted(one.roles)), one.extension or "", one.region or "")
    return (*map(printable, cells), "disabled" if one.disabled else "")
