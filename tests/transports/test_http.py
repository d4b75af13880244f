"""HTTP over real sockets: messages, calls, status, figures, what is refused and how."""

from __future__ import annotations

import asyncio
import json
import urllib.parse

import msgspec
import pytest

from manualdial.errors import ManualDialError
from manualdial.ports import Health
from manualdial.requests.history import CallsAsked
from manualdial.transports.statuses import STATUSES
from tests.support.bus_client import BusClient
from tests.support.small_service import SmallService, get, http, post, small_service
from tests.support.waiting import until


def request(subtopic: str, /, **data: object) -> dict[str, object]:
    """A message to one of the addresses of the tests."""
    return {"channel": "LCM", "topic": "Test", "subtopic": subtopic, "data": data}


def classes(root: type[ManualDialError] = ManualDialError) -> list[type[ManualDialError]]:
    """Every class of error."""
    return [one for kind in root.__subclasses__() for one in (kind, *classes(kind))]


async def test_a_message_gets_its_reply(service: SmallService) -> None:
    answer = await post(service.port, await service.token(), request("Echo", text="hello"))
    assert answer.status == 200
    assert answer.json() == {
        "channel": "LCM",
        "topic": "Test",
        "subtopic": "Echo",
        "message": {"text": "hello"},
    }


async def test_the_reply_reaches_the_readers_of_the_agent_too(service: SmallService) -> None:
    token = await service.token()
    async with await BusClient.open(service.port, token=token) as client:
        await post(service.port, token, request("Echo", text="hello"))
        assert (await client.expect("LCM/Test/Echo"))["message"] == {"text": "hello"}


@pytest.mark.parametrize("key", ["a-press", '"a-press"'])
async def test_idempotency_key_stands_for_the_request_id(service: SmallService, key: str) -> None:
    answer = await post(service.port, await service.token(), request("Echo"), **{"Idempotency-Key": key})
    assert answer.json()["requestId"] == "a-press"


async def test_another_request_id_than_the_idempotency_key_is_400(service: SmallService) -> None:
    message = request("Echo") | {"requestId": "one"}
    answer = await post(service.port, await service.token(), message, **{"Idempotency-Key": "another"})
    assert (answer.status, answer.error_type) == (400, "MALFORMED_MESSAGE")


async def test_a_message_between_applications_is_passed_on_and_is_204(service: SmallService) -> None:
    token = await service.token()
    async with await BusClient.open(service.port, token=token) as client:
        answer = await post(service.port, token, {"channel": "CRM", "topic": "Case", "subtopic": "Open"})
        assert (answer.status, answer.body) == (204, b"")
        await client.expect("CRM/Case/Open")


@pytest.mark.parametrize(
    ("body", "status", "error_type"),
    [
        (b"", 400, "MALFORMED_MESSAGE"),
        (b"\xff", 400, "MALFORMED_MESSAGE"),
        (b"[]", 400, "MALFORMED_MESSAGE"),
        (b'{"topic":"Test"}', 400, "MALFORMED_MESSAGE"),
        (b"a" * 65_537, 400, "MALFORMED_MESSAGE"),
        (b"a" * 1_000_000, 400, "MALFORMED_MESSAGE"),
        (b'{"channel":"LCM"}', 404, "UNKNOWN_ADDRESS"),
        (b'{"channel":"LCM","topic":"Test","subtopic":"Happened"}', 403, "NOT_PERMITTED"),
        (b'{"channel":"Bus","topic":"Session","subtopic":"Register"}', 403, "NOT_PERMITTED"),
        (
            b'{"channel":"Bus","topic":"Session","subtopic":"Subscribe","data":{"subscriptions":[]}}',
            403,
            "NOT_PERMITTED",
        ),
    ],
)
async def test_what_is_no_good_message_is_an_api_error(
    service: SmallService, body: bytes, status: int, error_type: str
) -> None:
    answer = await post(service.port, await service.token(), body)
    assert (answer.status, answer.error_type) == (status, error_type)


async def test_65536_bytes_are_read(service: SmallService) -> None:
    message = json.dumps(request("Echo", text="")).encode()
    message = message.replace(b'""', b'"' + b"a" * (65_536 - len(message)) + b'"')
    assert len(message) == 65_536
    assert (await post(service.port, await service.token(), message)).status == 200


