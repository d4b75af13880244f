"""POST /v1/checks over real sockets: what is read, what is refused, and how much at once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from manualdial.transports import openapi
from manualdial.transports.checks import MAX_CHECKS_BYTES
from manualdial.wire.messages.screening import MAX_CHECKS
from tests.support.small_service import HttpAnswer, SmallService, http, small_service
from tests.support.waiting import until

NUMBER = {"PhoneNumber": "+12025550100"}


async def checks(service: SmallService, body: Any, *, name: str | None = "ann") -> HttpAnswer:
    """POST /v1/checks; a body that is bytes goes as it is."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if name is not None:
        headers["Authorization"] = f"Bearer {await service.token(name)}"
    return await http(service.port, "POST", "/v1/checks", raw, headers)


async def test_each_entry_has_its_verdict_or_its_error_in_order(service: SmallService) -> None:
    answer = await checks(service, {"checks": [NUMBER, {}, {"PhoneNumber": "+12025550101"}]})
    assert answer.status == 200
    first, second, third = answer.json()["checks"]
    assert (first["state"], first["number"]["typed"], third["number"]["typed"]) == (
        "checked", "+12025550100", "+12025550101"
    )  # fmt: skip
    assert set(first) == {"state", "number", "verdict"}
    assert set(second) == {"error"}
    assert set(second["error"]) == {"errorType", "errorMessage", "msg", "retryable"}
    assert second["error"]["errorType"] == "PHONE_NUMBER_MISSING"


async def test_no_numbers_have_no_verdicts(service: SmallService) -> None:
    assert (await checks(service, {"checks": []})).json() == {"checks": []}


async def test_brief_leaves_out_the_rules_that_allow(service: SmallService) -> None:
    for brief, told in ((False, ["allow", "warn"]), (True, ["warn"]), ("true", ["warn"])):
        (one,) = (await checks(service, {"checks": [NUMBER], "brief": brief})).json()["checks"]
        assert [rule["decision"] for rule in one["verdict"]["rules"]] == told
        assert one["verdict"]["decision"] == "warn"


async def test_what_stands_beside_the_entries_counts_for_those_that_leave_it_out(service: SmallService) -> None:
    at = "2026-03-02T15:00:00Z"
    entries: list[dict[str, Any]] = [
        {}, {"Purpose": "sales"}, {"purpose ": "sales"}, {"Purpose": None, "at": None}, {"CAMPAIGNID": 7},
    ]  # fmt: skip
    await checks(
        service,
        {"PURPOSE": "survey", "region": "GB", "CampaignId": "spring", "At": at, "checks": entries, "Entry": "list"},
    )
    ((_, asked),) = service.screening.asked
    defaults = {"Region": "GB", "CampaignID": "spring", "At": at}
    assert asked == [
        {"Purpose": "survey", **defaults},
        {"Purpose": "sales", **defaults},
        {"purpose ": "sales", **defaults},
        {"Purpose": "survey", "at": None, **defaults},
        {"CAMPAIGNID": 7, "Purpose": "survey", "Region": "GB", "At": at},
    ]


async def test_entries_of_any_form_are_handed_on_as_they_are(service: SmallService) -> None:
    entries = [[], "PhoneNumber", {"deep": [[[{}]]]}, {"PhoneNumber": "x"}]
    assert (await checks(service, {"checks": entries, "Purpose": "sales"})).status == 200
    ((_, asked),) = service.screening.asked
    assert asked[:2] == [[], "PhoneNumber"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", None), (b"\xff", None), (b"[]", None), (b"null", None), (b'"checks"', None), (b"[" * 100_000, None),
        (b'{"checks":[NaN]}', None), (b'{"checks":[' + b"[" * 100_000, None),
        ({}, ""), ({"checks": None}, "checks"), ({"checks": {}}, "checks"), ({"checks": "all"}, "checks"),
        ({"checks": [], "Purpose": 1}, "Purpose"), ({"checks": [], "Region": []}, "Region"),
        ({"checks": [], "At": 5}, "At"), ({"checks": [], "At": "x" * 65}, "At"),
        ({"checks": [], "brief": "no"}, "brief"), ({"checks": [], "CampaignID": 2**63}, "CampaignID"),
    ],
)  # fmt: skip
async def test_what_is_no_good_body_is_400(service: SmallService, body: Any, path: str | None) -> None:
    answer = await checks(service, body)
    assert (answer.status, answer.error_type) == (400, "MALFORMED_MESSAGE")
    assert answer.json()["data"].get("details") == ({"path": path} if path else None)
    assert not service.screening.asked


@pytest.mark.parametrize("name", [None, "nobody"])
async def test_nobody_asks_without_a_token(service: SmallService, name: str | None) -> None:
    headers = {} if name is None else {"Authorization": f"Bearer {name}"}
    answer = await http(service.port, "POST", "/v1/checks", b'{"checks":[]}', headers)
    assert (answer.status, answer.error_type) == (401, "NOT_AUTHENTICATED")


