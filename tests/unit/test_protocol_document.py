"""docs/protocol.md: what it lists is what the code has, and its examples are good."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from manualdial import config, errors, numbers
from manualdial.bus.bus import MAX_SUBSCRIPTIONS
from manualdial.calls import OUTCOMES, Action, CallState, Cause, EndedBy, allowed_actions
from manualdial.errors import ControlFailed, ManualDialError
from manualdial.identity.tokens import MAX_PASSWORD_BYTES
from manualdial.law import Decision, Purpose, built_in
from manualdial.law.closure import Closure
from manualdial.law.facts import Facts
from manualdial.law.judge import NEVER_OVERRIDDEN
from manualdial.law.records import ListScope
from manualdial.law.verdict import strictest
from manualdial.numbers import MAX_EXTENSION_DIGITS, MAX_TYPED_CHARACTERS
from manualdial.places.by_number import of_number
from manualdial.requests import screening
from manualdial.requests.dispatcher import Key, Routes
from manualdial.requests.history import MAX_CALLS, CallsAsked
from manualdial.transports.checks import MAX_CHECKS_BYTES, Checks
from manualdial.transports.close_codes import CloseCode
from manualdial.transports.http import http_app
from manualdial.transports.statuses import STATUSES
from manualdial.wire import envelope
from manualdial.wire.addresses import AMAZON
from manualdial.wire.envelope import read
from manualdial.wire.messages.calls import ControlReply, DialState
from manualdial.wire.messages.dial import Dial, DialReply, ManualDialReply, VerdictMessage
from manualdial.wire.messages.outbound import ErrorData
from manualdial.wire.messages.screening import MAX_CHECKS, Check, SetDnc, SetLocation
from tests.support.core import Core, shipped_policies
from tests.support.people import A_MORNING

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
NOT_YET = "## Not part of this version"
EXAMPLES: list[dict[str, Any]] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
REQUESTS = [one for one in EXAMPLES if one["topic"] not in ("", "Error") and "message" not in one]
ANSWERS = [one for one in EXAMPLES if one["topic"] and "message" in one]
ERRORS = [one for one in EXAMPLES if one["topic"] == "Error"]


def section(heading: str) -> str:
    """The text below a heading, up to the next one of its rank or a higher one."""
    rank = heading.split(" ")[0]
    _, found, rest = PAGE.partition(f"\n{heading}\n")
    assert found, f"the page has no {heading}"
    return re.split(rf"\n#{{2,{len(rank)}}} ", rest)[0]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every line of every table, without the headings."""
    for line, following in zip(text.splitlines(), [*text.splitlines()[1:], ""], strict=True):
        if line.startswith("|") and not line.startswith("|---") and not following.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def code(cell: str) -> list[str]:
    """What stands in a cell as code."""
    return re.findall(r"`([^`]+)`", cell)


def key_of(address: str) -> Key:
    channel, topic, subtopic = address.replace("{connector}", AMAZON).split("/")
    return envelope.Address(channel, topic, subtopic).key


def addresses(text: str) -> set[Key]:
    """Every `channel/topic/subtopic` in a text."""
    found = re.findall(r"`((?:\{connector\}|LCM|UI|Bus)/[A-Za-z]+/[A-Za-z]+)`", text)
    return {key_of(address) for address in found}


def kinds(root: type[ManualDialError] = ManualDialError) -> Iterator[type[ManualDialError]]:
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from kinds(kind)


@pytest.fixture(scope="module")
def table() -> Routes:
    """The routes of a service."""
    return Core().routes


def of_the_page(keys: set[Key]) -> set[Key]:
    """Without those of the engine's own connector, which the page tells once for every connector."""
    return {key for key in keys if key[0] in ("lcm", "ui", "bus", AMAZON.casefold())}


def test_no_two_rules_have_the_same_id() -> None:
    ids = re.findall(r"\*\*\[(P\d+)\]\*\*", PAGE)
    assert len(ids) > 50
    assert len(ids) == len(set(ids))


def test_every_request_is_listed_and_nothing_else_is(table: Routes) -> None:
    listed = addresses(PAGE.partition(NOT_YET)[0])
    known = of_the_page(set(table.by_key) | table.published_only)
    assert listed == known


def test_every_published_address_stands_in_its_table(table: Routes) -> None:
    text = section("### Scopes, subscriptions, stream")
    listed = {key for row in rows(text) for address in code(row[0]) for key in [key_of(address)]}
    assert listed == of_the_page(set(table.published_only))


def test_what_is_not_part_of_this_version_is_not_there(table: Routes) -> None:
    text = section(NOT_YET)
    assert not addresses(text) & (set(table.by_key) | table.published_only)
    promised = set(re.findall(r"`(?:GET|POST) (/[^`]*)`", text))
    assert promised
    assert not promised & served_paths()


def test_every_path_of_http_is_in_its_table_and_nothing_else_is() -> None:
    listed = {code(cells[0])[0].split(" ")[1] for cells in rows(section("## HTTP"))}
    assert listed - {"/schema"} == served_paths()