@pytest.mark.parametrize(
    "kind", [kind for kind in classes() if kind.__name__ not in ("ControlFailed", "MalformedPacket")]
)
async def test_each_error_has_its_status(service: SmallService, kind: type[ManualDialError]) -> None:
    answer = await post(service.port, await service.token(), request("Fail", error=kind.__name__))
    assert (answer.status, answer.error_type) == (STATUSES[kind.error_type], kind.error_type)
    assert ("www-authenticate" in answer.headers) == (answer.status == 401)


def test_no_class_of_error_is_without_a_line_in_the_table() -> None:
    assert {kind.error_type for kind in classes()} <= set(STATUSES)
    assert set(STATUSES.values()) <= {400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504}


async def test_an_error_that_says_when_to_come_back_says_so_in_the_header(service: SmallService) -> None:
    answer = await post(service.port, await service.token(), request("Fail", error="TooManyRequests", retry_after=7))
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")


async def test_a_database_that_is_away_is_503(service: SmallService) -> None:
    token = await service.token()
    service.users.unavailable = True
    answer = await post(service.port, token, request("Echo"))
    assert (answer.status, answer.error_type) == (503, "SERVICE_UNAVAILABLE")


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/calls", "/v1/calls/some-call"])
@pytest.mark.parametrize("token", [None, "not-a-token"])
async def test_without_a_good_token_there_is_401(service: SmallService, path: str, token: str | None) -> None:
    answer = await (post(service.port, token, {}) if path == "/v1/messages" else get(service.port, path, token))
    assert (answer.status, answer.error_type) == (401, "NOT_AUTHENTICATED")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_in_the_address_is_not_read(service: SmallService) -> None:
    token = await service.token()
    assert (await get(service.port, f"/v1/calls?access_token={token}&token={token}")).status == 400


async def test_a_client_that_hangs_up_does_not_take_its_request_back(service: SmallService) -> None:
    body = json.dumps(request("Wait", text="a dial")).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(
        f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {await service.token()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    await until(lambda: service.started == ["a dial"])
    writer.close()
    await writer.wait_closed()
    service.go_on.set()
    await until(lambda: service.finished == ["a dial"])


async def test_calls_are_asked_for_with_what_the_query_says(service: SmallService) -> None:
    token = await service.token("sue")
    assert (await get(service.port, "/v1/calls", token)).json() == {"calls": []}
    everything = {
        "limit": "7", "cursor": "c", "before": "c1", "since": "a", "until": "b", "number": "+1 202", "agent": "u-ann",
        "state": "held", "outcome": "busy",
    }  # fmt: skip
    await get(service.port, f"/v1/calls?{urllib.parse.urlencode(everything)}", token)
    assert service.records.asked == [
        ("u-sue", CallsAsked(limit=50)),
        ("u-sue", CallsAsked(**everything | {"limit": 7})),  # type: ignore[arg-type]  # as above
    ]


@pytest.mark.parametrize(
    "query",
    [
        *(f"limit={limit}" for limit in ("0", "201", "-1", "many", "1e3", "99999999999999999999", "")),
        "since=" + "2" * 65, "before=" + "x" * 65, "agent=" + "x" * 65,
    ],
)  # fmt: skip
async def test_a_parameter_that_is_not_good_is_400_and_named(service: SmallService, query: str) -> None:
    answer = await get(service.port, f"/v1/calls?{query}", await service.token())
    assert (answer.status, answer.error_type) == (400, "MALFORMED_MESSAGE")
    assert answer.json()["data"]["details"] == {"path": query.partition("=")[0]}


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/v1/calls?agnet=u-bob", "agnet"), ("/v1/calls?limit=5&Limit=5", "Limit"), ("/v1/calls?caller=sue", "caller"),
        ("/v1/calls?limit=5&limit=6", "limit"), ("/v1/calls/c1?x", "x"), ("/v1/calls/c1?call_id=c2", "call_id"),
        ("/status?x=", "x"), ("/metrics?x=1", "x"), ("/schema?x=1", "x"), ("/schema/openapi.json?x=1", "x"),
    ],
)  # fmt: skip
async def test_a_key_of_the_query_that_is_not_known_or_stands_twice_is_refused(
    service: SmallService, path: str, key: str
) -> None:
    answer = await get(service.port, path, await service.token())
    assert (answer.status, answer.error_type) == (400, "MALFORMED_MESSAGE")
    assert answer.json()["data"]["details"] == {"path": key}


async def test_a_call_that_is_not_there_is_404(service: SmallService) -> None:
    answer = await get(service.port, "/v1/calls/some-call", await service.token())
    assert (answer.status, answer.error_type) == (404, "NO_SUCH_CALL")