@pytest.mark.parametrize("name", ["ann", "sue"])
async def test_every_user_may_ask_agent_or_not(service: SmallService, name: str) -> None:
    assert (await checks(service, {"checks": [NUMBER]}, name=name)).status == 200
    assert service.screening.asked == [(f"u-{name}", [NUMBER])]


async def test_a_body_has_at_most_512_kibibytes(service: SmallService) -> None:
    body = json.dumps({"checks": [], "unknown": ""}).encode()
    largest = body.replace(b'""', b'"' + b"x" * (MAX_CHECKS_BYTES - len(body)) + b'"')
    assert len(largest) == MAX_CHECKS_BYTES
    assert (await checks(service, largest)).status == 200
    answer = await checks(service, largest + b" ")
    assert (answer.status, answer.error_type) == (400, "MALFORMED_MESSAGE")


async def test_a_thousand_entries_with_all_that_can_be_said_fit(service: SmallService) -> None:
    entry = {
        "PhoneNumber": "+1 (202) 555-0100 x1234", "Region": "US", "CampaignID": "6f1d5b1e-2c75-4a2f-9d43-0f5b8a0f6f3e",
        "AccountNumber": "ACCT-2026-000123456", "Purpose": "collection", "Entry": "list", "ZipCode": "20001-1234",
        "At": "2026-03-02T10:00:00.000-05:00", "CallerID": "+12025550199",
    }  # fmt: skip
    body = json.dumps({"checks": [entry] * 1000}, indent=2).encode()
    answer = await checks(service, body)
    assert answer.status == 200
    assert len(answer.json()["checks"]) == 1000


async def test_one_caller_has_one_request_under_way_and_others_wait_for_their_turn(service: SmallService) -> None:
    service.screening.go_on.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(checks(service, {"checks": [NUMBER]}))
        await until(lambda: len(service.screening.asked) == 1)
        large = b'{"checks":[' + b" " * 400_000 + b"]}"
        for body in ({"checks": [NUMBER]}, large):
            second = await checks(service, body)
            assert (second.status, second.error_type, second.headers["retry-after"]) == (429, "TOO_MANY_REQUESTS", "1")
        other = group.create_task(checks(service, {"checks": [NUMBER]}, name="bob"))
        service.screening.go_on.set()
    assert (first.result().status, other.result().status) == (200, 200)
    assert [user_id for user_id, _ in service.screening.asked] == ["u-ann", "u-bob"]
    assert (await checks(service, {"checks": [NUMBER]})).status == 200


async def test_whose_turn_does_not_come_in_time_is_told_so() -> None:
    async with small_service(body_timeout=0.1) as service:
        service.screening.go_on.clear()
        async with asyncio.TaskGroup() as group:
            first = group.create_task(checks(service, {"checks": [NUMBER]}))
            await until(lambda: len(service.screening.asked) == 1)
            late = await checks(service, {"checks": [NUMBER]}, name="bob")
            assert (late.status, late.error_type, late.headers["retry-after"]) == (429, "TOO_MANY_REQUESTS", "1")
            service.screening.go_on.set()
        assert first.result().status == 200
        assert (await checks(service, {"checks": [NUMBER]}, name="bob")).status == 200


async def test_a_body_that_does_not_come_is_refused_and_holds_up_nobody() -> None:
    async with small_service(body_timeout=0.1) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(
            f"POST /v1/checks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {await service.token()}\r\n"
            f"Content-Length: 500000\r\n\r\n{{".encode()
        )
        async with asyncio.timeout(5):
            assert (await reader.readline()).startswith(b"HTTP/1.1 400")
        writer.close()
        assert (await checks(service, {"checks": [NUMBER]})).status == 200


async def test_a_refused_request_leaves_the_way_free_for_the_next(service: SmallService) -> None:
    assert (await checks(service, b"rubbish")).status == 400
    assert (await checks(service, {"checks": [NUMBER]})).status == 200


async def test_the_document_tells_what_goes_in_and_what_comes_back(service: SmallService) -> None:
    document = (await http(service.port, "GET", "/schema/openapi.json")).json()
    operation = document["paths"]["/v1/checks"]["post"]
    asked, told = (document["components"]["schemas"][name] for name in ("Checks", "Checked"))
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Checks"}
    assert asked["required"] == ["checks"]
    assert set(asked["properties"]) == {"checks", "Purpose", "Region", "CampaignID", "At", "brief"}
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Checked"}
    kinds = [one["$ref"].rpartition("/")[2] for one in told["properties"]["checks"]["items"]["anyOf"]]
    assert kinds == ["DialChecked", "CheckRefused"]
    assert operation["security"] == openapi.BEARER
    assert set(operation["responses"]) == {"200", "400", "401", "429", "500", "503"}
    assert asked["properties"]["checks"]["maxItems"] == MAX_CHECKS
