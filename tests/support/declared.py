"""Routes whose methods are held to what their lines name: every answer's address and type, every error."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from manualdial.errors import ManualDialError
from manualdial.requests.dispatcher import AnyAnswer, Route, Routes
from manualdial.requests.request import AnsweredByEvent, DirectReply
from manualdial.requests.routes import ALWAYS
from manualdial.wire.addresses import on_each
from manualdial.wire.envelope import Address


class Declared:
    """The table of contents, and what its methods did that their lines do not name."""

    def __init__(self, routes: Routes) -> None:
        self.undeclared: list[str] = []
        held = {key: self._held(route) for key, route in routes.by_key.items()}
        self.routes = msgspec.structs.replace(routes, by_key=held)

    def check(self) -> None:
        """Fail where a method answered, or raised, what its line does not name."""
        assert not self.undeclared, self.undeclared

    def _held(self, route: Route) -> Route:
        async def method(asks: Any, data: Any) -> AnyAnswer:
            try:
                answer = await route.method(asks, data)
            except ManualDialError as error:
                if type(error) not in (*route.errors, *ALWAYS):
                    self.undeclared.append(f"{route.address} raised {type(error).__name__}")
                raise
            self._look(route, answer)
            return answer

        return msgspec.structs.replace(route, method=method)

    def _look(self, route: Route, answer: AnyAnswer) -> None:
        if isinstance(answer, AnsweredByEvent):
            published = [(answer.published.outgoing.address, None)]
        elif isinstance(answer, DirectReply):
            published = [(answer.address, answer.message), *((each.address, None) for each in answer.then)]
        else:
            published = [(answer.address, answer.message)]
        for address, message in published:
            if not any(self._fits(each, address, message) for each in route.answers):
                self.undeclared.append(f"{route.address} answered {type(message).__name__} on {address}")

    def _fits(self, publication: Any, address: Address, message: Any) -> bool:
        if address not in on_each(publication.address, self.routes.connectors):
            return False
        if message is None:  # it was encoded already
            return True
        (kind,) = get_args(publication.message) or (publication.message,)
        return all(type(one) is kind for one in (message if isinstance(message, list) else [message]))
