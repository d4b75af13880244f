"""The secret that signs tokens, in a file of the service's own."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from manualdial.identity.tokens import MIN_SECRET_BYTES


def token_secret(path: Path) -> bytes:
    """Read it, or make it for the first time, with no right for anybody else.

    Raises ValueError for one of less than MIN_SECRET_BYTES, and OSError where the file cannot be read or made.
    """
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
    secret = path.read_bytes().strip()
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(f"the secret has at least {MIN_SECRET_BYTES} bytes")
    return secret
