"""requests: what a method of a service gets."""

from __future__ import annotations

import pytest

from manualdial.bus import Scope
from manualdial.envelope import Address
from manualdial.errors import NotRegistered
from manualdial.requests import Request
from tests.support.people import ANN
from tests.support.recording_connection import RecordingConnection


def a_request(request_id: str | int | None = None, *, registered: bool = True) -> Request:
    connection = RecordingConnection(caller=ANN if registered else None)
    return Request(address=Address("LCM"), request_id=request_id, connection=connection)


def test_who_asks_is_who_the_connection_belongs_to() -> None:
    assert a_request().caller == ANN
    assert a_request().scope == Scope("t-north", "u-ann")


def test_on_a_connection_that_is_not_registered_nobody_asks() -> None:
    with pytest.raises(NotRegistered):
        _ = a_request(registered=False).caller


@pytest.mark.parametrize(("request_id", "key"), [(4711, "4711"), ("4711", "4711"), (0, "0"), (None, None)])
def test_a_number_and_its_text_name_the_same_press(request_id: str | int | None, key: str | None) -> None:
    assert a_request(request_id).key == key
