"""Reading the body of a request, bounded in bytes and time."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request

from manualdial.errors import MalformedMessage

AnyRequest = Request[Any, Any, Any]

_MAX_DISCARDED_BYTES = 4 << 20  # an answer in the middle of a body resets the connection, and may not be seen


async def read_body(request: AnyRequest, body_timeout: float, *, limit: int) -> bytes:
    """The body. Raises MalformedMessage where it is too big, or does not come in time."""
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(body_timeout):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= limit:
                    body += chunk
                elif size > limit + _MAX_DISCARDED_BYTES:
                    break
    except TimeoutError:
        raise MalformedMessage("the body did not come in time") from None
    if size > limit:
        raise MalformedMessage(f"a body has at most {limit} bytes")
    return bytes(body)
