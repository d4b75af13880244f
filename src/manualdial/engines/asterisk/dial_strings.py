"""How an order becomes channels: the dial strings, and the identities that are shown."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from manualdial.ports import EngineRefused, Originate

# Both end up in a dial string, where a slash, an ampersand or a comma would mean something.
_EXTENSION: Final = re.compile(r"[A-Za-z0-9_.+-]{1,64}")
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
        caller_id = self.caller_id_of(order)
        if not (
            _CALL_ID.fullmatch(order.call_id)
            and _EXTENSION.fullmatch(order.extension)
            and _NUMBER.fullmatch(order.number.e164)
            and (not caller_id or _NUMBER.fullmatch(caller_id))
        ):
            raise EngineRefused("an extension or a number has characters that no dial string can have")

    def caller_id_of(self, order: Originate) -> str:
        """What the customer sees; "" leaves it to the trunk."""
        return order.caller_id or self.caller_id or ""

    def endpoint_of_agent(self, order: Originate) -> str:
        """The dial string of the agent's phone."""
        return self.agent_endpoint.replace("{extension}", order.extension)

    def endpoint_of_customer(self, order: Originate) -> str:
        """The dial string of the customer."""
        number = order.number.e164
        return self.trunk_endpoint.replace("{number}", number).replace("{digits}", number.lstrip("+"))

    def variables_of_agent(self, order: Originate) -> dict[str, str]:
        """The agent's phone shows the customer.

        The channel's own identity is the caller id: a bridge shows it to the customer's leg, and would show
        "anonymous" there without it, whatever that leg was made with.
        """
        return self._variables(order, own=self.caller_id_of(order), shown=order.number.e164)

    def variables_of_customer(self, order: Originate) -> dict[str, str]:
        """The customer's phone shows the caller id."""
        return self._variables(order, own=order.number.e164, shown=self.caller_id_of(order))

    def _variables(self, order: Originate, *, own: str, shown: str) -> dict[str, str]:
        variables = {"PJSIP_HEADER(add,X-Call-Id)": order.call_id}
        if own:
            variables["CALLERID(num)"] = own
        if shown:
            variables["CONNECTEDLINE(num)"] = shown
        return variables
