"""How an order becomes channels: the dial strings, and the identities that are shown."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from manualdial.agents import is_extension
from manualdial.calls import Leg
from manualdial.ports import EngineRefused, Originate

# It ends up in a dial string, as the extension does.
_NUMBER: Final = re.compile(r"\+?[0-9]{1,20}")
_CALL_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


class DialStrings(msgspec.Struct, frozen=True, kw_only=True):
    """The dial plan of one Asterisk."""

    agent_endpoint: str
    """The dial string of an agent's phone; `{extension}` stands for the extension."""
    trunk_endpoint: str
    """The dial string of a customer; `{number}` stands for E.164, `{digits}` for the same without the plus sign."""
    caller_id: str | None
    """Shown to the customer where an order names none."""

    def __post_init__(self) -> None:
        if "{extension}" not in self.agent_endpoint:
            raise ValueError("the agents' dial string has no {extension}")
        if "{number}" not in self.trunk_endpoint and "{digits}" not in self.trunk_endpoint:
            raise ValueError("the trunk's dial string has neither {number} nor {digits}")

    def check(self, order: Originate) -> None:
        """Raise EngineRefused for an order that cannot safely be put into a dial string."""
        caller_id = self._caller_id(order)
        if not (
            _CALL_ID.fullmatch(order.call_id)
            and is_extension(order.extension)
            and _NUMBER.fullmatch(order.number.e164)
            and (not caller_id or _NUMBER.fullmatch(caller_id))
        ):
            raise EngineRefused("an extension or a number has characters that no dial string can have")

    def endpoint(self, order: Originate, leg: Leg) -> str:
        """The dial string of a leg."""
        if leg is Leg.AGENT:
            return self.agent_endpoint.replace("{extension}", order.extension)
        number = order.number.e164
        return self.trunk_endpoint.replace("{number}", number).replace("{digits}", number.lstrip("+"))

    def variables(self, order: Originate, leg: Leg) -> dict[str, str]:
        """The identities of a leg: the agent's phone shows the customer, the customer's the caller id.

        A channel's own identity is what the other one shows: a bridge passes it on, and would show "anonymous" without
        it, whatever that leg was made with.
        """
        own, shown = self._caller_id(order), order.number.e164
        if leg is Leg.CUSTOMER:
            own, shown = shown, own
        variables = {"PJSIP_HEADER(add,X-Call-Id)": order.call_id}
        if own:
            variables["CALLERID(num)"] = own
        if shown:
            variables["CONNECTEDLINE(num)"] = shown
        return variables

    def _caller_id(self, order: Originate) -> str:
        """The number that the customer sees; "" leaves it to the trunk."""
        return order.caller_id or self.caller_id or ""
