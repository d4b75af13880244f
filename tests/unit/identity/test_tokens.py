"""Tokens and passwords, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import argon2
import jwt
import msgspec
import pytest

from manualdial.callers import Role
from manualdial.errors import NotAuthenticated, ServiceUnavailable, TokenExpired, TooManyAttempts
from manualdial.identity.tokens import Identity, hash_password
from tests.support.moved_clock import MovedClock
from tests.support.small_service import CHEAP, SECRET, MemoryUsers, person


class World:
    """An identity with its users and its clock."""

    def __init__(self, **options: Any) -> None:
        self.clock = MovedClock()
        self.users = MemoryUsers(person("ann"), person("sue", Role.SUPERVISOR))
        values: dict[str, Any] = {"secret": SECRET, "token_lifetime": 3600, "hasher": CHEAP} | options
        self.identity = Identity(store=self.users, clock=self.clock, **values)

    async def token(self, name: str = "ann", password: str = "pw", address: str = "192.0.2.1") -> str:
        return (await self.identity.sign_in(name, password, address=address)).access_token

    def forged(self, *, secret: bytes = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
        """A token with changed claims; a claim of None is left out."""
        now = self.clock.now()
        claims = {
            "iss": "manualdial", "aud": "manualdial", "sub": "u-ann", "jti": "x",
            "iat": int(now.timestamp()), "exp": int((now + timedelta(hours=1)).timestamp()),
        } | changes  # fmt: skip
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None}, secret, algorithm=algorithm
        )

    def change(self, user_id: str, **values: Any) -> None:
        self.users.by_id[user_id] = msgspec.structs.replace(self.users.by_id[user_id], **values)


async def test_a_token_gives_the_caller_as_the_store_has_it() -> None:
    world = World()
    token = await world.token()
    world.change("u-ann", name="Ann Other", roles=frozenset({Role.ADMIN}))
    caller = await world.identity.caller(token)
    assert (caller.user_id, caller.name, caller.roles) == ("u-ann", "Ann Other", frozenset({Role.ADMIN}))
    assert caller.expires_at == world.clock.now() + timedelta(hours=1)


async def test_a_forged_token_of_the_right_kind_would_be_good() -> None:
    world = World()
    assert (await world.identity.caller(world.forged())).user_id == "u-ann"


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": b"another secret of thirty-two bytes or more"},
        {"algorithm": "HS512", "secret": SECRET * 2},
        {"iss": "somebody"}, {"aud": "something"}, {"sub": "u-nobody"}, {"sub": 7}, {"exp": "soon"}, {"exp": 1e300},
        *({claim: None} for claim in ("iss", "aud", "sub", "iat", "exp", "jti")),
    ],
)  # fmt: skip
async def test_a_token_that_is_not_ours_is_not_good(changes: Mapping[str, Any]) -> None:
    world = World()
    with pytest.raises(NotAuthenticated) as refused:
        await world.identity.caller(world.forged(**changes))
    assert not isinstance(refused.value, TokenExpired)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "a" * 10_000, "." * 100, "\ud800"])
async def test_what_is_no_token_is_not_good(token: str) -> None:
    with pytest.raises(NotAuthenticated):
        await World().identity.caller(token)


async def test_a_token_without_a_signature_is_not_good() -> None:
    world = World()
    claims = jwt.decode(world.forged(), options={"verify_signature": False})
    with pytest.raises(NotAuthenticated):
        await world.identity.caller(jwt.encode(claims, None, algorithm="none"))


async def test_a_token_ends_by_the_clock_that_was_handed_in() -> None:
    world = World()
    token = await world.token()
    world.clock.move(3599)
    await world.identity.caller(token)
    world.clock.move(1)
    with pytest.raises(TokenExpired):
        await world.identity.caller(token)


async def test_a_user_who_is_disabled_or_gone_is_nobody_from_then_on() -> None:
    world = World()
    token = await world.token()
    world.change("u-ann", disabled=True)
    with pytest.raises(NotAuthenticated):
        await world.identity.caller(token)
    with pytest.raises(NotAuthenticated):
        await world.token()
    del world.users.by_id["u-ann"]
    with pytest.raises(NotAuthenticated):
        await world.identity.caller(token)


async def test_a_store_that_is_away_is_no_reason_to_say_that_a_token_is_bad() -> None:
    world = World()
    token = await world.token()
    world.users.unavailable = True
    with pytest.raises(ServiceUnavailable):
        await world.identity.caller(token)
    with pytest.raises(ServiceUnavailable):
        await world.token()


async def test_the_login_name_is_read_without_regard_to_case() -> None:
    world = World()
    assert (await world.identity.caller(await world.token("ANN"))).login_name == "ann"


@pytest.mark.parametrize("name", ["", "nobody", "a" * 10_000, "ann\0", "\ud800"])
async def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(NotAuthenticated):
        await World().token(name)


async def test_a_password_has_at_most_1024_bytes() -> None:
    world = World()
    world.change("u-ann", password_hash=CHEAP.hash("é" * 512))
    await world.token(password="é" * 512)
    with pytest.raises(NotAuthenticated):
        await world.token(password="é" * 512 + "a")
    for unfit in ("", "é" * 512 + "a"):
        with pytest.raises(ValueError, match="a password has"):
            hash_password(unfit)


async def test_a_hash_of_the_command_line_is_one_that_signs_in() -> None:
    world = World(hasher=None)
    world.change("u-ann", password_hash=hash_password("correct horse"))
    await world.token(password="correct horse")


async def test_a_stored_hash_that_cannot_be_read_lets_nobody_in() -> None:
    world = World()
    world.change("u-ann", password_hash="plain")
    with pytest.raises(NotAuthenticated):
        await world.token(password="plain")


async def test_a_hash_with_other_parameters_is_made_anew_at_the_sign_in() -> None:
    world = World()
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=16, parallelism=1).hash("pw")
    world.change("u-ann", password_hash=weak)
    await world.token()
    stored = world.users.by_id["u-ann"].password_hash
    assert stored != weak
    assert not CHEAP.check_needs_rehash(stored)
    await world.token()


async def test_wrong_passwords_for_a_name_are_throttled_by_network() -> None:
    world = World(attempts=2, attempt_interval=5)
    for _ in range(2):
        with pytest.raises(NotAuthenticated):
            await world.token(password="wrong", address="192.0.2.1")
    with pytest.raises(TooManyAttempts) as throttled:
        await world.token(address="192.0.2.1")
    assert throttled.value.details == {"retryAfter": 5}
    await world.token("sue", address="192.0.2.1")
    await world.token(address="192.0.2.77")  # nobody elsewhere keeps the owner of the name out
    world.clock.move(5)
    await world.token(address="192.0.2.1")


async def test_wrong_passwords_for_a_name_are_throttled_from_everywhere_together_too() -> None:
    world = World(attempts=2, attempt_interval=5)
    for number in range(20):
        with pytest.raises(NotAuthenticated):
            await world.token(password="wrong", address=f"192.0.2.{number}")
    with pytest.raises(TooManyAttempts) as throttled:
        await world.token(address="192.0.2.77")
    assert throttled.value.details == {"retryAfter": 1}


async def test_an_unknown_name_is_throttled_like_one_that_is_known() -> None:
    world = World(attempts=1)
    with pytest.raises(NotAuthenticated):
        await world.token("nobody")
    with pytest.raises(TooManyAttempts):
        await world.token("nobody")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("", "", True),
    ],
)
async def test_wrong_passwords_from_an_address_are_throttled_whoever_they_are_for(
    first: str, second: str, same: bool
) -> None:
    world = World(address_attempts=1)
    with pytest.raises(NotAuthenticated):
        await world.token("somebody", address=first)
    with pytest.raises(TooManyAttempts if same else NotAuthenticated):
        await world.token("somebody else", address=second)


async def test_good_passwords_are_not_throttled() -> None:
    world = World(attempts=1, address_attempts=1)
    for _ in range(20):
        await world.token()


async def test_attempts_at_the_same_time_count_each() -> None:
    world = World(attempts=3)
    results = await asyncio.gather(
        *(world.token(password=f"guess {number}") for number in range(10)), return_exceptions=True
    )
    assert sum(type(result) is NotAuthenticated for result in results) == 3
    assert sum(type(result) is TooManyAttempts for result in results) == 7


async def test_more_than_can_wait_are_turned_away() -> None:
    world = World(attempts=1000, address_attempts=1000, verifications=1)
    results = await asyncio.gather(*(world.token() for _ in range(200)), return_exceptions=True)
    turned_away = [result for result in results if isinstance(result, ServiceUnavailable)]
    assert 0 < len(turned_away) < 200
    assert all(isinstance(result, str | ServiceUnavailable) for result in results)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        World(secret=b"short")
