"""Token → Caller, and password → token. Nothing else makes a Caller.

A token says who, never what they may do: name and roles are read from the store each time, so that a user who is
disabled or loses a role does so at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import math
import secrets
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import argon2
import jwt
import msgspec
import structlog

from manualdial.callers import Caller, User
from manualdial.errors import NotAuthenticated, ServiceUnavailable, TokenExpired, TooManyAttempts
from manualdial.ports import Clock, StoreUnavailable
from manualdial.token_bucket import TokenBuckets

log = structlog.get_logger(__name__)

MAX_PASSWORD_BYTES = 1024
MIN_SECRET_BYTES = 32
"""RFC 7518 §3.2: a key of HS256 has at least the size of the hash."""
_ALGORITHM = "HS256"
_CLAIMS = ["iss", "aud", "sub", "iat", "exp", "jti"]
_MAX_LOGIN_NAME_CHARACTERS = 256
_MAX_TOKEN_CHARACTERS = 8192
_MAX_WAITING = 64
_MAX_THROTTLED = 10_000
"""How many names, or addresses, are remembered."""
_IPV6_NETWORK_BITS = 64

_ANYWHERE = 10
"""How many times as often a login name may be tried from everywhere as from one network."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """An access token, and how many seconds it is good for."""

    access_token: str
    expires_in: int


class Users(Protocol):
    """The part of `ports.Store` that signing in needs."""

    async def user(self, user_id: str) -> User | None: ...

    async def user_by_login(self, login_name: str) -> User | None: ...

    async def set_password(self, user_id: str, password_hash: str) -> None: ...


class Identity:
    """Signs users in and tells who a token belongs to; a `ports.Authenticator`."""

    def __init__(
        self,
        *,
        store: Users,
        clock: Clock,
        secret: bytes,
        token_lifetime: float,
        issuer: str = "manualdial",
        audience: str = "manualdial",
        attempts: int = 10,
        attempt_interval: float = 6.0,
        address_attempts: int = 50,
        address_attempt_interval: float = 1.0,
        verifications: int = 2,
        hasher: argon2.PasswordHasher | None = None,
    ) -> None:
        """Times in seconds. Raises ValueError for a secret of less than MIN_SECRET_BYTES.

        `attempts` wrong passwords are taken at once for a login name from one network, and one more every
        `attempt_interval`; ten times that for the name from everywhere, so that nobody elsewhere keeps its owner out
        for long; `address_attempts` for any names from the address. `verifications` passwords are verified at the same
        time, each in a thread.
        """
        if len(secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the secret has at least {MIN_SECRET_BYTES} bytes")
        self._store = store
        self._clock = clock
        self._secret = secret
        self._token_lifetime = timedelta(seconds=token_lifetime)
        self._issuer = issuer
        self._audience = audience
        self._of_name = TokenBuckets(rate=1 / attempt_interval, burst=attempts, most=_MAX_THROTTLED)
        self._of_name_anywhere = TokenBuckets(
            rate=_ANYWHERE / attempt_interval, burst=attempts * _ANYWHERE, most=_MAX_THROTTLED
        )
        self._of_address = TokenBuckets(rate=1 / address_attempt_interval, burst=address_attempts, most=_MAX_THROTTLED)
        self._hasher = hasher or argon2.PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self._verifying = asyncio.Semaphore(verifications)
        self._waiting = 0

    async def caller(self, token: str) -> Caller:
        """The caller that a token stands for. Raises NotAuthenticated, TokenExpired or ServiceUnavailable."""
        claims = self._claims(token)
        expires_at = _moment(claims["exp"])
        if expires_at <= self._clock.now():
            raise TokenExpired("the token has expired")
        try:
            user = await self._store.user(claims["sub"])
        except StoreUnavailable:
            raise ServiceUnavailable("users cannot be read now") from None
        if user is None or user.disabled:
            raise NotAuthenticated("the token's user is not there any more")
        return _caller(user, expires_at)

    async def sign_in(self, login_name: str, password: str, *, address: str) -> Grant:
        """A token for who knows the password; `address` is the client's.

        An unknown name, a wrong password and a disabled user look the same and take the same time.
        Raises NotAuthenticated, TooManyAttempts (`details.retryAfter` in seconds) or ServiceUnavailable.
        """
        name = login_name.strip().casefold()[:_MAX_LOGIN_NAME_CHARACTERS]
        network = _network(address)
        self._take_attempt(self._of_address, network)
        try:
            self._take_attempt(self._of_name, f"{network} {name}")
            self._take_attempt(self._of_name_anywhere, name)
        except TooManyAttempts:
            log.warning("signing in is throttled", address=address)
            raise
        user = await self._verified(login_name, password)
        self._of_address.give_back(network)
        self._of_name.give_back(f"{network} {name}")
        self._of_name_anywhere.give_back(name)
        return self._grant(user)

    def _take_attempt(self, throttle: TokenBuckets, key: str) -> None:
        if wait := throttle.take(key, self._clock.monotonic()):
            raise TooManyAttempts("too many attempts to sign in", details={"retryAfter": math.ceil(wait)})

    async def _verified(self, login_name: str, password: str) -> User:
        try:
            user = await self._store.user_by_login(login_name) if _fits(login_name) else None
        except StoreUnavailable:
            raise ServiceUnavailable("users cannot be read now") from None
        known = user is not None and not user.disabled
        stored = user.password_hash if user is not None and known else self._nobody
        good = await self._verify(stored, password)
        if user is None or not known or not good:
            log.warning("signing in was refused", user=None if user is None else user.id, disabled=not known)
            raise NotAuthenticated("login name or password is wrong")
        if self._hasher.check_needs_rehash(stored):
            await self._rehash(user, password)
        return user

    async def _verify(self, stored: str, password: str) -> bool:
        if len(password.encode("utf-8", "surrogatepass")) > MAX_PASSWORD_BYTES:
            return False
        async with self._turn():
            return await asyncio.to_thread(_matches, self._hasher, stored, password)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """A place among the few that verify at the same time. Raises ServiceUnavailable where too many wait for one."""
        if self._waiting >= _MAX_WAITING:
            raise ServiceUnavailable("too many are signing in at the same time", details={"retryAfter": 1})
        self._waiting += 1
        try:
            await self._verifying.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._verifying.release()

    async def _rehash(self, user: User, password: str) -> None:
        async with self._turn():
            renewed = await asyncio.to_thread(self._hasher.hash, password)
        try:
            await self._store.set_password(user.id, renewed)
        except StoreUnavailable:
            log.warning("a password could not be hashed anew", user=user.id)

    def _grant(self, user: User) -> Grant:
        now = self._clock.now()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": user.id,
            "iat": int(now.timestamp()),
            "exp": int((now + self._token_lifetime).timestamp()),
            "jti": str(uuid.uuid4()),
        }
        token = jwt.encode(claims, self._secret, algorithm=_ALGORITHM)
        return Grant(access_token=token, expires_in=int(self._token_lifetime.total_seconds()))

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > _MAX_TOKEN_CHARACTERS:
            raise NotAuthenticated("the token is too long")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                # The end is compared with our own clock by `caller`.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, UnicodeError, ValueError, RecursionError):
            raise NotAuthenticated("the token is not good") from None
        if not isinstance(claims["sub"], str) or not isinstance(claims["exp"], int):
            raise NotAuthenticated("the token is not good")
        return claims


def hash_password(password: str) -> str:
    """The hash of a password as it is stored: argon2id with a salt of its own. Slow on purpose.

    Raises ValueError for an empty password, or one of more than MAX_PASSWORD_BYTES.
    """
    if not password:
        raise ValueError("a password has at least one character")
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        raise ValueError(f"a password has at most {MAX_PASSWORD_BYTES} bytes")
    return argon2.PasswordHasher().hash(password)


def _matches(hasher: argon2.PasswordHasher, stored: str, password: str) -> bool:
    try:
        return hasher.verify(stored, password.encode("utf-8", "surrogatepass"))
    except argon2.exceptions.VerifyMismatchError:
        return False
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        log.warning("a stored password hash cannot be read")
        return False


def _caller(user: User, expires_at: datetime) -> Caller:
    return Caller(
        user_id=user.id,
        tenant_id=user.tenant_id,
        tenant=user.tenant,
        login_name=user.login_name,
        name=user.name,
        roles=user.roles,
        extension=user.extension,
        region=user.region,
        caller_ids=user.caller_ids,
        expires_at=expires_at,
    )


def _moment(timestamp: int) -> datetime:
    try:
        return datetime.fromtimestamp(timestamp, UTC)
    except (OverflowError, OSError, ValueError):
        raise NotAuthenticated("the token is not good") from None


def _fits(login_name: str) -> bool:
    return 0 < len(login_name) <= _MAX_LOGIN_NAME_CHARACTERS and login_name.isprintable()


def _network(address: str) -> str:
    """Who an address belongs to: of IPv6 one customer has a network of 64 bits at least."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK_BITS), strict=False))
    return str(parsed)
