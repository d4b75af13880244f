"""What is said on one number of an account counts for the others, and an account hides nothing of a number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.core import Core, Desk, dial_of, error_type
from tests.support.people import BOB
from tests.support.recording_connection import Message

CHECK, SET_DNC, SET_LOCATION = (f"LCM/Webservice/{name}" for name in ("CheckPhoneNumber", "SetDNC", "SetLocation"))
HOME, MOBILE = "+13055550100", "+13055550101"


async def verdict(desk: Desk, number: str, **data: Any) -> Message:
    """What CheckPhoneNumber says."""
    return dict(dial_of(await desk.ask(CHECK, {"PhoneNumber": number, **data}))["verdict"])


async def blocking(desk: Desk, number: str, **data: Any) -> set[str]:
    """The names of the rules that block."""
    rules = (await verdict(desk, number, **data))["rules"]
    return {rule["rule"] for rule in rules if rule["decision"] == "block"}


async def in_a_call(core: Core, desk: Desk, number: str, account: str) -> str:
    """The agent talks to somebody; the id of the call."""
    call_id = str(dial_of(await desk.press(number, AccountNumber=account))["callId"])
    await core.engine.connect(call_id)
    return call_id


@pytest.mark.parametrize("account", [4711, "4711", " 4711 "])
async def test_who_is_listed_with_an_account_is_called_on_no_number_of_it(desk: Desk, account: object) -> None:
    await desk.ask(SET_DNC, {"PhoneNumber": HOME, "AccountNumber": account})
    for number, of_account in ((HOME, None), (HOME, "4712"), (HOME, "4711"), (MOBILE, "4711"), (MOBILE, 4711)):
        assert await blocking(desk, number, AccountNumber=of_account) == {"do-not-call.company"}
    assert await blocking(desk, MOBILE) == set()
    assert await blocking(desk, MOBILE, AccountNumber="4712") == set()
    assert error_type(await desk.press(MOBILE, AccountNumber="4711")) == "CALL_REFUSED"


@pytest.mark.parametrize("blank", ["", "  ", None])
async def test_a_blank_account_is_nobodys(desk: Desk, blank: object) -> None:
    await desk.ask(SET_DNC, {"PhoneNumber": HOME, "AccountNumber": blank})
    assert await blocking(desk, MOBILE, AccountNumber=blank) == set()


async def test_what_is_said_in_a_call_is_of_the_account_of_the_call(core: Core, desk: Desk) -> None:
    await in_a_call(core, desk, HOME, "4711")
    await desk.ask(SET_DNC, {"PhoneNumber": HOME})
    assert await blocking(desk, MOBILE, AccountNumber="4711") == {"do-not-call.company"}


async def test_a_number_that_is_not_that_of_the_call_is_of_no_account(core: Core, desk: Desk) -> None:
    await in_a_call(core, desk, HOME, "4711")
    await desk.ask(SET_DNC, {"PhoneNumber": "+13055550109"})
    assert await blocking(desk, MOBILE, AccountNumber="4711") == set()


async def test_where_the_person_is_counts_for_the_number_of_the_call_alone(core: Core, desk: Desk) -> None:
    call_id = await in_a_call(core, desk, HOME, "4711")
    await desk.ask(SET_LOCATION, {"Jurisdiction": "US-HI"})
    await core.engine.end(call_id)
    for number, source in ((HOME, "stated"), (MOBILE, "number")):
        rules = (await verdict(desk, number, Purpose="sales", AccountNumber="4711"))["rules"]
        (hours,) = [rule for rule in rules if rule["rule"] == "calling-hours.us-fcc"]
        assert hours["evidence"]["source"] == source


async def test_another_account_with_each_press_escapes_no_limit(core: Core, desk: Desk) -> None:
    """Florida: three calls in 24 hours about the same matter."""
    colleague = await core.desk(BOB)
    states = []
    for press in range(4):
        answer = await (desk, colleague)[press % 2].press(
            HOME, f"press {press}", Purpose="sales", AccountNumber=f"account {press}"
        )
        if answer["subtopic"] == "ApiError":
            states.append(error_type(answer))
            continue
        call_id = str(dial_of(answer)["callId"])
        await core.engine.connect(call_id)
        await core.engine.end(call_id)
        states.append("dialled")
        core.clock.move(60)
    assert states == ["dialled", "dialled", "dialled", "CALL_REFUSED"]
