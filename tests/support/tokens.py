"""Tokens as the service makes them, for tests that know its secret and need no password."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import jwt

HOUR = timedelta(hours=1)


def a_token(user_id: str, *, secret: str, good_for: timedelta = HOUR, since: timedelta = timedelta(0)) -> str:
    """What a service with this secret takes for the user's; `since` ago it was made."""
    now = datetime.now(UTC)
    claims = {
        "iss": "manualdial",
        "aud": "manualdial",
        "sub": user_id,
        "iat": int((now - since).timestamp()),
        "exp": int((now + good_for).timestamp()),
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode(claims, secret.encode(), algorithm="HS256")
