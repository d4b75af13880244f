"""schemas/asyncapi.json: the whole wire, as any program can read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from manualdial.transports.close_codes import CloseCode
from manualdial.wire import envelope
from manualdial.wire.addresses import PUBLISHED_ONLY
from scripts import asyncapi
from scripts.generate import the_routes

# The schema of the specification itself, from the package `@asyncapi/specs` 6.11.1 (Apache-2.0), without blanks.
SPECIFICATION = json.loads((Path(__file__).parents[1] / "support" / "asyncapi-3.0.0.json").read_text("utf-8"))
PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
ROUTES = the_routes()
DOCUMENT = asyncapi.document(ROUTES)


def references(value: Any) -> Iterator[str]:
    """Every `$ref` of a part of the document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def at(reference: str) -> Any:
    """What a `$ref` points to."""
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def payload_of(example: dict[str, Any]) -> dict[str, Any]:
    """The schema of a message like this one, with all that it refers to."""
    kind = "Message" if "message" in example or example["topic"] == "Error" else "Request"
    address = envelope.Address(example["channel"], example["topic"], example["subtopic"])
    names = (asyncapi.identifier(address), asyncapi.identifier(address.on("{connector}")))
    (name,) = [f"{name}{kind}" for name in names if f"{name}{kind}" in DOCUMENT["components"]["messages"]]
    return {**DOCUMENT["components"]["messages"][name]["payload"], "components": DOCUMENT["components"]}


def test_the_document_is_one_of_asyncapi_3() -> None:
    jsonschema_rs.validator_for(SPECIFICATION).validate(DOCUMENT)


def test_every_reference_leads_somewhere() -> None:
    assert all(at(reference) for reference in references(DOCUMENT))


def test_every_request_is_received_and_names_its_answers_and_errors() -> None:
    for line in ROUTES.lines:
        operation = DOCUMENT["operations"][asyncapi.identifier(line.address)]
        assert at(operation["channel"]["$ref"])["address"] == str(line.address)
        assert operation["action"] == "receive"
        assert operation["summary"]
        channels = [operation["reply"]["channel"], *operation.get("x-other-answers", ())]
        answered = [at("/".join(channel["$ref"].split("/")[:3]))["address"] for channel in channels]
        assert answered == [str(answer.address) for answer in line.answers]
        assert set(operation["x-errors"]) <= set(DOCUMENT["x-errors"])


def test_everything_that_is_published_is_sent() -> None:
    sent = {
        at(operation["channel"]["$ref"])["address"]
        for operation in DOCUMENT["operations"].values()
        if operation["action"] == "send"
    }
    answers = {str(answer.address) for line in ROUTES.lines for answer in line.answers}
    assert sent == answers | {str(each.address) for each in PUBLISHED_ONLY} | {"{channel}/Error/ApiError"}


def test_an_error_says_whether_a_retry_helps_and_what_the_agent_is_told() -> None:
    told = DOCUMENT["x-errors"]["CALL_IN_PROGRESS"]
    assert (told["retryable"], told["msg"]) == (True, "You are in a call already.")
    assert at("#/components/schemas/ErrorType")["enum"] == list(DOCUMENT["x-errors"])


def test_the_close_codes_say_what_a_client_does() -> None:
    codes = DOCUMENT["servers"]["bus"]["x-close-codes"]
    assert [(one["code"], one["client"]) for one in codes] == [(int(code), code.advice) for code in CloseCode]


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one["topic"]], ids=lambda one: one["subtopic"])
def test_every_example_of_the_page_is_a_message_of_the_document(example: dict[str, Any]) -> None:
    jsonschema_rs.validator_for(payload_of(example)).validate(example)


def test_a_message_with_something_else_in_it_is_none_of_the_document() -> None:
    (found, *_) = [one for one in EXAMPLES if one.get("subtopic") == "InboundCallStateChange"]
    example = json.loads(json.dumps(found))
    example["message"]["call"]["dial"]["state"] = "somewhere"
    assert not jsonschema_rs.validator_for(payload_of(example)).is_valid(example)
