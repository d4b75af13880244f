"""POST /v1/token: the password grant over real sockets (RFC 6749 §4.3, §5)."""

from __future__ import annotations

import urllib.parse

import pytest

from tests.support.small_service import SmallService, http, post, sign_in, small_service

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_password_gives_a_token_that_is_good(service: SmallService) -> None:
    answer = await sign_in(service.port, "ann", "pw")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    granted = answer.json()
    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 3600)
    message = {"channel": "LCM", "topic": "Test", "subtopic": "Echo"}
    assert (await post(service.port, granted["access_token"], message)).status == 200


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("nobody", "pw"), ("ann", "p" * 2000)])
async def test_a_wrong_password_and_an_unknown_name_look_the_same(
    service: SmallService, name: str, password: str
) -> None:
    answer = await sign_in(service.port, name, password)
    assert (answer.status, answer.json()) == (
        400,
        {"error": "invalid_grant", "error_description": "login name or password is wrong"},
    )


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "invalid_request"),
        ("username=ann&password=pw", "invalid_request"),
        ("grant_type=client_credentials", "unsupported_grant_type"),
        ("grant_type=password&username=ann", "invalid_request"),
        ("grant_type=password&username=&password=pw", "invalid_request"),
        ("grant_type=password&username=ann&username=bob&password=pw", "invalid_request"),
        ("&".join(f"key{number}=1" for number in range(100)), "invalid_request"),
        ("grant_type=password&username=%ff&password=pw", "invalid_request"),
        ("grant_type=password&username=ann&password=" + "p" * 10_000, "invalid_request"),
    ],
)
async def test_what_is_no_password_grant_is_told_as_oauth_tells_it(
    service: SmallService, body: str, error: str
) -> None:
    answer = await http(service.port, "POST", "/v1/token", body.encode(), FORM)
    assert (answer.status, answer.json()["error"]) == (400, error)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_form_is_a_form(service: SmallService) -> None:
    body = b'{"grant_type":"password","username":"ann","password":"pw"}'
    answer = await http(service.port, "POST", "/v1/token", body, {"Content-Type": "application/json"})
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


async def test_credentials_in_the_address_are_not_read(service: SmallService) -> None:
    query = urllib.parse.urlencode({"grant_type": "password", "username": "ann", "password": "pw"})
    assert (await http(service.port, "POST", f"/v1/token?{query}", b"", FORM)).status == 400


async def test_too_many_wrong_passwords_are_429_until_the_time_is_over() -> None:
    async with small_service(attempts=3) as service:
        for _ in range(3):
            assert (await sign_in(service.port, "ann", "wrong")).status == 400
        throttled = await sign_in(service.port, "ann", "pw")
        assert throttled.status == 429
        assert throttled.headers["retry-after"] == "6"
        assert (await sign_in(service.port, "bob", "pw")).status == 200
        service.clock.move(6)
        assert (await sign_in(service.port, "ANN ", "pw")).status == 400  # one attempt is back, and a blank is no name
        service.clock.move(6)
        assert (await sign_in(service.port, "ann", "pw")).status == 200


async def test_a_database_that_is_away_is_503(service: SmallService) -> None:
    service.users.unavailable = True
    assert (await sign_in(service.port, "ann", "pw")).status == 503
