"""Place one call: sign in, log the agent in, press. Needs nothing but Python's standard library.

MANUALDIAL_USER=ann MANUALDIAL_PASSWORD=… python examples/place_a_call.py '+1 202 555 0100'
"""

# ruff: noqa: S310, T201 - it speaks to the terminal, and to the address that it is given

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid

SERVICE = os.environ.get("MANUALDIAL_URL", "http://127.0.0.1:8080")


def post(path: str, body: bytes, **headers: str) -> dict:
    """The answer as JSON: a reply, or the error of the contract with its status."""
    call = urllib.request.Request(SERVICE + path, body, headers)
    try:
        with urllib.request.urlopen(call, timeout=40) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        return json.load(refused)


def send(token: str, message: dict) -> dict:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return post("/v1/messages", json.dumps(message).encode(), **headers)


who = {"username": os.environ["MANUALDIAL_USER"], "password": os.environ["MANUALDIAL_PASSWORD"]}
form = urllib.parse.urlencode({"grant_type": "password", **who}).encode()
token = post("/v1/token", form)["access_token"]
send(token, {"channel": "Amazon", "topic": "Agent", "subtopic": "Login"})

# One press, one id: sending this very message again, after a time-out say, dials nothing.
# The purpose decides which rules are run: a sale needs registries and registrations, see docs/compliance.md.
press = {"channel": "LCM", "topic": "Webservice", "subtopic": "ManualDialCall", "requestId": str(uuid.uuid4())}
answer = send(token, {**press, "data": {"PhoneNumber": sys.argv[1], "Purpose": "service"}})
print(json.dumps(answer, indent=2))
sys.exit("data" in answer)  # an error has `data`, a reply has `message`