def served_paths() -> set[str]:
    """What is served over HTTP but for the description of it, parameters as the page writes them."""
    core = Core()
    unused: Any = None
    app = http_app(
        dispatcher=core.dispatcher,
        identity=unused,
        records=unused,
        screening=core.screening,
        under_way=unused,
        status=unused,
        metrics=unused,
        metrics_open=True,
        body_timeout=1,
    )
    return {
        route.path.replace("{call_id:str}", "{callId}") for route in app.routes if not route.path.startswith("/schema")
    }


def test_every_error_is_in_the_table_with_its_status_and_whether_a_retry_helps() -> None:
    default = {kind.error_type: kind.retryable for kind in kinds() if kind is not ControlFailed}
    listed = {code(cells[0])[0]: cells[1:3] for cells in rows(section("## Errors"))}
    assert set(listed) == set(default)
    for error_type, (status, retryable) in listed.items():
        assert int(status) == STATUSES[error_type], error_type
        assert re.split(r"\W", retryable)[0] == ("yes" if default[error_type] else "no"), error_type


def test_the_close_codes_are_those_of_the_server() -> None:
    listed = [(int(cells[0]), *cells[1:]) for cells in rows(section("### Frames and closing")) if cells[0].isdigit()]
    assert listed == [(int(code), code.meaning, code.advice) for code in CloseCode]


def test_every_state_of_a_call_is_listed_with_what_may_be_done_in_it() -> None:
    listed = {code(cells[0])[0]: code(cells[3]) for cells in rows(section("### States")) if len(cells) == 4}
    assert listed == {state.value: list(allowed_actions(state, frozenset(Action))) for state in CallState}


def test_every_ending_is_listed() -> None:
    listed = {code(cells[0])[0]: code(cells[1]) for cells in rows(section("### States")) if len(cells) == 2}
    assert listed["by"] == [by.value for by in EndedBy]
    assert listed["cause"] == [cause.value for cause in Cause]


def test_the_limits_are_those_of_the_code_and_of_the_configuration() -> None:
    fixed: dict[str, float] = {
        "bytes of a message": envelope.MAX_MESSAGE_BYTES,
        "characters of a channel, topic or subtopic": envelope.MAX_LEVEL_CHARACTERS,
        "characters of a `requestId`": envelope.MAX_LEVEL_CHARACTERS,
        "characters of a `PhoneNumber`": MAX_TYPED_CHARACTERS,
        "digits of an extension after a number": MAX_EXTENSION_DIGITS,
        "subscriptions of a connection": MAX_SUBSCRIPTIONS,
        "calls of a page of `/v1/calls`": MAX_CALLS,
        "bytes of a password": MAX_PASSWORD_BYTES,
        "numbers of a request to `/v1/checks`": MAX_CHECKS,
        "bytes of a request to `/v1/checks`": MAX_CHECKS_BYTES,
        "hours that a place from SetLocation counts": screening.STATED_FOR.total_seconds() / 3600,
    }
    defaults = {".".join(option.path): option.default for option in config.options()}
    named: dict[str, float] = {}
    for what, limit, option in rows(section("## Limits")):
        number = float(limit.replace(",", ""))
        if option:
            assert number == defaults[code(option)[0]], option
        else:
            named[what] = number
    assert named == fixed


def test_every_key_by_which_calls_are_asked_for_is_listed_and_every_outcome() -> None:
    page = section("## Calls as they were")
    listed = [name for cells in rows(page) for name in code(cells[0])]
    assert sorted(listed) == sorted(CallsAsked.__struct_fields__)
    assert {name for line in page.splitlines() if "[P111]" in line for name in code(line)} >= set(OUTCOMES)


def test_every_key_of_a_verdict_is_listed() -> None:
    listed = {code(cells[0])[0] for cells in rows(section("### The verdict"))}
    assert listed == {one.encode_name for one in msgspec.structs.fields(VerdictMessage)}


def test_every_rule_is_listed_the_built_in_ones_by_their_whole_names() -> None:
    listed = [code(cells[0])[0] for cells in rows(section("### Rules"))]
    kinds = {f"{rule.kind}.…" for rule in shipped_policies().rules()}
    assert len(listed) == len(set(listed))
    assert set(listed) == kinds | built_in_rules()


def test_every_rule_that_is_named_is_built_in_or_begins_as_one_of_the_policies() -> None:
    known = {rule.rule for rule in shipped_policies().rules()} | built_in_rules()
    dotted = set(re.findall(r"`((?:calling-hours|attempts|do-not-call)\.[a-z-]+)`", PAGE))
    assert dotted
    assert dotted <= known


def test_the_rules_that_are_never_overridden_are_named() -> None:
    (claim,) = re.findall(r"(.*)are never overridden", PAGE)
    assert set(code(claim)) == set(NEVER_OVERRIDDEN)