async def test_status_is_200_where_all_is_well_and_503_with_the_reason_where_not(service: SmallService) -> None:
    well = await get(service.port, "/status")
    assert well.status == 200
    assert well.json()["ok"] is True
    service.health["engine"] = Health(ok=False, detail="ARI does not answer")
    ill = await get(service.port, "/status")
    assert ill.status == 503
    assert ill.json()["dependencies"]["engine"] == {"ok": False, "detail": "ARI does not answer"}


async def test_figures_are_open_or_for_those_who_see_the_tenant() -> None:
    async with small_service() as service:
        answer = await get(service.port, "/metrics")
        assert (answer.status, answer.body[:6]) == (200, b"# TYPE")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    async with small_service(metrics_open=False) as service:
        assert (await get(service.port, "/metrics")).status == 401
        assert (await get(service.port, "/metrics", await service.token("ann"))).status == 403
        assert (await get(service.port, "/metrics", await service.token("sue"))).status == 200


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/bus", "/v1/other", "/schema/swagger", "/schema/other.json"])
async def test_another_path_is_404_as_an_api_error(service: SmallService, path: str) -> None:
    answer = await get(service.port, path)
    assert (answer.status, answer.error_type) == (404, "UNKNOWN_ADDRESS")


async def test_another_method_is_405_as_an_api_error(service: SmallService) -> None:
    answer = await http(service.port, "DELETE", "/v1/calls")
    assert (answer.status, answer.error_type) == (405, "UNKNOWN_ADDRESS")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/status", "/v1/calls", "/nothing", "/schema", "/metrics"])
async def test_every_answer_is_private_and_is_never_a_page(service: SmallService, path: str) -> None:
    answer = await get(service.port, path)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    assert "html" not in answer.headers["content-type"]


async def test_pages_of_other_origins_are_allowed_only_where_listed() -> None:
    async with small_service() as service:
        answer = await get(service.port, "/status", Origin="https://desk.example")
        assert "access-control-allow-origin" not in answer.headers
    async with small_service(allowed_origins=("https://desk.example",)) as service:
        for origin, allowed in (("https://desk.example", True), ("https://elsewhere.example", False)):
            answer = await get(service.port, "/status", Origin=origin)
            assert ("access-control-allow-origin" in answer.headers) is allowed
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/schema", "/schema/openapi.json"])
async def test_the_document_lists_everything_and_no_other_host(service: SmallService, path: str) -> None:
    answer = await get(service.port, path)
    assert answer.status == 200
    document = answer.json()
    assert {(path, method) for path, item in document["paths"].items() for method in item} == {
        ("/v1/token", "post"),
        ("/v1/messages", "post"),
        ("/v1/checks", "post"),
        ("/v1/calls", "get"),
        ("/v1/calls/{call_id}", "get"),
        ("/status", "get"),
        ("/metrics", "get"),
    }
    messages = document["paths"]["/v1/messages"]["post"]
    assert set(messages["responses"]) >= {"200", "204", *map(str, set(STATUSES.values()))}
    *forms, own = messages["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert own["required"] == ["channel"]
    assert [form["properties"]["data"] for form in forms] == [{"$ref": "#/components/schemas/Instruction"}] * 4
    assert messages["security"] == [{"password": []}, {"bearer": []}]
    assert set(document["components"]["securitySchemes"]) == {"password", "bearer"}
    assert b"//" not in answer.body


async def test_the_document_is_there_as_yaml_too(service: SmallService) -> None:
    answer = await get(service.port, "/schema/openapi.yaml")
    assert answer.status == 200
    assert msgspec.yaml.decode(answer.body)["info"]["title"] == "manualdial"


async def test_a_fault_of_ours_tells_nothing_but_an_incident() -> None:
    async with small_service() as service:
        service.health["engine"] = None  # type: ignore[assignment]  # what the handler does not expect
        answer = await get(service.port, "/status")
        assert (answer.status, answer.error_type) == (500, "INTERNAL_ERROR")
        assert set(answer.json()["data"]["details"]) == {"incident"}
        assert b"Traceback" not in answer.body
        assert b".py" not in answer.body


async def test_a_head_that_does_not_end_is_refused(service: SmallService) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"GET /status HTTP/1.1\r\nX-Long: " + b"a" * 200_000)
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 431")
    writer.close()


async def test_what_is_no_http_is_refused(service: SmallService) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"\x16\x03\x01\x02\x00\x01")
    async with asyncio.timeout(5):
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
    writer.close()
