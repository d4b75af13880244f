"""Orders → dial strings and identities."""

from __future__ import annotations

import pytest

from manualdial import numbers
from manualdial.calls import Leg
from manualdial.engines.asterisk.dial_strings import DialStrings
from manualdial.ports import EngineRefused, Originate


def dial_strings(**changes: str) -> DialStrings:
    values = {"agent_endpoint": "PJSIP/{extension}", "trunk_endpoint": "PJSIP/{number}@trunk"} | changes
    return DialStrings(caller_id="+12025550180", **values)


def order(extension: str = "4001", *, caller_id: str | None = None, call_id: str = "c-1") -> Originate:
    number = numbers.parse("+12025550100", region="US")
    return Originate(call_id=call_id, extension=extension, number=number, caller_id=caller_id)


def test_numbers_and_extensions_are_put_into_the_dial_strings() -> None:
    assert dial_strings().endpoint(order(), Leg.AGENT) == "PJSIP/4001"
    assert dial_strings().endpoint(order(), Leg.CUSTOMER) == "PJSIP/+12025550100@trunk"
    plain = dial_strings(trunk_endpoint="PJSIP/00{digits}@trunk")
    assert plain.endpoint(order(), Leg.CUSTOMER) == "PJSIP/0012025550100@trunk"


def test_the_order_names_the_caller_id_and_the_configuration_names_the_usual_one() -> None:
    named = order(caller_id="+12025550181")

    assert dial_strings().variables(named, Leg.CUSTOMER)["CONNECTEDLINE(num)"] == "+12025550181"
    assert dial_strings().variables(order(), Leg.CUSTOMER)["CONNECTEDLINE(num)"] == "+12025550180"


@pytest.mark.parametrize(
    "extension", ["", "4001&PJSIP/4002", "4001@elsewhere", "4001/x", "4001,4002", "40 01", "4001\n", "4" * 65]
)
def test_an_extension_that_could_change_the_dial_string_is_refused(extension: str) -> None:
    with pytest.raises(EngineRefused):
        dial_strings().check(order(extension))


@pytest.mark.parametrize("caller_id", ["anonymous", "+1202\r\nVia: x", "+1(202)"])
def test_a_caller_id_that_is_no_number_is_refused(caller_id: str) -> None:
    with pytest.raises(EngineRefused):
        dial_strings().check(order(caller_id=caller_id))


def test_a_call_id_that_could_leave_its_header_or_path_is_refused() -> None:
    with pytest.raises(EngineRefused):
        dial_strings().check(order(call_id="a/../b"))


@pytest.mark.parametrize("wrong", [{"agent_endpoint": "PJSIP/agent"}, {"trunk_endpoint": "PJSIP/trunk"}])
def test_a_dial_string_without_a_place_for_the_number_is_refused_at_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="dial string"):
        dial_strings(**wrong)