def built_in_rules() -> set[str]:
    """The names of the rules that stand in no policy, that of closures without its jurisdiction."""
    number = numbers.parse("+12025550107", region="US")
    located = of_number(number)
    closure = Closure(
        id="c", tenant_id=None, jurisdiction="US-DC", begins=A_MORNING, ends=None, purposes=frozenset(Purpose),
        reason="a storm", closed_by="ada",
    )  # fmt: skip
    facts = Facts(
        at=A_MORNING, number=number, purpose=Purpose.SERVICE, campaign_id="spring", located=located, numbered=located,
        closures=(closure,), missing=("all of it",),
    )  # fmt: skip
    found = {finding.rule for finding in built_in.findings(facts, A_MORNING)}
    return {f"{built_in.CLOSURE}…" if name.startswith(built_in.CLOSURE) else name for name in found}


def test_every_scope_of_a_list_is_listed() -> None:
    listed = {code(cells[0])[0] for cells in rows(section("### SetDNC"))}
    assert listed == {*ListScope, "refusal"}


def test_every_purpose_and_every_decision_is_named() -> None:
    purposes = next(cells for cells in rows(section("### The data of a dial")) if code(cells[0]) == ["Purpose"])
    assert set(code(purposes[2])) >= set(Purpose)
    decisions = next(cells for cells in rows(section("### The verdict")) if code(cells[0]) == ["decision"])
    assert code(decisions[1]) == list(Decision)


def test_every_key_of_the_data_of_a_dial_is_listed() -> None:
    listed = {key for cells in rows(section("### The data of a dial")) for key in code(cells[0])}
    assert listed == {one.encode_name for one in msgspec.structs.fields(Dial)}


@pytest.mark.parametrize(("request_name", "kind"), [("SetDNC", SetDnc), ("SetLocation", SetLocation)])
def test_every_key_of_the_requests_about_numbers_is_listed(request_name: str, kind: type[Any]) -> None:
    cells = next(
        cells for cells in rows(section("## Screening")) if code(cells[0]) == [f"LCM/Webservice/{request_name}"]
    )
    assert set(re.findall(r"[A-Za-z]+", code(cells[1])[0])) == {one.encode_name for one in msgspec.structs.fields(kind)}


def test_the_example_of_many_checks_has_keys_that_are_read() -> None:
    (body,) = re.findall(r"/v1/checks .* -d '(.*?)'", PAGE, re.DOTALL)
    example = json.loads(body)
    assert set(example) <= {one.encode_name for one in msgspec.structs.fields(Checks)}
    for entry in example["checks"]:
        assert set(entry) <= {one.encode_name for one in msgspec.structs.fields(Check)}


def verdicts(value: Any) -> Iterator[dict[str, Any]]:
    """Every `verdict` in an example."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "verdict":
                yield inner
            yield from verdicts(inner)


@pytest.mark.parametrize("verdict", [found for example in EXAMPLES for found in verdicts(example)])
def test_every_verdict_of_an_example_is_one_that_could_be_given(verdict: dict[str, Any]) -> None:
    assert_is(verdict, VerdictMessage)
    assert verdict["decision"] == strictest(Decision(rule["decision"]) for rule in verdict["rules"])
    assert verdict["overridable"] is (verdict["decision"] == "warn")
    assert ("nextPermittedAt" in verdict) is (verdict["decision"] != "allow")


def name_of(example: dict[str, Any]) -> str:
    return f"{example['topic']}-{example['subtopic']}" if example["topic"] else "packet"


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_every_example_is_a_message_of_an_address_that_is_listed(example: dict[str, Any], table: Routes) -> None:
    incoming = envelope.decode(json.dumps(example).encode())
    assert incoming.address.key in set(table.by_key) | table.published_only


@pytest.mark.parametrize("example", REQUESTS, ids=name_of)
def test_every_request_of_an_example_is_read_as_its_route_reads_it(example: dict[str, Any], table: Routes) -> None:
    incoming = envelope.decode(json.dumps(example).encode())
    data = read(incoming.data, table.by_key[incoming.address.key].data)
    told = {name: value for name, value in msgspec.to_builtins(data).items() if value is not None}
    assert told == (incoming.data or {})


@pytest.mark.parametrize("example", ANSWERS, ids=name_of)
def test_every_example_of_an_answer_has_exactly_the_keys_of_its_type(example: dict[str, Any], table: Routes) -> None:
    address = f"{example['topic']}/{example['subtopic']}"
    answers = [each for line in table.lines for each in line.answers if str(each.address).endswith(address)]
    message, kind = example["message"], answers[0].message
    if kind not in (ManualDialReply, ControlReply):
        assert_is(message, kind)
    elif "dial" in message:  # which is of one of several types
        assert_is(message["dial"], DialReply if "replay" in message["dial"] else DialState)


@pytest.mark.parametrize("example", ERRORS, ids=name_of)
def test_every_example_of_an_error_has_exactly_the_keys_of_an_error(example: dict[str, Any]) -> None:
    assert_is(example["data"], ErrorData)


def assert_is(value: Any, kind: type[Any]) -> None:
    """Fail where `value` lacks a key of the type, or has one that the type does not know."""
    assert msgspec.to_builtins(msgspec.convert(value, kind)) == value
