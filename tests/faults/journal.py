"""The calls of the tenant as the service's journal has them, by `/v1/calls`, and the chain of evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import aiohttp

from manualdial.app.adapters import store_for
from manualdial.config import load
from manualdial.evidence import Kind, Proof

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
            if "cursor" not in page:
                return found
            query["cursor"] = page["cursor"]


async def links(environment: Mapping[str, str], *, tenant_id: str) -> tuple[dict[str, list[Kind]], str]:
    """The kinds of links that each call has in the tenant's chain; and where the chain does not hold, else nothing."""
    found: dict[str, list[Kind]] = defaultdict(list)
    proof = Proof(tenant_id)
    async with store_for(load(None, environment)) as store:
        while page := await store.evidence(tenant_id, after=proof.seq):
            if broken := proof.follow(page):
                return found, f"link {broken.seq}: {broken.reason}"
            for link in page:
                if link.call_id is not None:
                    found[link.call_id].append(link.kind)
    broken = proof.end()
    return found, f"link {broken.seq}: {broken.reason}" if broken else ""
