"""The calls of the tenant as the service's journal has them, by `/v1/calls`."""

from __future__ import annotations

from typing import Any

import aiohttp

_PAGE = 200
_LIMIT = 30.0


async def calls(*, port: int, token: str) -> list[dict[str, Any]]:
    """Every call of the tenant, newest first. `token` is a supervisor's."""
    found: list[dict[str, Any]] = []
    query = {"limit": str(_PAGE)}
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=aiohttp.ClientTimeout(total=_LIMIT),
        raise_for_status=True,
    ) as http:
        while True:
            async with http.get("/v1/calls", params=query) as answer:
                page = await answer.json()
            found += page["calls"]
            if "next" not in page:
                return found
            query["before"] = page["next"]
