"""Watch the calls of a tenant, as a supervisor or an integration: one line for each change of state.

MANUALDIAL_USER=sue MANUALDIAL_PASSWORD=… python examples/watch_calls.py

Needs aiohttp.
"""

# ruff: noqa: T201 - it speaks to the terminal

import asyncio
import os

import aiohttp

SERVICE = os.environ.get("MANUALDIAL_URL", "http://127.0.0.1:8080")
REGISTER = {
    "channel": "Bus",
    "topic": "Session",
    "subtopic": "Register",
    "data": {"scope": "tenant", "subscriptions": ["*/InboundCall/InboundCallStateChange"]},
}


async def watch() -> None:
    who = {"username": os.environ["MANUALDIAL_USER"], "password": os.environ["MANUALDIAL_PASSWORD"]}
    async with aiohttp.ClientSession(SERVICE, raise_for_status=True) as session:
        async with session.post("/v1/token", data={"grant_type": "password", **who}) as answer:
            token = (await answer.json())["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        async with session.ws_connect("/v1/bus", headers=bearer, heartbeat=20) as bus:
            await bus.send_json(REGISTER)
            registered = await bus.receive_json(timeout=10)
            if registered["subtopic"] == "ApiError":  # without the role of a supervisor, say
                raise SystemExit(registered["data"]["msg"])
            print("registered", flush=True)
            async for frame in bus:
                dial = frame.json()["message"]["call"]["dial"]
                print(dial["at"], dial["callId"], dial["leg"], dial["state"], dial.get("ending", ""), flush=True)
    print("the service closed the connection:", bus.close_code)


asyncio.run(watch())
