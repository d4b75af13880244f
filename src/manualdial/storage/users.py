"""Users and their tenants, and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, select, update

from manualdial.callers import Role, User
from manualdial.ports import LoginNameTaken
from manualdial.storage.rows import key, row_of, struct_of
from manualdial.storage.tables import insert, tenants, users

_roles = msgspec.json.Decoder(frozenset[Role])
_caller_ids = msgspec.json.Decoder(tuple[str, ...])
_USERS = select(users, tenants.c.name.label("tenant")).join(tenants, users.c.tenant_id == tenants.c.id)
_TENANTS = select(tenants.c.id, tenants.c.name).order_by(tenants.c.id)


def add_user(connection: Connection, user: User) -> None:
    """Add a user, and the tenant if it is new. Raises LoginNameTaken."""
    dialect = connection.dialect.name
    tenant = {"id": user.tenant_id, "name": user.tenant}
    connection.execute(insert(tenants, dialect).on_conflict_do_nothing(), tenant)
    new = insert(users, dialect).on_conflict_do_nothing(index_elements=["login_key"]).returning(users.c.id)
    if connection.execute(new, user_row(user)).first() is None:
        raise LoginNameTaken("a user of this login name exists already")


def set_password(connection: Connection, user_id: str, password_hash: str) -> None:
    """Replace the password hash of a user."""
    connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))


def set_caller_ids(connection: Connection, user_id: str, caller_ids: Sequence[str] | None) -> None:
    """Say which caller IDs a user may show."""
    change = update(users).where(users.c.id == user_id).values(caller_ids=_caller_ids_text(caller_ids))
    connection.execute(change)


def user_of_id(connection: Connection, user_id: str) -> User | None:
    """The user of this id."""
    return _one(connection, _USERS.where(users.c.id == user_id))


def user_of_login(connection: Connection, login_name: str) -> User | None:
    """The user of this login name, whatever its case."""
    return _one(connection, _USERS.where(users.c.login_key == _login_key(login_name)))


def all_users(connection: Connection) -> list[User]:
    """All users, by tenant and login name, whatever their case."""
    found = map(_user_of, connection.execute(_USERS))
    return sorted(found, key=lambda user: (user.tenant.casefold(), user.login_name.casefold()))


def all_tenants(connection: Connection) -> list[tuple[str, str]]:
    """Ids and names of all tenants, by id."""
    return [(row.id, row.name) for row in connection.execute(_TENANTS)]


def _one(connection: Connection, query: Select[Any]) -> User | None:
    row = connection.execute(query).first()
    return None if row is None else _user_of(row)


def _login_key(login_name: str) -> str:
    """The key of a login name, the same whatever its case."""
    return key(login_name.casefold())


def user_row(user: User) -> dict[str, Any]:
    """The row of a user; the tenant's name has a table of its own."""
    return row_of(
        users,
        user,
        login_key=_login_key(user.login_name),
        roles=msgspec.json.encode(sorted(user.roles)).decode(),
        caller_ids=_caller_ids_text(user.caller_ids),
    )


def _caller_ids_text(caller_ids: Sequence[str] | None) -> str | None:
    """The column of the caller IDs that a user may show."""
    return None if caller_ids is None else msgspec.json.encode(list(caller_ids)).decode()


def _user_of(row: Row[Any]) -> User:
    """The user of a row of `users` joined with the tenant's name as `tenant`."""
    caller_ids = None if row.caller_ids is None else _caller_ids.decode(row.caller_ids)
    return struct_of(User, row, roles=_roles.decode(row.roles), caller_ids=caller_ids)
